// SPDX-License-Identifier: Apache-2.0
// stack_trace: stacks by the id that get_stackid gave them. No stack is ever collected here, so that it stays empty.
#pragma once

#include "skep/map.h"

namespace skep::maps {

class StackTraceMap final : public Map {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  using Map::Map;

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return 0; }
};

}  // namespace skep::maps
