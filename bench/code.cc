// SPDX-License-Identifier: Apache-2.0
#include "bench/code.h"

#include <string>
#include <utility>
#include <variant>

#include "base/try.h"
#include "lower/lower.h"
#include "lower/optimize/optimize.h"

namespace skep::bench {

Result<lower::Code> code_of(const VerifiedProgram& program, PassSet passes, jit::Arch arch) {
  TRY(lower::Code code, lower::lower(program, Platform::linux_like()));
  return lower::optimize(std::move(code), jit::suited(passes, arch), program.facts(), jit::spares(arch));
}

Result<lower::Code> verified_code(const Program& program, jit::Arch arch) {
  const Verdict verdict = verify(program);
  if (const auto* rejection = std::get_if<Rejection>(&verdict))
    return Error{Errc::kInvalid, "program " + program.name + ": rejected: " + message(rejection->reason)};
  return code_of(std::get<VerifiedProgram>(verdict), PassSet::all(), arch);
}

}  // namespace skep::bench
