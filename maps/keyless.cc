// SPDX-License-Identifier: Apache-2.0
#include "maps/keyless.h"

#include "maps/errors.h"

namespace skep::maps {

void* KeylessMap::lookup(const void* /*key*/, std::uint32_t /*cpu*/) { return nullptr; }
MapResult KeylessMap::update(const void* /*key*/, const void* /*value*/, std::uint64_t /*flags*/,
                             std::uint32_t /*cpu*/) {
  return kInvalid;
}
MapResult KeylessMap::erase(const void* /*key*/) { return kInvalid; }

MapResult KeylessMap::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (!key.empty() || value.size() != spec_.value_size) return kInvalid;
  return peek(value.data());
}

MapResult KeylessMap::put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (!key.empty() || value.size() != spec_.value_size) return kInvalid;
  return push(value.data(), static_cast<std::uint64_t>(flag));
}

MapResult KeylessMap::next_key(std::span<const std::byte> /*key*/, std::span<std::byte> /*next*/) { return kInvalid; }

}  // namespace skep::maps
