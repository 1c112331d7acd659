// SPDX-License-Identifier: Apache-2.0
// What Linux checks when a map is created, as rules that map types state as data. Each failure names the field, what
// was found, what is allowed, and the errno that bpf(2) would give.
#pragma once
#include <cstdint>
#include <string_view>

#include "skep/map.h"

namespace skep::maps {

/// Bounds are inclusive.
struct Range {
  std::uint64_t low = 0, high = ~std::uint64_t{0};
};
struct CreationRules {
  Range key_size, value_size, max_entries;
  std::uint32_t allowed_flags = 0;
  std::uint32_t required_flags = 0;
  std::string_view too_big = "E2BIG";  ///< The errno for a field above its range.
};

/// Flags that say who may access a map, allowed for the types that hold plain data.
inline constexpr std::uint32_t kAccessFlags =
    map_flags::kReadOnly | map_flags::kWriteOnly | map_flags::kReadOnlyProgram | map_flags::kWriteOnlyProgram;
/// Largest kmalloc of Linux on x86-64; keys plus values of hash maps and others stay below it.
inline constexpr std::uint64_t kMaxElementBytes = 1u << 22;
/// Largest value of a per-CPU map (the smallest unit of Linux' per-CPU allocator).
inline constexpr std::uint64_t kMaxPerCpuValueBytes = 32768;

Status check_creation(const MapSpec& spec, const CreationRules& rules);
/// An Error about one field of `spec`.
Error creation_error(const MapSpec& spec, Errc code, std::string_view what, std::string_view errno_name);

}  // namespace skep::maps
