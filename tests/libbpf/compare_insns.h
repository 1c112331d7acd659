// SPDX-License-Identifier: Apache-2.0
// One program as skep and as libbpf relocate it.
#pragma once
#include <string>

#include "skep/program.h"
#include "tests/libbpf/recorder.h"

namespace skep::oracle {

/// Empty: equal but for the numbers of maps, which must have the same names. Else the first difference.
std::string first_difference(const Program& mine, const RecordedProgram& theirs,
                             const std::vector<std::string>& map_names);

}  // namespace skep::oracle
