// SPDX-License-Identifier: Apache-2.0
// What jit/harden.h promises. kState is 0, or all ones while the processor runs ahead on a way that it will not take.
#include "jit/harden.h"

#include "jit/x86_64/emitter.h"

namespace skep::jit::x86_64 {

namespace x86 = asmjit::x86;

void Emitter::guard(lower::Reg loaded) {
  if (harden_.mask_speculation) as_.or_(reg64(loaded), kState);
}

void Emitter::guard_arguments() {
  if (!harden_.mask_speculation) return;
  for (std::uint8_t r = 1; r <= 5; ++r) guard(lower::Reg{r});
}

void Emitter::fence() {
  if (!harden_.mask_speculation) return;
  as_.lfence();
  clear_state();
}

void Emitter::clear_state() {
  if (harden_.mask_speculation) as_.xor_(kState.r32(), kState.r32());
}

/// jcc alone would not do: each of the two ways must know the condition that leads there.
void Emitter::guarded_branch(x86::CondCode condition, lower::Label next, lower::Label target) {
  const asmjit::Label skip = as_.newLabel();
  as_.mov(kTemp, -1);
  as_.short_().j(x86::negateCond(condition), skip);
  as_.emit(x86::Inst::cmovccFromCond(x86::negateCond(condition)), kState, kTemp);
  if (target < next) check_limits(next - 1);
  as_.jmp(label(target));  // Never the short form, whose reach was not counted from here.
  as_.bind(skip);
  as_.emit(x86::Inst::cmovccFromCond(condition), kState, kTemp);
}

void Emitter::call_indirect(const Gp& target) {
  if (!harden_.retpolines) return void(as_.call(target));
  if (target != kTemp) as_.mov(kTemp, target);
  as_.call(retpoline());
}

void Emitter::jump_indirect() {
  if (!harden_.retpolines) return void(as_.jmp(kTemp));
  as_.jmp(retpoline());
}

asmjit::Label Emitter::retpoline() {
  if (!retpoline_.isValid()) retpoline_ = as_.newLabel();
  return retpoline_;
}

/// ret is predicted to return behind the call, where the processor waits until it knows better.
void Emitter::emit_retpoline() {
  if (!retpoline_.isValid()) return;
  const asmjit::Label go = as_.newLabel(), wait = as_.newLabel();
  as_.align(asmjit::AlignMode::kCode, 16);
  map_.row(as_.offset(), kNoOp);
  as_.bind(retpoline_);
  as_.call(go);
  as_.bind(wait);
  as_.pause();
  as_.lfence();
  as_.short_().jmp(wait);
  as_.bind(go);
  as_.mov(x86::ptr(x86::rsp), kTemp);
  as_.ret();
}

}  // namespace skep::jit::x86_64
