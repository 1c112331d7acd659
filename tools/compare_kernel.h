// SPDX-License-Identifier: Apache-2.0
// skep verify --compare-kernel: the running kernel judges the same programs, each loaded alone and never attached.
#pragma once
#include <vector>

#include "tools/judge.h"
#include "tools/subcommand.h"

namespace skep::tools {

/// Prints each disagreement, then the table. kNegative: the verdicts differ somewhere. kSystem: bpf(2) does not work
/// here.
ExitCode compare_with_kernel(const std::vector<Judged>& all);

}  // namespace skep::tools
