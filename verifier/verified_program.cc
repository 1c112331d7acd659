// SPDX-License-Identifier: Apache-2.0
// The two ways to a VerifiedProgram: verify(), and the caller's word.
#include <utility>

#include "skep/verify.h"

namespace skep {

VerifiedProgram::VerifiedProgram(Program program, Facts facts, VerifyStats stats)
    : program_(std::move(program)), facts_(std::move(facts)), stats_(std::move(stats)) {}

VerifiedProgram VerifiedProgram::trust_without_verification(Program program) {
  return VerifiedProgram(std::move(program), Facts{}, VerifyStats{});
}

}  // namespace skep
