// SPDX-License-Identifier: Apache-2.0
// Sizes of keys that hash maps have functions of their own for: hash and comparison are then a few instructions.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "maps/words.h"

namespace skep::maps {

template <std::uint32_t kBytes>
using KeySize = std::integral_constant<std::uint32_t, kBytes>;

/// A key of kBytes bytes, for several uses that the compiler then makes of registers.
template <std::uint32_t kBytes>
class KeyCopy {
 public:
  explicit KeyCopy(const std::byte* from) {
    for (std::uint32_t at = 0; at < kBytes; at += 8) {
      const std::uint64_t word = at + 8 <= kBytes ? read_two_words(from + at) : read_bytes(from + at, kBytes % 8);
      std::memcpy(bytes_.data() + at, &word, sizeof word);
    }
  }
  [[nodiscard]] const std::byte* bytes() const { return bytes_.data(); }

 private:
  alignas(8) std::array<std::byte, std::size_t{kBytes + 7} / 8 * 8> bytes_;
};
/// Where the size is not known, the key stays where it is.
template <>
class KeyCopy<0> {
 public:
  explicit KeyCopy(const std::byte* from) : bytes_(from) {}
  [[nodiscard]] const std::byte* bytes() const { return bytes_; }

 private:
  const std::byte* bytes_;
};

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
