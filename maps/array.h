// SPDX-License-Identifier: Apache-2.0
// array, and so .data, .rodata and .bss.
#pragma once
#include "maps/memory.h"
#include "skep/map.h"

namespace skep::maps {

/// Value n lies at direct_value() + n * stride(); native code may look up there itself.
class ArrayMap final : public Map {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  ArrayMap(MapSpec spec, Memory values);

  void* lookup(const void* key, std::uint32_t /*cpu*/) override {
    const std::uint32_t index = index_of(key);
    return index < spec_.max_entries ? slot(index) : nullptr;
  }
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return spec_.max_entries; }
  [[nodiscard]] std::byte* direct_value() override { return values_.data(); }
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override;
  std::int64_t for_each(Visitor visit, void* state, std::uint32_t cpu) override;

  [[nodiscard]] std::size_t stride() const { return stride_; }

  /// The index that a 4-byte key holds.
  static std::uint32_t index_of(const void* key) {
    std::uint32_t index = 0;
    __builtin_memcpy(&index, key, sizeof index);
    return index;
  }
  /// Order of the keys of everything array-like.
  static MapResult next_index(std::span<const std::byte> key, std::span<std::byte> next, std::uint32_t max_entries);

 private:
  [[nodiscard]] std::byte* slot(std::uint32_t index) const { return values_.data() + index * stride_; }
  Memory values_;
  std::size_t stride_ = 0;
};

}  // namespace skep::maps
