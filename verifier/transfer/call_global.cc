// SPDX-License-Identifier: Apache-2.0
// Calls of global functions: the caller's arguments must fit the prototype; what the function does with them is judged
// once, on its own, for all arguments that fit.
#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/require/prototype.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/dynptr.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

constexpr std::uint32_t kSyscallContextBytes = 65535;

/// Linux takes the context as memory where it does not rewrite accesses to it. Functions may write what they are given,
/// and only the context of syscall programs can be written: of the others nothing can be passed.
Check check_context_as_memory(Run& run, std::uint32_t reg, std::uint32_t size) {
  constexpr ProgramTypeSet kAsItIs =
      set_of(ProgramType::kKprobe, ProgramType::kTracepoint, ProgramType::kRawTracepoint,
             ProgramType::kRawTracepointWritable, ProgramType::kTracing, ProgramType::kStructOps,
             ProgramType::kCgroupDevice, ProgramType::kNetfilter, ProgramType::kSyscall);
  TRY_OK(check_unmodified(run, reg));
  const bool writable = run.program.type == ProgramType::kSyscall;
  const std::uint32_t limit = writable ? kSyscallContextBytes : 0;
  if (contains(kAsItIs, run.program.type) && size <= limit) return Check::ok();
  return run.reject(DiagCode::kInvalidMemoryAccess, std::uint64_t{reg});
}

Check check_nullable_memory(Run& run, std::uint32_t reg, const ParameterRule& rule) {
  Value& value = run.reg(reg);
  const bool may_be_null = value.maybe_null || value.is_null();
  if (may_be_null && !rule.nullable) return run.reject(DiagCode::kInvalidMemoryAccess, std::uint64_t{reg});
  if (value.is_null()) return Check::ok();
  if (value.kind == ValueKind::kContext) return check_context_as_memory(run, reg, rule.size);
  // Where it is null the function does not touch it.
  const Value was = value;
  value.maybe_null = false;
  TRY_OK(check_memory(run, reg, rule.size, AccessMode::kRead, ZeroSize::kAllowed));
  // Linux does not ask whether a kernel's object may be written.
  if (value.kind != ValueKind::kBtf) TRY_OK(check_memory(run, reg, rule.size, AccessMode::kWrite, ZeroSize::kAllowed));
  run.reg(reg) = was;
  return Check::ok();
}

/// Whatever kind of dynptr is passed, the function sees one that it cannot change.
Check check_dynptr(Run& run, std::uint32_t reg) {
  if (run.reg(reg).kind == ValueKind::kDynptr) TRY_OK(check_unmodified(run, reg));
  if (find_dynptr(run, reg) != nullptr) return Check::ok();
  return run.reject(DiagCode::kDynptrExpected, std::uint64_t{reg - 1});
}

Check check_parameter(Run& run, std::uint32_t reg, const ParameterRule& rule) {
  TRY_OK(check_readable(run, reg));
  const Value& value = run.reg(reg);
  switch (rule.kind) {
    case ParameterKind::kScalar:
      if (!value.is_scalar()) return run.reject(DiagCode::kInvalidMemoryAccess, std::uint64_t{reg});
      return Check::ok();
    case ParameterKind::kContext:
      if (value.kind != ValueKind::kContext) return run.reject(DiagCode::kInvalidMemoryAccess, std::uint64_t{reg});
      return check_unmodified(run, reg);
    case ParameterKind::kDynptr:
      return check_dynptr(run, reg);
    case ParameterKind::kArena:
      if (value.is_scalar() || value.kind == ValueKind::kArena) return Check::ok();
      return run.reject(DiagCode::kNotArenaArgument, std::uint64_t{reg});
    case ParameterKind::kMemory:
      return check_nullable_memory(run, reg, rule);
    case ParameterKind::kObject:
      if (rule.nullable && value.is_null()) return Check::ok();
      return check_kernel_object(run, reg, rule.type, rule.nullable ? NullAllowed::kYes : NullAllowed::kNo);
    case ParameterKind::kUnchecked:
    case ParameterKind::kUncheckedMemory:
      return Check::ok();
  }
  unreachable();
}

Check refuse_call(Run& run, std::uint32_t callee_index, std::string why) {
  const Subprogram& sub = run.layout.subprograms[callee_index];
  run.rejection.reset();
  return run.reject(DiagCode::kInvalidArguments, std::uint64_t{callee_index},
                    std::string(function_name(run.program, sub)), std::move(why));
}

/// The function may move the packet, also by writing to it through a dynptr, of which Linux does not think here.
bool moves_packet(Run& run, const Effects& effects, const Prototype& prototype) {
  if (effects.moves_packet) return true;
  bool has_packet = effects.makes_skb_dynptr;
  for (std::uint32_t i = 0; i < prototype.parameters.size(); ++i)
    if (prototype.parameters[i].kind == ParameterKind::kDynptr)
      has_packet = has_packet || write_moves_packet(*find_dynptr(run, i + 1));
  return has_packet && effects.writes_dynptr;
}

Value object(Run& run, TypeId type, PointerFlag trust) {
  Value value = pointer(ValueKind::kBtf);
  value.target = type;
  value.set(trust);
  value.id = run.new_id();
  return value;
}

}  // namespace

Check call_global(Run& run, std::uint32_t callee_index) {
  Subprogram& sub = run.layout.subprograms[callee_index];
  TRY_OK(check_global_call_in_section(run, sub));
  const Prototype& prototype = prototype_of(run, callee_index);
  if (!prototype.fault.empty()) return refuse_call(run, callee_index, prototype.fault);
  if (!prototype.unsupported.empty())
    return run.reject(DiagCode::kUnsupported, "a global function: " + prototype.unsupported);
  for (std::uint32_t i = 0; i < prototype.parameters.size(); ++i)
    if (!check_parameter(run, i + 1, prototype.parameters[i]).has_value())
      return refuse_call(run, callee_index, message(*run.rejection));
  const bool moves = moves_packet(run, sub.effects, prototype);
  sub.called = true;
  clobber_arguments(run);
  run.reg(isa::kR0) = unknown_scalar();
  if (moves) forget_packet(run.state);
  return Check::ok();
}

Check enter_global(Run& run, std::uint32_t subprogram) {
  const Prototype& prototype = prototype_of(run, subprogram);
  for (std::uint32_t i = 0; i < prototype.parameters.size(); ++i) {
    const ParameterRule& rule = prototype.parameters[i];
    Value& value = run.reg(i + 1);
    switch (rule.kind) {
      case ParameterKind::kScalar:
      case ParameterKind::kArena:
        value = unknown_scalar();
        break;
      case ParameterKind::kContext:
        value = pointer(ValueKind::kContext);
        break;
      case ParameterKind::kDynptr:
        value = constant_dynptr(run, DynptrKind::Any);
        break;
      case ParameterKind::kObject:
        value = object(run, rule.type, PointerFlag::kTrusted);
        value.maybe_null = rule.nullable;
        break;
      case ParameterKind::kUnchecked:
        value = object(run, rule.type, PointerFlag::kUntrusted);
        break;
      case ParameterKind::kUncheckedMemory:
        value = pointer(ValueKind::kMemory);
        value.read_only = true;
        value.set(PointerFlag::kUntrusted);
        break;
      case ParameterKind::kMemory:
        value = pointer(ValueKind::kMemory);
        value.extent = static_cast<std::int32_t>(rule.size);
        value.maybe_null = rule.nullable;
        if (rule.nullable) value.id = run.new_id();
        break;
    }
  }
  return Check::ok();
}

}  // namespace skep::verifier
