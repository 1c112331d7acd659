// SPDX-License-Identifier: Apache-2.0
// How the experiments that look into the library prepare a program, as Vm::load() does.
#pragma once
#include "lower/code.h"
#include "skep/passes.h"
#include "skep/program.h"
#include "skep/result.h"
#include "skep/verify.h"

namespace skep::bench {

/// Lowered and optimised. Error: as lower::lower().
Result<lower::Code> code_of(const VerifiedProgram& program, PassSet passes);
/// Verified, lowered, optimised by all passes. Error: the rejection, as a message.
Result<lower::Code> verified_code(const Program& program);

}  // namespace skep::bench
