// SPDX-License-Identifier: Apache-2.0
// How the experiments that look into the library prepare a program, as Vm::load() does.
#pragma once
#include "jit/target.h"
#include "lower/code.h"
#include "skep/passes.h"
#include "skep/program.h"
#include "skep/result.h"
#include "skep/verify.h"

namespace skep::bench {

/// Lowered, and optimised by those of the passes that suit the architecture. Error: as lower::lower().
Result<lower::Code> code_of(const VerifiedProgram& program, PassSet passes, jit::Arch arch);
/// Verified, lowered, optimised by all passes. Error: the rejection, as a message.
Result<lower::Code> verified_code(const Program& program, jit::Arch arch);

}  // namespace skep::bench
