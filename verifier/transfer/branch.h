// SPDX-License-Identifier: Apache-2.0
// What a comparison of two numbers tells.
#pragma once
#include <optional>

#include "skep/insn.h"
#include "verifier/domain/scalar.h"

namespace skep::verifier {

/// Whether `dst op src` holds for all, respectively for none of the values; nothing: it depends.
std::optional<bool> decide(isa::JmpOp op, isa::Width width, const Scalar& dst, const Scalar& src);

enum class Outcome : std::uint8_t { kTaken, kNotTaken };
/// Narrows both operands to the values with which the branch goes this way. Ask decide() first, and refine only what it
/// leaves open, as Linux does. Both may be the same number: what is learnt of either is then known of it. False: no
/// values are left. The operands then are what Linux 6.18 goes on with (their ranges forgotten), so that a caller who
/// wants the kernel's verdict explores the branch nevertheless.
bool refine(isa::JmpOp op, isa::Width width, Outcome outcome, Scalar& dst, Scalar& src);

}  // namespace skep::verifier
