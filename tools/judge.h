// SPDX-License-Identifier: Apache-2.0
// The verdicts on many programs, judged in parallel: what `skep verify` prints.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/verify.h"
#include "tools/compare/opinion.h"
#include "tools/target_kernel.h"

namespace skep::tools {

/// What is known of one program, or (program == nullptr) of an object that could not be read.
struct Judged {
  std::string object;
  std::shared_ptr<const Program> program;
  std::optional<Verdict> verdict;
  std::string error;
  std::uint64_t usec = 0;
  std::optional<Opinion> kernel{};  ///< When somebody asked for it.
  std::uint32_t log_level = 0;      ///< Of LogOptions; 0: no log is wanted.
  std::string log{};                ///< What Linux's verifier would have written.
};

/// The programs of these files, not yet judged. `only`: those of this name; empty: all. `type`: of programs whose
/// section says none.
std::vector<Judged> collect(const std::vector<std::string>& files, const std::string& only, ProgramType type,
                            TargetKernel& kernel);

/// Judges all of them on `jobs` threads, and asks `kernel` too unless it is empty; shows progress on a terminal that
/// waits.
void judge_all(std::vector<Judged>& all, const VerifyOptions& options, unsigned jobs, const Judge& kernel);

}  // namespace skep::tools
