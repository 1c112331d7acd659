// SPDX-License-Identifier: Apache-2.0
// What the native form of maplookup.c looks up in: a plain array behind a call, as C code would have it.
#include <array>
#include <cstdint>
#include <numeric>

namespace {
std::array<std::uint64_t, 64>& values() {
  static std::array<std::uint64_t, 64> all = [] {
    std::array<std::uint64_t, 64> made{};
    std::iota(made.begin(), made.end(), 0);
    return made;
  }();
  return all;
}
}  // namespace

extern "C" {
void* bench_map = nullptr;
void* bench_lookup(void* map, const void* key);
void* bench_lookup(void* map, const void* key) {
  auto* array = static_cast<std::uint64_t*>(map != nullptr ? map : bench_map = values().data());
  const std::uint32_t index = *static_cast<const std::uint32_t*>(key);
  return index < values().size() ? array + index : nullptr;
}
}
