// SPDX-License-Identifier: Apache-2.0
#include "tools/run/events.h"

#include <algorithm>

#include "maps/ringbuf.h"

namespace skep::tools {

void EventLog::add_trace(std::string_view message) {
  const std::scoped_lock lock(mutex_);
  ++trace_count_;
  // As the kernel's trace does: a message that ends its line itself does not get another end.
  while (message.ends_with('\n')) message.remove_suffix(1);
  if (traces_.size() < limit_) traces_.emplace_back(message);
}

void EventLog::add_event(const std::string& map, std::uint32_t cpu, std::span<const std::byte> bytes) {
  const std::scoped_lock lock(mutex_);
  auto source = std::find_if(sources_.begin(), sources_.end(), [&](const Source& row) { return row.map == map; });
  if (source == sources_.end()) source = sources_.insert(source, Source{.map = map, .count = 0, .first = {}});
  ++source->count;
  if (source->first.size() < limit_) source->first.push_back({map, cpu, {bytes.begin(), bytes.end()}});
}

void EventLog::drain(std::span<const std::shared_ptr<Map>> maps) {
  for (const std::shared_ptr<Map>& map : maps) {
    // By its type: a dynamic_cast of each map for each packet took longer than the programs.
    if (map->spec().type != MapType::kRingBuf) continue;
    auto& ring = static_cast<maps::RingBufMap&>(*map);
    if (ring.size() == 0) continue;
    ring.consume([&](std::span<const std::byte> record) { add_event(map->spec().name, 0, record); });
  }
}

}  // namespace skep::tools
