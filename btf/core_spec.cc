// SPDX-License-Identifier: Apache-2.0
// The way that a CO-RE record describes, through the object's types and through the target's.
#include <charconv>
#include <string>

#include "base/cat.h"
#include "base/try.h"
#include "btf/core.h"

namespace skep::core {

namespace {

constexpr std::size_t kMaxSteps = 64;  // libbpf's BPF_CORE_SPEC_MAX_LEN.

Error malformed(const CoreRecord& record, std::string_view what) {
  return Error{Errc::kMalformed, cat("CO-RE relocation ", core_kind_name(record.kind), " of type ", record.type, " (",
                                     record.access, "): ", what)};
}

Result<std::vector<std::uint32_t>> parse_indices(const CoreRecord& record) {
  std::vector<std::uint32_t> indices;
  const char* at = record.access.data();
  const char* const end = at + record.access.size();
  while (true) {
    std::uint32_t index = 0;
    const auto [next, error] = std::from_chars(at, end, index);
    if (error != std::errc{} || indices.size() == kMaxSteps)
      return malformed(record, "expected up to 64 numbers between colons");
    indices.push_back(index);
    if (next == end) return indices;
    if (*next != ':') return malformed(record, "expected a colon between two numbers");
    at = next + 1;
  }
}

/// An array without elements at the end of a structure holds as many as one asks for.
bool is_flexible(const Btf& btf, const Spec& spec, const btf::Array& array) {
  if (array.count != 0 || spec.steps.empty() || spec.steps.back().name.empty()) return false;
  const auto* holder = btf.find<btf::Composite>(spec.steps.back().type);
  return holder != nullptr && spec.steps.back().index + 1 == holder->members.size();
}

Status enter_element(const Btf& btf, Spec& spec, TypeId element, std::uint32_t index) {
  TRY(const std::uint32_t size, btf.size_of(element));
  spec.steps.push_back({.type = element, .index = index, .name = {}});
  spec.bit_offset += std::uint64_t{index} * size * 8;
  return kOk;
}

/// Follows member indices from the root; `id` is the type reached.
Result<Spec> parse_field(const Btf& btf, const CoreRecord& record, const std::vector<std::uint32_t>& indices) {
  Spec spec{.root = record.type, .steps = {}, .bit_offset = 0};
  TypeId id = btf.resolve(record.type);
  TRY_OK(enter_element(btf, spec, id, indices[0]));
  for (std::size_t i = 1; i < indices.size(); ++i) {
    id = btf.resolve(id);
    if (const auto* composite = btf.find<btf::Composite>(id)) {
      if (indices[i] >= composite->members.size()) return malformed(record, "a member that the type does not have");
      const btf::Member& member = composite->members[indices[i]];
      spec.bit_offset += member.bit_offset;
      if (!member.name.empty()) spec.steps.push_back({.type = id, .index = indices[i], .name = member.name});
      id = member.type;
      continue;
    }
    const auto* array = btf.find<btf::Array>(id);
    if (array == nullptr) return malformed(record, "leads into a type that has neither members nor elements");
    if (indices[i] >= array->count && !is_flexible(btf, spec, *array))
      return malformed(record, "an element that the array does not have");
    id = btf.resolve(array->element);
    TRY_OK(enter_element(btf, spec, id, indices[i]));
  }
  return spec;
}

/// Finds the member that `wanted` names in `id` or in the unnamed structures in it.
class MemberSearch {
 public:
  MemberSearch(const Btf& local_btf, const Step& wanted, const Btf& target_btf)
      : local_btf_(local_btf), wanted_(wanted), target_btf_(target_btf) {}

  /// The type of the member found; nullopt: there is none of a type that fits. Recursion: parse() bounds nesting.
  std::optional<TypeId> run(TypeId id, Spec& spec) const {
    id = target_btf_.resolve(id);
    const auto* composite = target_btf_.find<btf::Composite>(id);
    if (composite == nullptr) return std::nullopt;
    for (std::uint32_t i = 0; i < composite->members.size(); ++i) {
      const btf::Member& member = composite->members[i];
      const std::uint64_t before = spec.bit_offset;
      spec.bit_offset += member.bit_offset;
      if (member.name.empty()) {
        if (const auto found = run(member.type, spec)) return found;
      } else if (member.name == wanted_.name) {
        const auto* holder = local_btf_.find<btf::Composite>(wanted_.type);
        if (!fields_compatible(local_btf_, holder->members[wanted_.index].type, target_btf_, member.type))
          return std::nullopt;
        spec.steps.push_back({.type = id, .index = i, .name = member.name});
        return member.type;
      }
      spec.bit_offset = before;
    }
    return std::nullopt;
  }

