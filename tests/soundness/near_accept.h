// SPDX-License-Identifier: Apache-2.0
// Random programs of the kind that a verifier has to think about: bounded accesses to packet, map values and stack,
// spills, variable offsets, loops, calls, callbacks, arithmetic of both widths. Most are accepted; the others miss by
// little.
#pragma once
#include <cstdint>

#include "skep/program.h"

namespace skep::soundness {

/// Size of a value of the maps that the programs name: an array (0), a hash (1) and an array whose values are addressed
/// directly (2); keys have 4 bytes.
inline constexpr std::uint32_t kValueSize = 48, kEntries = 4;

/// The program of `seed`, XDP or sched_cls. `faults`: of 1,000 bounds and checks, so many are a little wrong.
Program near_accept(std::uint64_t seed, std::uint32_t faults);

}  // namespace skep::soundness
