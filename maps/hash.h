// SPDX-License-Identifier: Apache-2.0
// hash and lru_hash.
#pragma once
#include "maps/hash_table.h"
#include "skep/map.h"

namespace skep::maps {

/// What both share: values lie in the table's elements, an update puts a new element in the old one's place.
class PlainHash : public Map {
 public:
  PlainHash(MapSpec spec, HashTable table) : Map(std::move(spec)), table_(std::move(table)) {}

  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override { return table_.erase(key); }
  // The same for callers that know the size of the keys (maps/key_size.h).
  template <std::uint32_t kKeySize>
  MapResult update_as(const void* key, const void* value, std::uint64_t flags, std::uint32_t /*cpu*/) {
    const auto* bytes = static_cast<const std::byte*>(value);
    return table_.update<kKeySize>(
        key, flags, [&](HashTable::Index index, Slot) { copy_to_slot(table_.value(index), bytes, spec_.value_size); });
  }
  template <std::uint32_t kKeySize>
  MapResult erase_as(const void* key) {
    return table_.erase<kKeySize>(key);
  }
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return table_.size(); }
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override {
    return table_.element_at(address, size) != HashTable::kNone;
  }
  std::int64_t for_each(Visitor visit, void* state, std::uint32_t cpu) override;

 protected:
  static Result<HashTable> make_table(const MapSpec& spec, std::uint32_t cpus, Eviction eviction);
  HashTable table_;
};

class HashMap final : public PlainHash {
 public:
  using PlainHash::PlainHash;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  void* lookup(const void* key, std::uint32_t /*cpu*/) override { return value_of(table_.find(key)); }
  template <std::uint32_t kKeySize>
  void* lookup_as(const void* key, std::uint32_t /*cpu*/) {
    return value_of(table_.find_as<kKeySize>(static_cast<const std::byte*>(key)));
  }

 private:
  [[nodiscard]] void* value_of(HashTable::Index found) const {
    return found != HashTable::kNone ? table_.value(found) : nullptr;
  }
};

class LruHashMap final : public PlainHash {
 public:
  using PlainHash::PlainHash;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  void* lookup(const void* key, std::uint32_t /*cpu*/) override { return value_of(table_.find(key)); }
  template <std::uint32_t kKeySize>
  void* lookup_as(const void* key, std::uint32_t /*cpu*/) {
    return value_of(table_.find_as<kKeySize>(static_cast<const std::byte*>(key)));
  }

 private:
  [[nodiscard]] void* value_of(HashTable::Index found) const {
    if (found == HashTable::kNone) return nullptr;
    table_.touch(found);
    return table_.value(found);
  }
};

}  // namespace skep::maps
