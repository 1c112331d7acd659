// SPDX-License-Identifier: Apache-2.0
// Sizes of keys that hash maps have functions of their own for: hash and comparison are then a few instructions.
#pragma once
#include <cstdint>
#include <type_traits>

namespace skep::maps {

template <std::uint32_t kBytes>
using KeySize = std::integral_constant<std::uint32_t, kBytes>;

/// use(KeySize<size>) where there are functions for that size, else use(KeySize<0>). Numbers and addresses of both
/// families, and what programs make of them: pairs, an IPv4 flow (16), an IPv6 flow (40).
template <class Use>
auto with_key_size(std::uint32_t size, Use use) {
  switch (size) {
    case 4:
      return use(KeySize<4>{});
    case 6:
      return use(KeySize<6>{});
    case 8:
      return use(KeySize<8>{});
    case 12:
      return use(KeySize<12>{});
    case 16:
      return use(KeySize<16>{});
    case 24:
      return use(KeySize<24>{});
    case 40:
      return use(KeySize<40>{});
    default:
      return use(KeySize<0>{});
  }
}

}  // namespace skep::maps
