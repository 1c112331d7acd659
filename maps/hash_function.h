// SPDX-License-Identifier: Apache-2.0
// Hash of keys: one 64x64->128-bit multiplication for each 16 bytes, folded (the mixing step of the wyhash and
// rapidhash families). Not cryptographic; the seed, random for each map, keeps packets from choosing their bucket.
#pragma once
#include <cstddef>
#include <cstdint>

#include "maps/words.h"

namespace skep::maps {

__extension__ using Uint128 = unsigned __int128;

constexpr std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline constexpr std::uint64_t kHashMultiplier = 0x9e3779b97f4a7c15;

inline std::uint64_t hash_word(std::uint64_t word, std::uint64_t seed) {
  return fold_multiply(word ^ seed, kHashMultiplier);
}
inline std::uint64_t hash_words(std::uint64_t low, std::uint64_t high, std::uint64_t seed) {
  return fold_multiply(low ^ seed, high ^ kHashMultiplier ^ (seed >> 32));
}
inline std::uint64_t hash_bytes(const std::byte* key, std::size_t size, std::uint64_t seed) {
  std::uint64_t state = seed ^ size;
  for (; size > 16; size -= 16, key += 16) state = hash_words(read_bytes(key, 8), read_bytes(key + 8, 8), state);
  if (size > 8) return hash_words(read_bytes(key, 8), read_bytes(key + 8, size - 8), state);
  return hash_word(read_bytes(key, size), state);
}

}  // namespace skep::maps
