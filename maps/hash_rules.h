// SPDX-License-Identifier: Apache-2.0
// What Linux checks when a hash map of any kind is created.
#pragma once
#include "maps/check.h"

namespace skep::maps {

enum class HashKind : std::uint8_t { kPlain, kPerCpu, kLru, kLruPerCpu };
Status check_hash(const MapSpec& spec, HashKind kind);

}  // namespace skep::maps
