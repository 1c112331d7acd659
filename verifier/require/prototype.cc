// SPDX-License-Identifier: Apache-2.0
#include "verifier/require/prototype.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/try.h"
#include "skep/btf.h"
#include "verifier/require/context_argument.h"

namespace skep::verifier {
namespace {

struct Tags {
  bool context = false, nonnull = false, nullable = false, arena = false, trusted = false, untrusted = false;
  bool other = false;
};

constexpr std::size_t kMaxParameters = 5;

/// The tags of each parameter.
std::array<Tags, kMaxParameters> tags_of(const Btf& btf, TypeId function) {
  constexpr auto kTags = std::to_array<std::pair<std::string_view, bool Tags::*>>({{"ctx", &Tags::context},
                                                                                   {"nonnull", &Tags::nonnull},
                                                                                   {"nullable", &Tags::nullable},
                                                                                   {"arena", &Tags::arena},
                                                                                   {"trusted", &Tags::trusted},
                                                                                   {"untrusted", &Tags::untrusted}});
  constexpr std::string_view kPrefix = "arg:";
  std::array<Tags, kMaxParameters> tags;
  for (TypeId id = 1; id < btf.size(); ++id) {
    const auto* tag = btf.find<btf::DeclTag>(id);
    if (tag == nullptr || tag->target != function || tag->component.value_or(kMaxParameters) >= kMaxParameters)
      continue;
    if (!tag->value.starts_with(kPrefix)) continue;
    const auto* const known = std::find_if(
        kTags.begin(), kTags.end(), [&](const auto& row) { return row.first == tag->value.substr(kPrefix.size()); });
    tags[*tag->component].*(known == kTags.end() ? &Tags::other : known->second) = true;
  }
  return tags;
}

const FunctionInfo* info_of(const Program& program, const Subprogram& subprogram) {
  const auto found = std::find_if(program.functions.begin(), program.functions.end(),
                                  [&](const FunctionInfo& info) { return info.first == subprogram.first; });
  return found == program.functions.end() ? nullptr : &*found;
}

bool is_number(const Btf& btf, TypeId type) {
  const TypeId resolved = btf.resolve(type);
  return btf.find<btf::Int>(resolved) != nullptr || btf.find<btf::Enum>(resolved) != nullptr;
}

std::string nth(std::size_t index) { return "arg#" + std::to_string(index); }

/// The kernel's structure of the same name; what follows "___" is no part of it. 0: there is none.
TypeId kernel_struct(const Program& program, TypeId type) {
  const std::string_view name = program.btf->name(type);
  const bool composite =
      program.btf->find<btf::Composite>(type) != nullptr || program.btf->find<btf::Forward>(type) != nullptr;
  if (!composite || program.target_btf == nullptr) return 0;
  return program.target_btf->find_by_name<btf::Composite>(name.substr(0, name.find("___")));
}

/// A pointer tagged as trusted or untrusted.
void add_object(const Program& program, TypeId target, const Tags& tags, Prototype& result) {
  const Btf& btf = *program.btf;
  const std::string name = nth(result.parameters.size());
  if (tags.context || tags.nonnull) result.fault = name + " has conflicting tags";
  if (!tags.trusted && tags.nullable) result.fault = name + " untrusted cannot be combined with any other tags";
  const bool plain = std::holds_alternative<btf::Void>(btf.type(target)) || is_number(btf, target);
  if (!tags.trusted && plain) return result.parameters.push_back({.kind = ParameterKind::kUncheckedMemory});
  const TypeId type = kernel_struct(program, target);
  if (type == 0) result.fault = name + " is of no type of the kernel";
  const ParameterKind kind = tags.trusted ? ParameterKind::kObject : ParameterKind::kUnchecked;
  result.parameters.push_back({.kind = kind, .nullable = tags.nullable, .type = type});
}

/// Adds the rule of the next parameter, or says why there is none.
void add_parameter(const Program& program, const btf::Parameter& parameter, const Tags& tags, Prototype& result) {
  const Btf& btf = *program.btf;
  const std::size_t index = result.parameters.size();
  const TypeId resolved = btf.resolve(parameter.type);
  const auto* pointer = btf.find<btf::Pointer>(resolved);
  if (tags.other) {
    result.unsupported = nth(index) + " with a tag of dynptrs";
    return;
  }
  if (pointer == nullptr) {
    if (!is_number(btf, resolved) || tags.context || tags.nonnull || tags.nullable || tags.trusted || tags.untrusted) {
      result.fault = nth(index) + " is neither number nor pointer";
      return;
    }
    result.parameters.push_back({.kind = ParameterKind::kScalar});
    return;
  }
  if (tags.arena) {
    if (tags.context || tags.nonnull || tags.nullable)
      result.fault = nth(index) + " arena cannot be combined with any other tags";
    result.parameters.push_back({.kind = ParameterKind::kArena});
    return;
  }
  const TypeId target = btf.resolve(pointer->target);
  if (tags.trusted || tags.untrusted) return add_object(program, target, tags, result);
  if (tags.context || names_context(program, pointer->target)) {
    if (tags.context && !may_be_tagged_context(program, pointer->target))
      result.fault = nth(index) + " is tagged as context and has another type";
    if (tags.nonnull || tags.nullable) result.fault = nth(index) + " has conflicting tags";
    result.parameters.push_back({.kind = ParameterKind::kContext});
    return;
  }
  if (btf.name(target) == "bpf_dynptr" || btf.name(target) == "bpf_dynptr_kern") {
    if (tags.nonnull || tags.nullable) result.unsupported = nth(index) + " is a dynptr with tags";
    result.parameters.push_back({.kind = ParameterKind::kDynptr});
    return;
  }
  const auto size = btf.size_of(target);
  if (!size) {
    result.fault = nth(index) + " points to a type without size";
    return;
  }
  result.parameters.push_back({.kind = ParameterKind::kMemory, .size = *size, .nullable = !tags.nonnull});
}

Prototype make_prototype(const Program& program, const Subprogram& subprogram) {
  Prototype result;
  const FunctionInfo* const info = info_of(program, subprogram);
  const auto* function =
      info == nullptr || program.btf == nullptr ? nullptr : program.btf->find<btf::Func>(info->btf_type_id);
  const auto* proto = function == nullptr ? nullptr : program.btf->find<btf::FuncProto>(function->prototype);
  if (proto == nullptr) {
    result.fault = "BTF has no prototype of it";
    return result;
  }
  if (proto->parameters.size() > kMaxParameters) result.fault = "more than five parameters";
  result.returns_other = !is_number(*program.btf, proto->returns);
  if (result.returns_other) result.fault = "it does not return a scalar";
  const auto tags = tags_of(*program.btf, info->btf_type_id);
  for (std::size_t i = 0; i < proto->parameters.size() && result.fault.empty() && result.unsupported.empty(); ++i)
    add_parameter(program, proto->parameters[i], tags[i], result);
  return result;
}

}  // namespace

std::string_view function_name(const Program& program, const Subprogram& subprogram) {
  const FunctionInfo* const info = info_of(program, subprogram);
  return info == nullptr || program.btf == nullptr ? std::string_view{} : program.btf->name(info->btf_type_id);
}

const Prototype& prototype_of(Run& run, std::uint32_t subprogram) {
  const auto known = run.prototypes.find(subprogram);
  if (known != run.prototypes.end()) return known->second;
  return run.prototypes.emplace(subprogram, make_prototype(run.program, run.layout.subprograms[subprogram]))
      .first->second;
}

}  // namespace skep::verifier
