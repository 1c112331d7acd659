// SPDX-License-Identifier: Apache-2.0
#include "verifier/require/kfunc.h"

#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/require/sections.h"

namespace skep::verifier {
namespace {

Check check_scalar(Run& run, std::uint32_t reg) {
  return run.reg(reg).is_scalar() ? Check::ok() : run.reject(DiagCode::kKfuncNotScalar, std::uint64_t{reg});
}

Check check_constant(Run& run, std::uint32_t reg, std::optional<std::uint64_t>& constant) {
  TRY_OK(check_scalar(run, reg));
  if (!run.reg(reg).is_constant()) return run.reject(DiagCode::kKfuncNotConstant, std::uint64_t{reg});
  run.mark_precise(reg);
  constant = run.reg(reg).scalar.value();
  return Check::ok();
}

Check check_context_argument(Run& run, std::uint32_t index) {
  const Value& value = run.reg(index + 1);
  if (value.kind == ValueKind::kContext) return check_unmodified(run, index + 1);
  return reject_argument(run, index, "expected pointer to ctx, but got " + kind_name(value));
}

/// Null, and what may be null, is refused before anything else is looked at.
Check check_null(Run& run, const KfuncCall& call, std::uint32_t index) {
  const KfuncParameter& parameter = call.kfunc.parameters[index];
  const Value& value = run.reg(index + 1);
  const bool may_be_null = value.is_null() || (value.is_pointer() && value.maybe_null);
  if (!call.trusted_or_rcu() || !may_be_null || parameter.nullable) return Check::ok();
  return run.reject(DiagCode::kKfuncNull, std::uint64_t{index});
}

Check check_kfunc_string(Run& run, std::uint32_t index) {
  if (run.reg(index + 1).kind != ValueKind::kMapValue)
    return reject_argument(run, index, "doesn't point to a const string");
  return check_constant_string(run, index + 1);
}

bool is_number(KfuncParameterKind kind) {
  return kind == KfuncParameterKind::kScalar || kind == KfuncParameterKind::kConstant ||
         kind == KfuncParameterKind::kSize || kind == KfuncParameterKind::kConstantSize;
}

/// Functions that one kind of attachment has, among the programs of its type.
bool attach_type_allows(const Program& program, KfuncId id) {
  constexpr std::uint32_t kTraceIter = 28, kKprobeSession = 56;
  if (id == KfuncId::bpf_sock_destroy) return program.attach_type == kTraceIter;
  if (id == KfuncId::bpf_session_is_return || id == KfuncId::bpf_session_cookie)
    return program.attach_type == kKprobeSession;
  return true;
}

}  // namespace

Check reject_argument(Run& run, std::uint32_t index, std::string text) {
  return run.reject(DiagCode::kKfuncArgument, std::uint64_t{index}, std::move(text));
}

Check check_kfunc_available(Run& run, const Kfunc& kfunc) {
  const KfuncProto* const row = kfunc.row;
  if (row != nullptr && row->id == KfuncId::__bpf_trap) return run.reject(DiagCode::kKfuncTrap);
  if (row == nullptr || !contains(row->available, run.program.type))
    return run.reject(DiagCode::kUnknownKfunc, std::string(kfunc.name));
  if (!attach_type_allows(run.program, row->id)) return run.reject(DiagCode::kUnknownKfunc, std::string(kfunc.name));
  if (row->has(KfuncFlag::kSleepable) && !run.state.sleepable)
    return run.reject(DiagCode::kKfuncSleepable, std::string(kfunc.name));
  if (row->has(KfuncFlag::kRcuProtected) && !in_rcu_section(run.state))
    return run.reject(DiagCode::kKfuncRcuSection, std::string(kfunc.name));
  return Check::ok();
}

Check check_kfunc_argument(Run& run, KfuncCall& call, std::uint32_t index) {
  const KfuncParameter& parameter = call.kfunc.parameters[index];
  const std::uint32_t reg = index + 1;
  if (parameter.kind == KfuncParameterKind::kIgnored || parameter.kind == KfuncParameterKind::kProgram)
    return Check::ok();
  if (!is_number(parameter.kind)) TRY_OK(check_null(run, call, index));
  if (parameter.nullable && run.reg(reg).is_null()) return Check::ok();
  switch (parameter.kind) {
    case KfuncParameterKind::kScalar:
    case KfuncParameterKind::kSize:
      return check_scalar(run, reg);
    case KfuncParameterKind::kConstant:
      return check_constant(run, reg, call.constant);
    case KfuncParameterKind::kConstantSize:
      return check_constant(run, reg, call.size);
    case KfuncParameterKind::kIgnored:
    case KfuncParameterKind::kProgram:
      return Check::ok();
    case KfuncParameterKind::kContext:
      return check_context_argument(run, index);
    case KfuncParameterKind::kSizedMemory:
      return check_kfunc_sized_memory(run, call, index);
    case KfuncParameterKind::kPointer:
      return check_kfunc_pointer(run, call, index);
    case KfuncParameterKind::kMap:
      return check_kfunc_map(run, call, index);
    case KfuncParameterKind::kString:
      return check_kfunc_string(run, index);
    case KfuncParameterKind::kDynptr:
      return check_kfunc_dynptr(run, call, index);
    case KfuncParameterKind::kIterator:
      return check_kfunc_iterator(run, call, index);
    case KfuncParameterKind::kAllocated:
      return check_kfunc_allocated(run, call, index);
    case KfuncParameterKind::kRefcounted:
      return check_kfunc_refcounted(run, call, index);
    case KfuncParameterKind::kIrqFlag:
      return check_kfunc_irq_flag(run, call, index);
    case KfuncParameterKind::kListHead:
      return check_kfunc_list_head(run, call, index);
    case KfuncParameterKind::kListNode:
      return check_kfunc_list_node(run, call, index);
    case KfuncParameterKind::kTreeRoot:
      return check_kfunc_tree_root(run, call, index);
    case KfuncParameterKind::kTreeNode:
      return check_kfunc_tree_node(run, call, index);
    case KfuncParameterKind::kResilientLock:
      return check_kfunc_resilient_lock(run, call, index);
    case KfuncParameterKind::kTimer:
      return check_kfunc_timer(run, call, index);
    case KfuncParameterKind::kWorkQueue:
      return check_kfunc_work_queue(run, call, index);
    case KfuncParameterKind::kTaskWork:
      return check_kfunc_task_work(run, call, index);
    case KfuncParameterKind::kCallback:
      return check_kfunc_callback(run, call, index);
  }
  unreachable();
}

}  // namespace skep::verifier
