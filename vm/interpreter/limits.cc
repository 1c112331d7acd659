// SPDX-License-Identifier: Apache-2.0
// Counting policies count slices of the budget down, and ask here between two of them whether the run goes on.
#include <algorithm>

#include "vm/interpreter/run.h"

namespace skep::interpreter {
namespace {

/// Long enough for asking not to count, short enough for a run to be stopped within microseconds.
constexpr std::uint64_t kSliceOps = 4096;

}  // namespace

Trap next_slice(Run& run) {
  if (run.env.stop->requested()) return Trap::kStopped;
  if (run.budget == 0) return Trap::kBudget;
  run.slice = std::min(run.budget, kSliceOps);
  run.budget -= run.slice;
  return Trap::kNone;
}

}  // namespace skep::interpreter
