// SPDX-License-Identifier: Apache-2.0
#include "verifier/btf/traced.h"

#include <algorithm>
#include <array>

#include "base/cat.h"
#include "btf/attach_target.h"
#include "verifier/btf/operations.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

constexpr std::uint32_t kSlotBytes = 8, kMaxArguments = 12;

/// UAPI bpf_attach_type of programs with such contexts.
enum class Attach : std::uint32_t {
  kRawTp = 23,
  kFentry = 24,
  kFexit = 25,
  kModifyReturn = 26,
  kLsm = 27,
  kIter = 28,
  kLsmCgroup = 43
};

struct Exception {
  Attach hook{};
  std::string_view name;
  std::uint32_t index = 0;
  TracedArgument argument{};
};
namespace row {  // NOLINTBEGIN(readability-identifier-naming): in a row they stand beside the enumerators.
using enum ArgumentKind;
constexpr TracedArgument TrustedOrNull{.kind = kStruct, .trusted = true, .maybe_null = true},
    PlainOrNull{.kind = kStruct, .maybe_null = true}, BufferOrNull{.kind = kBuffer, .maybe_null = true},
    ReadOnlyBufferOrNull{.kind = kBuffer, .maybe_null = true, .read_only = true};
}  // namespace row
// NOLINTEND(readability-identifier-naming)
constexpr auto kExceptions = std::to_array<Exception>({
#define TRACED_ARGUMENT(hook, name, index, what) {Attach::k##hook, #name, index, row::what},
#include "verifier/btf/traced_arguments.def"
});

const Exception* find_exception(Attach hook, std::string_view name, std::uint32_t index) {
  for (const Exception& one : kExceptions)
    if (one.hook == hook && one.index == index && one.name == name) return &one;
  return nullptr;
}
bool is_iterator(std::string_view name) {
  return std::any_of(kExceptions.begin(), kExceptions.end(),
                     [&](const Exception& one) { return one.hook == Attach::kIter && one.name == name; });
}

const btf::FuncProto* pointed_prototype(const Btf& btf, TypeId type) {
  const auto* pointer = btf.find<btf::Pointer>(btf.resolve(type));
  return pointer == nullptr ? nullptr : btf.find<btf::FuncProto>(btf.resolve(pointer->target));
}

TracedArgument argument_of(const Btf& btf, TypeId type, bool trusted) {
  const auto* pointer = btf.find<btf::Pointer>(btf.resolve(type));
  if (pointer == nullptr) return {.kind = ArgumentKind::kScalar};
  const TypeId target = btf.resolve(pointer->target);
  if (btf.find<btf::Composite>(target) != nullptr)
    return {.kind = ArgumentKind::kStruct, .type = target, .trusted = trusted};
  return {.kind = btf.find<btf::FuncProto>(target) != nullptr ? ArgumentKind::kUnreadable : ArgumentKind::kScalar};
}

/// Builds the list of arguments.
class Builder {
 public:
  Builder(const Program& program, Traced& traced) : program_(program), btf_(*program.target_btf), traced_(traced) {}

  /// `skip`: parameters that the program does not see.
  void add_parameters(const btf::FuncProto& prototype, std::size_t skip, bool trusted) {
    for (std::size_t i = skip; i < prototype.parameters.size(); ++i) add(prototype.parameters[i].type, trusted);
  }
  /// An argument by value takes as many slots as it needs.
  void add(TypeId type, bool trusted) {
    const auto size = btf_.size_of(btf_.resolve(type));
    const bool by_value = btf_.find<btf::Composite>(btf_.resolve(type)) != nullptr && size;
    const std::uint32_t slots = by_value ? std::max(1u, (*size + kSlotBytes - 1) / kSlotBytes) : 1;
    TracedArgument argument = argument_of(btf_, type, trusted);
    if (const Exception* const found = exception()) {
      const TypeId target = argument.type;
      argument = found->argument;
      argument.type = target;
    }
    for (std::uint32_t i = 0; i < slots && traced_.arguments.size() < kMaxArguments; ++i)
      traced_.arguments.push_back(argument);
  }

 private:
  [[nodiscard]] const Exception* exception() const {
    return program_.type != ProgramType::kTracing
               ? nullptr
               : find_exception(static_cast<Attach>(program_.attach_type), program_.attach_target,
                                static_cast<std::uint32_t>(traced_.arguments.size()));
  }

  const Program& program_;
  const Btf& btf_;
  Traced& traced_;
};

bool is_void(const Btf& btf, TypeId type) { return std::holds_alternative<btf::Void>(btf.type(btf.resolve(type))); }

TracedOrReason trace_tracepoint(const Program& program, TypeId type, Traced traced) {
  const Btf& btf = *program.target_btf;
  const auto* prototype = pointed_prototype(btf, type);
  if (prototype == nullptr) return cat("the kernel's type of tracepoint ", program.attach_target, " is none");
  traced.function = program.attach_target;
  Builder(program, traced).add_parameters(*prototype, 1, true);
  return traced;
}

