// SPDX-License-Identifier: Apache-2.0
// Which host register plays which role. r1 to r5 lie where the System V ABI passes arguments, r0 where it returns, r6
// to r10 in registers that calls preserve: helper calls move nothing.
#pragma once
#include <array>

#include <asmjit/x86/x86assembler.h>

#include "jit/plan.h"
#include "lower/code.h"

namespace skep::jit::x86_64 {

using asmjit::x86::Gp;

/// Ops begin at multiples of this; what is padded is at most one byte less. A tight loop fits into few of the blocks
/// that the processor fetches; others only pay for longer padding.
constexpr std::uint32_t alignment(Mark mark) {
  return mark == Mark::kTightLoop ? 32 : mark == Mark::kLoopHead ? 16 : 1;
}

//                                                      r0 r1 r2 r3 r4 r5 r6 r7  r8  r9  r10 scratch spares
//                                                     rax rdi rsi rdx rcx r8 rbx r13 r14 r15 rbp r11 r9 r12 rbp -
inline constexpr std::array<std::uint8_t, lower::kRegs> kHost = {0, 7, 6, 2, 1, 8, 3, 13, 14, 15, 5, 11, 9, 12, 5, 11};
/// The spares by what they are else (spares() in assemble.cc).
inline constexpr lower::Reg kSpareTemp{12}, kSpareEnv{13}, kSpareFrame{14};

/// DWARF's number of each host register.
inline constexpr std::array<std::uint8_t, 16> kDwarf = {0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

/// Free within one op, and never a program's register.
inline const Gp kTemp = asmjit::x86::r10;
inline const Gp kTemp2 = asmjit::x86::r9;  // Sixth argument: the run, at helper calls.
/// The same, in code that masks speculation (jit/harden.h): ops that use kTemp2 are those of needs_fence().
inline const Gp kState = kTemp2;
/// Env*, where a function uses it.
inline const Gp kEnv = asmjit::x86::r12;

inline Gp reg64(lower::Reg reg) { return asmjit::x86::gpq(kHost[reg.index]); }
inline Gp reg32(lower::Reg reg) { return asmjit::x86::gpd(kHost[reg.index]); }
inline Gp reg(lower::Reg reg, isa::Width width) {
  if (width == isa::Width::k64) return reg64(reg);
  return reg32(reg);
}
/// The same register, as wide as asked.
inline Gp sized(const Gp& gp, isa::Width width) {
  if (width == isa::Width::k64) return gp.r64();
  return gp.r32();
}
inline Gp sized(const Gp& gp, isa::Size size) {
  switch (size) {
    case isa::Size::k8:
      return gp.r8();
    case isa::Size::k16:
      return gp.r16();
    case isa::Size::k32:
      return gp.r32();
    case isa::Size::k64:
      return gp.r64();
  }
  return gp;
}

}  // namespace skep::jit::x86_64
