// SPDX-License-Identifier: Apache-2.0
// Seeds of hash maps.
#pragma once
#include <cstdint>

#include "skep/map.h"

namespace skep::maps {

/// Random, or 0 where the map has BPF_F_ZERO_SEED.
std::uint64_t seed_for(const MapSpec& spec);

}  // namespace skep::maps
