// SPDX-License-Identifier: Apache-2.0
// The budget and the stop flag (jit/limits.h says where). Flags and kTemp are not kept.
#include <cstddef>

#include "jit/x86_64/emitter.h"
#include "skep/env.h"

namespace skep::jit::x86_64 {

namespace x86 = asmjit::x86;

void Emitter::charge(lower::Label from) {
  if (limits_.budget) as_.sub(env(offsetof(Env, budget), 8), plan_.charges[from]);
}

void Emitter::check_limits(lower::Label from) {
  if (limits_.budget) {
    charge(from);
    as_.js(out_of_budget_);
    out_of_budget_used_ = true;
  }
  // What returns from the entry has stopped.
  const bool ends_run = function_ == 0 && std::holds_alternative<lower::Return>(code_.ops[from]);
  if (limits_.stop && !ends_run) {
    as_.mov(kTemp, env(offsetof(Env, stop), 8));
    as_.cmp(x86::byte_ptr(kTemp), 0);
    as_.jne(stopped_);
    stopped_used_ = true;
  }
}

void Emitter::set_trap(Trap trap) { as_.mov(env(offsetof(Env, trap), sizeof(Trap)), static_cast<std::uint8_t>(trap)); }

void Emitter::end_function() {
  if (!leave_used_ && !out_of_budget_used_ && !stopped_used_) return;
  map_.row(as_.offset(), kNoOp);
  if (out_of_budget_used_) {
    as_.bind(out_of_budget_);
    set_trap(Trap::kBudget);
    as_.jmp(leave_);
  }
  if (stopped_used_) {
    as_.bind(stopped_);
    set_trap(Trap::kStopped);
  }
  as_.bind(leave_);
  leave();
}

}  // namespace skep::jit::x86_64
