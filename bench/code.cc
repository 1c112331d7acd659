// SPDX-License-Identifier: Apache-2.0
#include "bench/code.h"

#include <string>
#include <utility>
#include <variant>

#include "base/try.h"
#include "jit/target.h"
#include "lower/lower.h"
#include "lower/optimize/optimize.h"

namespace skep::bench {

Result<lower::Code> code_of(const VerifiedProgram& program, PassSet passes) {
  TRY(lower::Code code, lower::lower(program, Platform::linux_like()));
  return lower::optimize(std::move(code), passes, program.facts(), jit::spares(jit::host_target().arch));
}

Result<lower::Code> verified_code(const Program& program) {
  const Verdict verdict = verify(program);
  if (const auto* rejection = std::get_if<Rejection>(&verdict))
    return Error{Errc::kInvalid, "program " + program.name + ": rejected: " + message(rejection->reason)};
  return code_of(std::get<VerifiedProgram>(verdict), PassSet::all());
}

}  // namespace skep::bench
