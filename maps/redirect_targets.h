// SPDX-License-Identifier: Apache-2.0
// Where packets are sent: devmap, devmap_hash, cpumap, xskmap. Values are kept as the user wrote them (an interface
// index, a queue size, a socket); who runs the program does the sending.
#pragma once
#include "maps/hash_table.h"
#include "maps/memory.h"
#include "skep/map.h"

namespace skep::maps {

/// What the array-like ones share: slots that hold a value or nothing.
class SlotMap : public Map {
 public:
  SlotMap(MapSpec spec, Memory slots);

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return spec_.max_entries; }
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override;

 protected:
  /// Whether the value may be set at `index`; its first word is what the slot is for.
  enum class Meaning : std::uint8_t { kSet, kClear };
  struct Judgement {
    MapResult result = 0;
    Meaning meaning{};
  };
  [[nodiscard]] virtual Judgement judge(std::uint32_t index, std::uint32_t word) const = 0;

 private:
  /// Before each value: 1 when it is set.
  [[nodiscard]] std::byte* slot(std::uint32_t index) const { return slots_.data() + index * stride_; }
  Memory slots_;
  std::size_t stride_ = 0;
};

class DevMap final : public SlotMap {
 public:
  using SlotMap::SlotMap;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);

 private:
  [[nodiscard]] Judgement judge(std::uint32_t index, std::uint32_t word) const override;
};

class CpuMap final : public SlotMap {
 public:
  CpuMap(MapSpec spec, Memory slots, std::uint32_t cpus) : SlotMap(std::move(spec), std::move(slots)), cpus_(cpus) {}
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);

 private:
  [[nodiscard]] Judgement judge(std::uint32_t index, std::uint32_t word) const override;
  std::uint32_t cpus_;
};

/// The value is whatever number the embedder knows the socket by.
class XskMap final : public SlotMap {
 public:
  using SlotMap::SlotMap;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);

 private:
  [[nodiscard]] Judgement judge(std::uint32_t index, std::uint32_t word) const override;
};

/// The value is whatever number the embedder knows the cgroup by.
class CgroupArrayMap final : public SlotMap {
 public:
  using SlotMap::SlotMap;
  MapResult erase(const void* key) override;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);

 private:
  [[nodiscard]] Judgement judge(std::uint32_t index, std::uint32_t word) const override;
};

class DevMapHash final : public Map {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  DevMapHash(MapSpec spec, HashTable table) : Map(std::move(spec)), table_(std::move(table)) {}

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override { return table_.erase(key); }
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return table_.size(); }
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override {
    return table_.element_at(address, size) != HashTable::kNone;
  }

 private:
  HashTable table_;
};

}  // namespace skep::maps
