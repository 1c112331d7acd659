// SPDX-License-Identifier: Apache-2.0
// The file in which perf looks for the names of functions that no file on disk holds.
#pragma once
#include <string>

#include "skep/result.h"
#include "vm/debug/symbols.h"

namespace skep::debug {

/// /tmp/perf-PID.map of this process.
std::string perf_map_path();
/// Appends one line a function. perf knows no way to take a line back: where memory is used again, the last line
/// counts. Thread-safe. Error: kSystem.
Status append_to_perf_map(const Symbols& symbols);

}  // namespace skep::debug
