// SPDX-License-Identifier: Apache-2.0
// What programs send out while they run: trace_printk, ring buffers, perf samples. Counted, and the first ones kept.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "skep/env.h"
#include "skep/map.h"

namespace skep::tools {

struct Event {
  std::string map;
  std::uint32_t cpu = 0;
  std::vector<std::byte> bytes;
};

/// Safe for use by several threads at once, as Host must be.
class EventLog {
 public:
  /// Keeps the first `limit` messages and the first `limit` events of each map.
  explicit EventLog(std::size_t limit) : limit_(limit) {}
  void add_trace(std::string_view message);
  void add_event(const std::string& map, std::uint32_t cpu, std::span<const std::byte> bytes);
  /// Takes what lies in the ring buffers among `maps`. Call it between runs.
  void drain(std::span<const std::shared_ptr<Map>> maps);

  struct Source {
    std::string map;
    std::uint64_t count = 0;
    std::vector<Event> first;
  };
  // For use after the runs.
  [[nodiscard]] const std::vector<std::string>& traces() const { return traces_; }
  [[nodiscard]] std::uint64_t trace_count() const { return trace_count_; }
  [[nodiscard]] const std::vector<Source>& sources() const { return sources_; }

 private:
  std::size_t limit_;
  std::mutex mutex_;
  std::vector<std::string> traces_;
  std::uint64_t trace_count_ = 0;
  std::vector<Source> sources_;
};

}  // namespace skep::tools
