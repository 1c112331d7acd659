// SPDX-License-Identifier: Apache-2.0
// Which host register plays which role. r1 to r5 lie where AAPCS64 passes arguments, r6 to r10 in registers that calls
// preserve. r0 cannot lie in x0, which is r1: a result moves between x0 and x7.
#pragma once
#include <array>

#include <asmjit/arm/a64assembler.h>

#include "lower/code.h"

namespace skep::jit::arm64 {

using asmjit::a64::Gp;

//                                                     r0 r1 r2 r3 r4 r5 r6  r7  r8  r9  r10 scratch
inline constexpr std::array<std::uint8_t, lower::kFirstSpare> kHost = {7, 0, 1, 2, 3, 4, 19, 20, 21, 22, 25, 14};

/// Free within one op, and never a program's register: for an address or a constant, an old and a new value, a status.
inline const Gp kTemp = asmjit::a64::x9;
inline const Gp kOld = asmjit::a64::x10;
inline const Gp kNew = asmjit::a64::x11;
inline const Gp kStatus = asmjit::a64::x13;
/// Of code that masks speculation (jit/harden.h).
inline const Gp kState = asmjit::a64::x15;
/// Env*, where a function uses it.
inline const Gp kEnv = asmjit::a64::x23;

inline Gp reg64(lower::Reg reg) { return asmjit::a64::x(kHost[reg.index]); }
inline Gp reg32(lower::Reg reg) { return asmjit::a64::w(kHost[reg.index]); }
inline Gp sized(const Gp& gp, isa::Width width) {
  if (width == isa::Width::k64) return gp.x();
  return gp.w();
}
inline Gp reg(lower::Reg reg, isa::Width width) { return sized(reg64(reg), width); }

}  // namespace skep::jit::arm64
