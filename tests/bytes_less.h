// SPDX-License-Identifier: Apache-2.0
// Byte strings as keys of std::map and std::set.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

namespace skep::test {

/// The order of std::less. Byte by byte, because GCC 12 at -O3 warns of the memcmp in that of std::vector<std::byte>.
struct BytesLess {
  bool operator()(const std::vector<std::byte>& left, const std::vector<std::byte>& right) const {
    return std::ranges::lexicographical_compare(left, right, [](std::byte a, std::byte b) { return a < b; });
  }
};

}  // namespace skep::test
