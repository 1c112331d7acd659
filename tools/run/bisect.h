// SPDX-License-Identifier: Apache-2.0
// `skep run --bisect-passes`: which optimisation makes native code differ from the interpreter on this input.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "skep/result.h"
#include "skep/vm.h"

namespace skep::tools {

/// What a run of the whole input did: a number for each run of the program, and one for the maps at the end. Equal
/// exactly when result, packet or context, and maps are.
using Record = std::vector<std::uint64_t>;
/// Runs the whole input, everything as at the beginning.
using Recorder = std::function<Result<Record>(Engine engine, PassSet passes)>;

struct Bisection {
  bool differs = false;
  std::string text;  ///< What to tell the user.
};
/// Each attempt runs in a process of its own, so that one that crashes, or does not end in `seconds`, counts as one
/// that differs. Error: the interpreter's run fails, or the system has no room for processes.
Result<Bisection> bisect_passes(const Recorder& record, unsigned seconds);

/// A number that stands for the bytes, and for what was put together before.
std::uint64_t digest(std::span<const std::byte> bytes, std::uint64_t before = 0);

}  // namespace skep::tools
