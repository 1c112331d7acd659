// SPDX-License-Identifier: Apache-2.0
// What arithmetic does to a Scalar. Every result is reduced. Sound for isa::eval (tests/soundness) and as precise as
// Linux 6.18, which knows less in places: divisions and byte swaps give an unknown number.
#pragma once
#include <optional>

#include "skep/insn.h"
#include "verifier/domain/scalar.h"

namespace skep::verifier {

/// The destination becomes the source, maybe sign-extended.
constexpr bool is_move(isa::AluOp op) { return isa::info(op).code == isa::info(isa::AluOp::kMov).code; }

/// `dst op= src`. Unary operations ignore one operand as isa::eval does (kNeg `src`, the moves `dst`).
Scalar alu(isa::AluOp op, isa::Width width, const Scalar& dst, const Scalar& src);

/// A register that is either 0 or -1 (the result of a comparison, or of shifting a sign down) is two registers to Linux
/// before `&=` and `|=` of a constant: it goes on with `first` and comes back to the same instruction with `second`.
struct Fork {
  Scalar first, second;
};
std::optional<Fork> fork_before(isa::AluOp op, const Scalar& dst, const Scalar& src);

Scalar byte_swap(isa::ByteOrder order, std::uint8_t bits, const Scalar& dst);

/// The low `size` bytes zero-extended: what a narrower load of a known value gives.
Scalar truncate(const Scalar& scalar, isa::Size size);
/// The low `size` bytes sign-extended to 64 bits.
Scalar sign_extend(const Scalar& scalar, isa::Size size);

/// The low half zero-extended: what every 32-bit operation leaves.
Scalar zero_extend32(const Scalar& scalar);

}  // namespace skep::verifier
