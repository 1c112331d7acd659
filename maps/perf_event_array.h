// SPDX-License-Identifier: Apache-2.0
// perf_event_array: samples of programs, one stream a CPU. There are no perf events to put into it; perf_event_output
// hands samples to Host::perf_output, as if each CPU's slot held the event of that CPU.
#pragma once
#include "skep/map.h"

namespace skep::maps {

class PerfEventArray final : public Map {
 public:
  /// max_entries == 0: one for each CPU, as libbpf has it.
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  using Map::Map;

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return spec_.max_entries; }
};

}  // namespace skep::maps
