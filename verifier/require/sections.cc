// SPDX-License-Identifier: Apache-2.0
// Sections in which a program may not sleep or end: RCU read-side, preemption or interrupts off, a lock held.
#include "verifier/require/sections.h"

#include <string>

#include "base/try.h"
#include "base/unreachable.h"

namespace skep::verifier {

bool in_rcu_section(const State& state) { return state.rcu_locks != 0 || state.active_locks != 0 || !state.sleepable; }

bool may_sleep(const State& state) {
  return state.sleepable && state.rcu_locks == 0 && state.preempt_locks == 0 && state.active_irq == 0 &&
         state.active_locks == 0;
}

Check check_sleeping_helper(Run& run, const HelperProto& proto) {
  const State& state = run.state;
  if (!state.sleepable) return run.reject(DiagCode::kHelperMightSleep);
  const auto refuse = [&](DiagCode code) { return run.reject(code, std::string(proto.name), std::int64_t{proto.id}); };
  if (state.rcu_locks != 0) return refuse(DiagCode::kSleepInRcu);
  if (state.preempt_locks != 0) return refuse(DiagCode::kSleepWithoutPreemption);
  if (state.active_irq != 0) return refuse(DiagCode::kSleepWithoutIrq);
  return Check::ok();
}

Check check_nothing_held(Run& run, DiagCode leak, std::string_view what) {
  const State& state = run.state;
  const auto inside = [&](std::string_view section) {
    return run.reject(DiagCode::kInsideSection, std::string(what), std::string(section));
  };
  if (state.active_locks != 0) return inside("bpf_spin_lock");
  // A subprogram that returns early leaves its caller's references to the caller; what is thrown ends both.
  const bool ends = state.current == 0 || leak == DiagCode::kThrowReference;
  const Reference* first = nullptr;
  for (std::uint32_t i = 0; ends && i < state.reference_count; ++i) {
    const Reference& held = state.references[i];
    if (held.kind != ReferenceKind::kObject) continue;
    run.explain("Unreleased reference id=", std::to_string(held.id), " alloc_insn=", std::to_string(held.at));
    if (first == nullptr) first = &held;
  }
  if (first != nullptr) return run.reject(leak, std::uint64_t{first->id}, std::uint64_t{first->at});
  if (state.active_irq != 0) return inside("bpf_local_irq_save");
  if (state.rcu_locks != 0) return inside("bpf_rcu_read_lock");
  if (state.preempt_locks != 0) return inside("bpf_preempt_disable");
  return Check::ok();
}

namespace {

bool allowed_under_lock(const Run& run, const isa::Call& insn) {
  constexpr auto kFunctions = std::to_array<KfuncId>({KfuncId::bpf_list_push_front_impl,
                                                      KfuncId::bpf_list_push_back_impl,
                                                      KfuncId::bpf_list_pop_front,
                                                      KfuncId::bpf_list_pop_back,
                                                      KfuncId::bpf_list_front,
                                                      KfuncId::bpf_list_back,
                                                      KfuncId::bpf_rbtree_add_impl,
                                                      KfuncId::bpf_rbtree_remove,
                                                      KfuncId::bpf_rbtree_first,
                                                      KfuncId::bpf_rbtree_root,
                                                      KfuncId::bpf_rbtree_left,
                                                      KfuncId::bpf_rbtree_right,
                                                      KfuncId::bpf_refcount_acquire_impl,
                                                      KfuncId::bpf_iter_num_new,
                                                      KfuncId::bpf_iter_num_next,
                                                      KfuncId::bpf_iter_num_destroy,
                                                      KfuncId::bpf_res_spin_lock,
                                                      KfuncId::bpf_res_spin_unlock,
                                                      KfuncId::bpf_res_spin_lock_irqsave,
                                                      KfuncId::bpf_res_spin_unlock_irqrestore});
  switch (insn.kind) {
    case isa::CallKind::kHelper:
      return insn.imm == static_cast<std::int32_t>(HelperId::spin_unlock);
    case isa::CallKind::kLocal:
      return true;
    case isa::CallKind::kKfunc: {
      const Kfunc* const kfunc = run.layout.find_kfunc(insn.imm);
      return kfunc != nullptr && kfunc->row != nullptr &&
             std::find(kFunctions.begin(), kFunctions.end(), kfunc->row->id) != kFunctions.end();
    }
  }
  unreachable();
}

}  // namespace

Check check_call_in_section(Run& run, const isa::Call& insn) {
  if (run.state.active_locks == 0 || allowed_under_lock(run, insn)) return Check::ok();
  return run.reject(DiagCode::kCallUnderLock);
}

Check check_global_call_in_section(Run& run, const Subprogram& callee) {
  if (run.state.active_locks != 0) return run.reject(DiagCode::kGlobalCallUnderLock);
  if (callee.effects.may_sleep && !may_sleep(run.state)) return run.reject(DiagCode::kGlobalMightSleep);
  return Check::ok();
}

namespace {

bool is_tracing(ProgramType type) {
  return type == ProgramType::kKprobe || type == ProgramType::kTracepoint || type == ProgramType::kPerfEvent ||
         type == ProgramType::kRawTracepoint || type == ProgramType::kRawTracepointWritable;
}

Check check_map_fields(Run& run, const FieldRecord& record) {
  const auto refuse = [&](std::string_view programs, std::string_view what) {
    return run.reject(DiagCode::kLockProgramType, std::string(programs), std::string(what));
  };
  const bool tracing = is_tracing(run.program.type);
  if (tracing && (record.has(SpecialKind::kListHead) || record.has(SpecialKind::kTreeRoot)))
    return refuse("tracing", "bpf_{list_head,rb_root}");
  if (record.has(SpecialKind::kSpinLock) || record.has(SpecialKind::kResilientSpinLock)) {
    if (run.program.type == ProgramType::kSocketFilter) return refuse("socket filter", "bpf_spin_lock");
    if (tracing) return refuse("tracing", "bpf_spin_lock");
  }
  if (tracing && record.has(SpecialKind::kTimer)) return refuse("tracing", "bpf_timer");
  if (tracing && record.has(SpecialKind::kWorkQueue)) return refuse("tracing", "bpf_wq");
  return Check::ok();
}

}  // namespace

Check check_fields_fit_program(Run& run) {
  for (const isa::Insn& insn : run.program.insns) {
    const auto* load = std::get_if<isa::LoadImm64>(&insn);
    if (load == nullptr) continue;
    if (load->kind == isa::Imm64Kind::kMapIndex || load->kind == isa::Imm64Kind::kMapValueIndex)
      TRY_OK(check_map_fields(run, fields_of_map(run, static_cast<std::uint32_t>(load->low))));
  }
  return Check::ok();
}

}  // namespace skep::verifier
