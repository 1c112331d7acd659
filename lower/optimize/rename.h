// SPDX-License-Identifier: Apache-2.0
// Ops with other registers in the place of theirs.
#pragma once
#include <algorithm>
#include <array>
#include <type_traits>

#include "lower/code.h"
#include "lower/effects.h"

namespace skep::lower {

/// Calls `visit` with each register that the op names, by reference. r0 to r5 of calls and returns are not named.
template <class Visit>
void for_each_register(Op& op, Visit visit) {
  const auto one = [&](auto& field) {
    if constexpr (std::is_same_v<decltype(field), Reg&>) {
      if (!(field == kNoReg)) visit(field);
    } else if constexpr (std::is_same_v<decltype(field), Operand&>) {
      if (Reg* reg = std::get_if<Reg>(&field)) visit(*reg);
    }
  };
  std::visit(
      [&](auto& any) {
        if constexpr (requires { any.dst; }) one(any.dst);
        if constexpr (requires { any.src; }) one(any.src);
        if constexpr (requires { any.base; }) one(any.base);
        if constexpr (requires { any.index; }) one(any.index);
        if constexpr (requires { any.count; }) one(any.count);
        if constexpr (requires { any.reg; }) one(any.reg);
        if constexpr (requires { any.to; }) one(any.to);
        if constexpr (requires { any.from; }) one(any.from);
      },
      op);
}

/// By register, the one that takes its place.
using Renaming = std::array<Reg, kRegs>;
constexpr Renaming no_renaming() {
  Renaming same{};
  for (std::uint8_t i = 0; i < kRegs; ++i) same[i] = Reg{i};
  return same;
}
inline Op renamed(Op op, const Renaming& by) {
  for_each_register(op, [&](Reg& reg) { reg = by[reg.index]; });
  return op;
}

}  // namespace skep::lower
