// SPDX-License-Identifier: Apache-2.0
// Helpers whose effect ops can say. Each function emits the ops of one call, after which r0 is the result and r1 to r5,
// which a call leaves undefined, are scratch. The program was verified; the facts say which map a call is for.
#pragma once
#include <optional>

#include "lower/rewrite.h"
#include "skep/map.h"

namespace skep::lower {

/// Emits ops in place of a call of helper `id`. nullopt: none were emitted.
std::optional<Lowered> inline_helper(Builder& builder, const Source& source, InsnIndex at, HelperId id);

/// array_lookup.cc: map_lookup_elem on array, percpu_array and array_of_maps.
std::optional<Lowered> inline_array_lookup(Builder& builder, const Source& source, InsnIndex at);

/// key.cc: the 32 bits that r2 points to at the call: a constant, or the low half of a register. nullopt: not known.
std::optional<Operand> find_key(const Source& source, InsnIndex call);

/// redirect.cc
void inline_redirect(Builder& builder, const Source& source);

/// null_test.cc: the branch behind a call that asks whether its result is null.
struct NullTest {
  InsnIndex if_null = 0;
  InsnIndex otherwise = 0;
  bool from_call_only = false;  ///< Nothing jumps to the branch: it is not needed when the call goes on by itself.
};
/// nullopt: what follows the call at `at` is something else, or one of its ways is never gone.
std::optional<NullTest> find_null_test(const Source& source, InsnIndex at);

// What most of these ops look like.
inline Alu alu(isa::AluOp op, isa::Width width, Reg dst, Operand src) {
  return {.op = op, .width = width, .divisor = Divisor::kMayBeZero, .dst = dst, .src = src};
}
inline Alu move(Reg dst, Operand src) { return alu(isa::AluOp::kMov, isa::Width::k64, dst, src); }
/// dst *= factor, as a shift where it is one. May use `spare`.
void emit_scale(Builder& builder, Reg dst, std::uint64_t factor, Reg spare);

}  // namespace skep::lower
