// SPDX-License-Identifier: Apache-2.0
// Maps of values without keys (queue, stack, bloom_filter): programs push and peek, and cannot look up.
#pragma once
#include "maps/errors.h"
#include "skep/map.h"

namespace skep::maps {

class KeylessMap : public Map {
 public:
  using Map::Map;

  // Each returns 0 or a negative errno; `value` points to value_size bytes.
  virtual MapResult push(const void* value, std::uint64_t flags) = 0;
  virtual MapResult pop(void* value) = 0;
  virtual MapResult peek(void* value) = 0;

  void* lookup(const void* /*key*/, std::uint32_t /*cpu*/) final { return nullptr; }
  MapResult update(const void* /*key*/, const void* /*value*/, std::uint64_t /*flags*/, std::uint32_t /*cpu*/) final {
    return kInvalid;
  }
  MapResult erase(const void* /*key*/) final { return kInvalid; }
  /// What peek gives; the key is empty.
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) final {
    if (const MapResult denied = user_may_read(); denied != 0) return denied;
    if (!key.empty() || value.size() != spec_.value_size) return kInvalid;
    return peek(value.data());
  }
  /// Pushes; the key is empty.
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) final {
    if (const MapResult denied = user_may_write(); denied != 0) return denied;
    if (!key.empty() || value.size() != spec_.value_size) return kInvalid;
    return push(value.data(), static_cast<std::uint64_t>(flag));
  }
  MapResult next_key(std::span<const std::byte> /*key*/, std::span<std::byte> /*next*/) final { return kInvalid; }
};

}  // namespace skep::maps
