// SPDX-License-Identifier: Apache-2.0
// array_of_maps and hash_of_maps. A running program may hold an inner map that was just replaced, so an outer map keeps
// every map that it ever held until it is destroyed itself.
#pragma once
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "maps/hash_table.h"
#include "skep/map.h"

namespace skep::maps {

/// What both share: inner maps come and go through set_inner(); values as bytes are numbers that say which map it is.
class MapOfMaps : public Map {
 public:
  using Map::Map;
  /// -EINVAL: `inner` is not like spec().inner (type, key and value size, flags, max_entries of arrays), or the key's
  /// size is wrong; else as an update with `flag`.
  MapResult set_inner(std::span<const std::byte> key, const std::shared_ptr<Map>& inner, UpdateFlag flag);
  /// nullptr: none there.
  [[nodiscard]] std::shared_ptr<Map> inner(std::span<const std::byte> key);

  /// The map at `address` if this map ever held it, else nullptr. For checked runs.
  [[nodiscard]] const Map* find_held(std::uint64_t address) const;
  /// Values of the inner maps.
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override;

  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  /// The value is the number of the inner map: the n-th different one that was ever set, from 1 on.
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  /// -EBADF: bpf(2) takes a descriptor here; use set_inner().
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;

 protected:
  virtual MapResult store(const std::byte* key, Map* inner, UpdateFlag flag) = 0;
  static Status check_inner(const MapSpec& spec);

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Map>> held_;                 ///< In the order in which they came. Under mutex_.
  std::unordered_map<const Map*, std::uint32_t> numbers_;  ///< Index into held_ plus 1. Under mutex_.
};

class ArrayOfMaps final : public MapOfMaps {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  explicit ArrayOfMaps(MapSpec spec) : MapOfMaps(std::move(spec)), slots_(spec_.max_entries) {}

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return spec_.max_entries; }
  [[nodiscard]] std::byte* elements() override { return from_address<std::byte>(address_of(slots_.data())); }

 private:
  MapResult store(const std::byte* key, Map* inner, UpdateFlag flag) override;
  std::vector<std::atomic<Map*>> slots_;
};

class HashOfMaps final : public MapOfMaps {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  HashOfMaps(MapSpec spec, HashTable table) : MapOfMaps(std::move(spec)), table_(std::move(table)) {}

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult erase(const void* key) override { return table_.erase(key); }
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return table_.size(); }

 private:
  MapResult store(const std::byte* key, Map* inner, UpdateFlag flag) override;
  HashTable table_;
};

}  // namespace skep::maps
