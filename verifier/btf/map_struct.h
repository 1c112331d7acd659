// SPDX-License-Identifier: Apache-2.0
// Which of the kernel's structures a map is.
#pragma once
#include <string_view>

#include "skep/map.h"

namespace skep::verifier {

/// As Linux 6.18 answers; empty: none that programs may read.
std::string_view map_struct(MapType type);

}  // namespace skep::verifier
