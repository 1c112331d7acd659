// SPDX-License-Identifier: Apache-2.0
// Constant blinding: who writes a program chooses its immediate operands, and native code would hold them as bytes
// that, entered in the middle of an instruction, are other instructions. Every such operand is therefore put together
// at run time from two words, of which neither is known before.
#pragma once
#include <cstdint>
#include <functional>

#include "lower/code.h"
#include "skep/passes.h"
#include "skep/result.h"

namespace skep::lower {

/// Optimisations that may come before, as none puts a constant where it cannot be blinded.
constexpr PassSet passes_before_blinding(PassSet wanted) {
  PassSet set;
  for (const Pass pass : {Pass::kThread, Pass::kUnroll, Pass::kPropagate, Pass::kRotate, Pass::kDead})
    if (wanted.has(pass)) set = set.with(pass);
  return set;
}

/// The same program without its immediate operands, but for counts of shifts and rotations (6 bits) and offsets of
/// memory (16 bits). To be applied last: an optimisation would put the constants together again. `random` gives the
/// words, one a constant. Error: an offset of memory that is larger, which no program has itself.
Result<Code> blind_constants(const Code& code, const std::function<std::uint64_t()>& random);

}  // namespace skep::lower
