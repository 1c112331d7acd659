// SPDX-License-Identifier: Apache-2.0
// percpu_hash and lru_percpu_hash.
#pragma once
#include "maps/hash_table.h"
#include "maps/percpu_values.h"
#include "skep/map.h"

namespace skep::maps {

/// What both share: the table holds keys only; the values of element n lie at n of each CPU's block.
class PerCpuHash : public Map {
 public:
  PerCpuHash(MapSpec spec, HashTable table, PerCpuValues values)
      : Map(std::move(spec)), table_(std::move(table)), values_(std::move(values)) {}

  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override { return table_.erase(key); }
  // The same for callers that know the size of the keys (maps/key_size.h).
  template <std::uint32_t kKeySize>
  MapResult update_as(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) {
    const auto* bytes = static_cast<const std::byte*>(value);
    return table_.update<kKeySize>(key, flags, [&](HashTable::Index index, Slot slot) {
      if (slot == Slot::kFresh) {
        values_.set_only(index, cpu, bytes);
      } else {
        values_.set(index, cpu, bytes);
      }
    });
  }
  template <std::uint32_t kKeySize>
  MapResult erase_as(const void* key) {
    return table_.erase<kKeySize>(key);
  }
  [[nodiscard]] std::size_t user_value_size() const override { return values_.user_size(); }
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return table_.size(); }
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override {
    return values_.contains(address, size);
  }
  std::int64_t for_each(Visitor visit, void* state, std::uint32_t cpu) override;

 protected:
  HashTable table_;
  PerCpuValues values_;
};

class PerCpuHashMap final : public PerCpuHash {
 public:
  using PerCpuHash::PerCpuHash;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  void* lookup(const void* key, std::uint32_t cpu) override { return value_of(table_.find(key), cpu); }
  template <std::uint32_t kKeySize>
  void* lookup_as(const void* key, std::uint32_t cpu) {
    return value_of(table_.find_as<kKeySize>(static_cast<const std::byte*>(key)), cpu);
  }

 private:
  [[nodiscard]] void* value_of(HashTable::Index found, std::uint32_t cpu) const {
    return found != HashTable::kNone ? values_.slot(found, cpu) : nullptr;
  }
};

class LruPerCpuHashMap final : public PerCpuHash {
 public:
  using PerCpuHash::PerCpuHash;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  void* lookup(const void* key, std::uint32_t cpu) override { return value_of(table_.find(key), cpu); }
  template <std::uint32_t kKeySize>
  void* lookup_as(const void* key, std::uint32_t cpu) {
    return value_of(table_.find_as<kKeySize>(static_cast<const std::byte*>(key)), cpu);
  }

 private:
  [[nodiscard]] void* value_of(HashTable::Index found, std::uint32_t cpu) const {
    if (found == HashTable::kNone) return nullptr;
    table_.touch(found);
    return values_.slot(found, cpu);
  }
};

}  // namespace skep::maps
