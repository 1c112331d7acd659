// SPDX-License-Identifier: Apache-2.0
// May a path end because a state explored earlier covers the one that it has reached?
#pragma once
#include "verifier/domain/state.h"

namespace skep::verifier {

struct Layout;
class Run;

enum class Compare : std::uint8_t {
  kPrecise,  ///< Scalars that were not marked precise may differ.
  kRanges,   ///< Every scalar must lie within the old one's bounds (marks are not complete yet).
  kExact,    ///< Same state: the program has looped.
};

/// Everything that `current` can do, `old` could do too, and exploring `old` found no fault.
bool subsumes(const Run& run, const State& old, const State& current, Compare how);

/// A quick filter before comparing exactly: the registers of the active frame are the same.
bool maybe_looping(const State& old, const State& current);

}  // namespace skep::verifier