TracedOrReason trace_iterator(const Program& program, const btf::Func& function, Traced traced) {
  const auto* prototype = program.target_btf->find<btf::FuncProto>(function.prototype);
  if (prototype == nullptr || !is_iterator(program.attach_target))
    return cat(function.name, " is no iterator that is known");
  traced.function = function.name;
  traced.returns = ReturnRange{.low = 0, .high = 1};
  Builder(program, traced).add_parameters(*prototype, 0, true);
  return traced;
}

/// fentry, fexit and fmod_ret.
TracedOrReason trace_function(const Program& program, const btf::Func& function, Traced traced) {
  const Btf& btf = *program.target_btf;
  const auto* prototype = btf.find<btf::FuncProto>(function.prototype);
  if (prototype == nullptr) return cat("the kernel's function ", function.name, " has no prototype");
  traced.function = function.name;
  Builder builder(program, traced);
  builder.add_parameters(*prototype, 0, false);
  const auto attach = static_cast<Attach>(program.attach_type);
  if (attach != Attach::kFentry && !is_void(btf, prototype->returns)) builder.add(prototype->returns, false);
  if (attach != Attach::kModifyReturn) traced.returns = ReturnRange{.low = 0, .high = 0};
  return traced;
}

TracedOrReason trace_hook(const Program& program, const btf::Func& function, Traced traced) {
  constexpr std::int64_t kLeastErrno = -4095;
  const Btf& btf = *program.target_btf;
  const auto* prototype = btf.find<btf::FuncProto>(function.prototype);
  if (prototype == nullptr) return cat("the kernel's function ", function.name, " has no prototype");
  traced.function = function.name;
  // An object that is being freed is none to rely on.
  Builder(program, traced).add_parameters(*prototype, 0, function.name.find("_free") == std::string_view::npos);
  const auto* result = btf.find<btf::Int>(btf.resolve(prototype->returns));
  if (is_void(btf, prototype->returns)) {
    traced.returns_nothing = true;
  } else if (static_cast<Attach>(program.attach_type) == Attach::kLsmCgroup || (result != nullptr && result->is_bool)) {
    traced.returns = ReturnRange{.low = 0, .high = 1};
  } else {
    traced.returns = ReturnRange{.low = kLeastErrno, .high = 0};
  }
  return traced;
}

/// Parameters of the member's stub that may be null end so.
constexpr std::string_view kNullable = "__nullable";

TracedOrReason trace_operation(const Program& program, btf::AttachTarget target, Traced traced) {
  const Btf& btf = *program.target_btf;
  const auto& table = *btf.find<btf::Composite>(target.type);
  const btf::Member& member = table.members[target.member];
  const auto* prototype = pointed_prototype(btf, member.type);
  const std::string of_struct = cat(member.name, " of struct ", table.name);
  if (!is_gpl_compatible(program.license)) return "struct ops programs must have a GPL compatible license";
  if (btf.find_by_name<btf::Composite>(cat("bpf_struct_ops_", table.name)) == 0 || !is_operations(table.name))
    return cat("attach_btf_id ", target.type, " is not a supported struct");
  if (prototype == nullptr)
    return cat("attach to invalid member ", member.name, "(@idx ", target.member, ") of struct ", table.name);
  if (!may_implement(table.name, member.name) || (program.sleepable && !may_sleep(table.name, member.name)))
    return cat("attach to unsupported member ", member.name, " of struct ", table.name);
  traced.function = member.name;
  traced.operations = table.name;
  Builder(program, traced).add_parameters(*prototype, 0, true);
  const auto* stub = btf.find<btf::Func>(btf.find_by_name<btf::Func>(cat(table.name, "__", member.name)));
  const auto* of_stub = stub == nullptr ? nullptr : btf.find<btf::FuncProto>(stub->prototype);
  for (std::size_t i = 0; i < traced.arguments.size(); ++i) {
    TracedArgument& argument = traced.arguments[i];
    if (argument.kind != ArgumentKind::kStruct) continue;
    argument.type = promoted(btf, table.name, argument.type);
    if (of_stub != nullptr && i < of_stub->parameters.size() && of_stub->parameters[i].name.ends_with(kNullable))
      argument.maybe_null = true;
  }
  traced.returns_nothing = is_void(btf, prototype->returns);
  return traced;
}

}  // namespace

TracedOrReason find_traced(const Program& program) {
  const bool traced = program.type == ProgramType::kTracing || program.type == ProgramType::kLsm ||
                      program.type == ProgramType::kStructOps;
  if (!traced) return std::nullopt;
  const auto target = btf::find_attach_target(program);
  if (!target) return target.error().message;
  if (target->type == 0) return "the attach type is none of its program type's";
  if (program.type == ProgramType::kStructOps) return trace_operation(program, *target, {});
  const auto attach = static_cast<Attach>(program.attach_type);
  if (attach == Attach::kRawTp) return trace_tracepoint(program, target->type, {});
  const auto& function = *program.target_btf->find<btf::Func>(target->type);
  if (attach == Attach::kIter) return trace_iterator(program, function, {});
  return program.type == ProgramType::kLsm ? trace_hook(program, function, {}) : trace_function(program, function, {});
}

}  // namespace skep::verifier
