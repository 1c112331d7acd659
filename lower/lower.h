// SPDX-License-Identifier: Apache-2.0
// VerifiedProgram -> Code. Pure. Each rewriting is a file of its own.
#pragma once
#include "lower/code.h"
#include "skep/platform.h"
#include "skep/verify.h"

namespace skep::lower {

struct LowerOptions {
  /// Ops in place of calls whose effect is known (lower/inline/), calls that say which map they are for, and tail calls
  /// that jump. Off: every helper is called through its table row's function, to tell where a difference comes from.
  bool inline_helpers = true;
  /// Each instruction that can run has an op, and each conditional branch a Branch: for counting. Not together with
  /// inline_helpers, which makes one of a call and a branch.
  bool every_insn = false;
};

/// Error: an illegal or missing instruction, a jump out of the program, recursion or more than 8 frames, an unknown
/// helper.
Result<Code> lower(const VerifiedProgram& program, const Platform& platform, const LowerOptions& options = {});

}  // namespace skep::lower