 private:
  const Btf& local_btf_;
  const Step& wanted_;
  const Btf& target_btf_;
};

Result<std::optional<Spec>> match_field(const Btf& local_btf, const Spec& local, const Btf& target_btf, TypeId target) {
  Spec spec{.root = target, .steps = {}, .bit_offset = 0};
  TypeId id = target;
  for (std::size_t i = 0; i < local.steps.size(); ++i) {
    const Step& step = local.steps[i];
    id = target_btf.resolve(id);
    if (!step.name.empty()) {
      const auto next = MemberSearch(local_btf, step, target_btf).run(id, spec);
      if (!next) return std::optional<Spec>{};
      id = *next;
      continue;
    }
    if (i != 0) {  // The root is taken as an element already.
      const auto* array = target_btf.find<btf::Array>(id);
      if (array == nullptr || (step.index >= array->count && !is_flexible(target_btf, spec, *array)))
        return std::optional<Spec>{};
      id = target_btf.resolve(array->element);
    }
    TRY_OK(enter_element(target_btf, spec, id, step.index));
  }
  return std::optional(std::move(spec));
}

std::optional<Spec> match_enumerator(const Step& wanted, const Btf& target_btf, TypeId target) {
  const TypeId id = target_btf.resolve(target);
  const auto* values = target_btf.find<btf::Enum>(id);
  if (values == nullptr) return std::nullopt;
  const std::string_view name = essential_name(wanted.name);
  for (std::uint32_t i = 0; i < values->values.size(); ++i)
    if (essential_name(values->values[i].name) == name)
      return Spec{.root = target, .steps = {{.type = id, .index = i, .name = values->values[i].name}}, .bit_offset = 0};
  return std::nullopt;
}

}  // namespace

Family family(Kind kind) {
  switch (kind) {
    case Kind::kFieldByteOffset:
    case Kind::kFieldByteSize:
    case Kind::kFieldExists:
    case Kind::kFieldSigned:
    case Kind::kFieldLeftShift:
    case Kind::kFieldRightShift:
      return Family::kField;
    case Kind::kEnumeratorExists:
    case Kind::kEnumeratorValue:
      return Family::kEnumerator;
    case Kind::kTypeIdLocal:
    case Kind::kTypeIdTarget:
    case Kind::kTypeExists:
    case Kind::kTypeSize:
    case Kind::kTypeMatches:
      break;
  }
  return Family::kType;
}

std::string_view essential_name(std::string_view name) {
  // A separator is three underscores between two other letters; the last one counts.
  for (std::size_t i = name.size(); i >= 5; --i) {
    const std::string_view window = name.substr(i - 5, 5);
    if (window.front() != '_' && window.substr(1, 3) == "___" && window.back() != '_') return name.substr(0, i - 4);
  }
  return name;
}

Result<Spec> parse_spec(const Btf& btf, const CoreRecord& record) {
  if (record.kind > static_cast<std::uint32_t>(Kind::kTypeMatches))
    return malformed(record, cat("kind ", record.kind, " is unknown"));
  const auto kind = static_cast<Kind>(record.kind);
  if (family(kind) == Family::kType) {
    if (record.access != "0") return malformed(record, "a type has no members to choose: expected 0");
    return Spec{.root = record.type, .steps = {}, .bit_offset = 0};
  }
  TRY(const auto indices, parse_indices(record));
  if (family(kind) == Family::kField) return parse_field(btf, record, indices);
  const TypeId id = btf.resolve(record.type);
  const auto* values = btf.find<btf::Enum>(id);
  if (values == nullptr || indices.size() != 1 || indices[0] >= values->values.size())
    return malformed(record, "no such enumerator");
  return Spec{.root = record.type,
              .steps = {{.type = id, .index = indices[0], .name = values->values[indices[0]].name}},
              .bit_offset = 0};
}

Result<std::optional<Spec>> match_spec(Kind kind, const Btf& local_btf, const Spec& local, const Btf& target_btf,
                                       TypeId target) {
  switch (family(kind)) {
    case Family::kField:
      return match_field(local_btf, local, target_btf, target);
    case Family::kEnumerator:
      return match_enumerator(local.steps[0], target_btf, target);
    case Family::kType:
      break;
  }
  TRY(const bool fits, kind == Kind::kTypeMatches ? types_match(local_btf, local.root, target_btf, target)
                                                  : types_compatible(local_btf, local.root, target_btf, target));
  if (!fits) return std::optional<Spec>{};
  return std::optional(Spec{.root = target, .steps = {}, .bit_offset = 0});
}

}  // namespace skep::core
