// SPDX-License-Identifier: Apache-2.0
// The budget and the stop flag (jit/limits.h says where). Flags, kTemp, kOld and kNew are not kept. What leaves does so
// by b, which reaches farther than conditional branches.
#include <cstddef>

#include "jit/arm64/emitter.h"
#include "skep/env.h"

namespace skep::jit::arm64 {

namespace a64 = asmjit::a64;

void Emitter::charge(lower::Label from) {
  if (!limits_.budget) return;
  const std::uint32_t ops = plan_.charges[from];
  as_.ldr(kOld, a64::ptr(kEnv, offsetof(Env, budget)));
  if (ops <= 0xfff) {
    as_.subs(kOld, kOld, ops);
  } else {
    load_immediate(kNew, ops);
    as_.subs(kOld, kOld, kNew);
  }
  as_.str(kOld, a64::ptr(kEnv, offsetof(Env, budget)));
}

void Emitter::check_limits(lower::Label from) {
  if (limits_.budget) {
    const asmjit::Label go_on = as_.newLabel();
    charge(from);
    as_.b_pl(go_on);
    as_.b(out_of_budget_);
    as_.bind(go_on);
    out_of_budget_used_ = true;
  }
  // What returns from the entry has stopped.
  const bool ends_run = function_ == 0 && std::holds_alternative<lower::Return>(code_.ops[from]);
  if (limits_.stop && !ends_run) {
    const asmjit::Label go_on = as_.newLabel();
    as_.ldr(kTemp, a64::ptr(kEnv, offsetof(Env, stop)));
    as_.ldrb(kTemp.w(), a64::ptr(kTemp));
    as_.cbz(kTemp.w(), go_on);
    as_.b(stopped_);
    as_.bind(go_on);
    stopped_used_ = true;
  }
}

void Emitter::set_trap(Trap trap) {
  as_.mov(kTemp.w(), static_cast<std::uint32_t>(trap));
  as_.strb(kTemp.w(), a64::ptr(kEnv, offsetof(Env, trap)));
}

void Emitter::end_function() {
  if (!leave_used_ && !out_of_budget_used_ && !stopped_used_) return;
  map_.row(as_.offset(), kNoOp);
  if (out_of_budget_used_) {
    as_.bind(out_of_budget_);
    set_trap(Trap::kBudget);
    as_.b(leave_);
  }
  if (stopped_used_) {
    as_.bind(stopped_);
    set_trap(Trap::kStopped);
  }
  as_.bind(leave_);
  leave();
}

}  // namespace skep::jit::arm64
