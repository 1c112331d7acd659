// SPDX-License-Identifier: Apache-2.0
// VerifiedProgram -> Code. Pure. Each rewriting is a file of its own.
#pragma once
#include "lower/code.h"
#include "skep/platform.h"
#include "skep/verify.h"

namespace skep::lower {

/// Error: an illegal or missing instruction, a jump out of the program, recursion or more than 8 frames, an unknown
/// helper.
Result<Code> lower(const VerifiedProgram& program, const Platform& platform);

}  // namespace skep::lower
