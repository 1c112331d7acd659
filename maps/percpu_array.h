// SPDX-License-Identifier: Apache-2.0
// percpu_array.
#pragma once
#include "maps/array.h"
#include "maps/percpu_values.h"
#include "skep/map.h"

namespace skep::maps {

class PerCpuArrayMap final : public Map {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  PerCpuArrayMap(MapSpec spec, PerCpuValues values) : Map(std::move(spec)), values_(std::move(values)) {}

  void* lookup(const void* key, std::uint32_t cpu) override {
    const std::uint32_t index = ArrayMap::index_of(key);
    return index < spec_.max_entries ? values_.slot(index, cpu) : nullptr;
  }
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  [[nodiscard]] std::size_t user_value_size() const override { return values_.user_size(); }
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return spec_.max_entries; }
  [[nodiscard]] std::byte* elements() override { return values_.slot(0, 0); }
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override {
    return values_.contains(address, size);
  }
  std::int64_t for_each(Visitor visit, void* state, std::uint32_t cpu) override;

  [[nodiscard]] const PerCpuValues& values() const { return values_; }

 private:
  PerCpuValues values_;
};

}  // namespace skep::maps
