// SPDX-License-Identifier: Apache-2.0
// What jit/harden.h promises. kState is 0, or all ones while the processor runs ahead on a way that it will not take.
#include "jit/harden.h"

#include "jit/arm64/emitter.h"

namespace skep::jit::arm64 {

namespace a64 = asmjit::a64;
using asmjit::arm::CondCode;

void Emitter::guard(lower::Reg loaded) {
  if (harden_.mask_speculation) as_.orr(reg64(loaded), reg64(loaded), kState);
}

void Emitter::guard_arguments() {
  if (!harden_.mask_speculation) return;
  for (std::uint8_t r = 1; r <= 5; ++r) guard(lower::Reg{r});
}

void Emitter::fence() {
  if (!harden_.mask_speculation) return;
  constexpr std::uint32_t kFullSystem = 0xf;
  as_.dsb(kFullSystem);  // sb would do, but not every CPU has it.
  as_.isb(kFullSystem);
  clear_state();
}

void Emitter::clear_state() {
  if (harden_.mask_speculation) as_.mov(kState, a64::xzr);
}

/// csdb: what the conditional select gives is not predicted.
void Emitter::poison_unless(CondCode condition) {
  as_.csinv(kState, kState, a64::xzr, condition);
  as_.csdb();
}

/// A conditional branch alone would not do: each of the two ways must know the condition that leads there.
void Emitter::guarded_branch(CondCode condition, lower::Label next, lower::Label target) {
  const CondCode inverse = asmjit::arm::negateCond(condition);
  const asmjit::Label skip = as_.newLabel();
  as_.b(inverse, skip);
  poison_unless(condition);
  if (target < next) check_limits(next - 1);
  as_.b(label(target));
  as_.bind(skip);
  poison_unless(inverse);
}

}  // namespace skep::jit::arm64
