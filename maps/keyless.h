// SPDX-License-Identifier: Apache-2.0
// Maps of values without keys (queue, stack, bloom_filter): programs push and peek, and cannot look up.
#pragma once
#include "skep/map.h"

namespace skep::maps {

class KeylessMap : public Map {
 public:
  using Map::Map;

  // Each returns 0 or a negative errno; `value` points to value_size bytes.
  virtual MapResult push(const void* value, std::uint64_t flags) = 0;
  virtual MapResult pop(void* value) = 0;
  virtual MapResult peek(void* value) = 0;

  void* lookup(const void* key, std::uint32_t cpu) final;
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) final;
  MapResult erase(const void* key) final;
  /// What peek gives; the key is empty.
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) final;
  /// Pushes; the key is empty.
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) final;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) final;
};

}  // namespace skep::maps
