// SPDX-License-Identifier: Apache-2.0
#include "vm/tail_targets.h"

#include <algorithm>
#include <thread>

namespace skep {

MapResult TailTargets::set(const std::shared_ptr<ProgArrayMap>& map, std::uint32_t index,
                           std::shared_ptr<const void> owner, const TailTarget& target) {
  const std::lock_guard guard(mutex_);
  if (const MapResult result = map->set(index, &target); result != 0) return result;
  const auto same_map = [&](const auto& weak) { return weak.lock() == map; };
  if (std::ranges::none_of(arrays_, same_map)) arrays_.push_back(map);
  const auto same_target = [&](const Held& held) { return held.target == &target; };
  if (std::ranges::none_of(held_, same_target)) held_.push_back({.owner = std::move(owner), .target = &target});
  release_unused();
  return 0;
}

void TailTargets::clear() {
  const std::lock_guard guard(mutex_);
  for (const auto& weak : arrays_)
    if (const auto map = weak.lock())
      for (std::uint32_t index = 0; index < map->size(); ++index) map->set(index, nullptr);
  while (running()) std::this_thread::yield();
  held_.clear();
  arrays_.clear();
}

bool TailTargets::running() const {
  return std::ranges::any_of(counters_, [](const Counter& counter) { return counter.running.load() != 0; });
}

// A run that begins after the slots were read here sees what they hold now, hence none of what is released.
void TailTargets::release_unused() {
  std::erase_if(arrays_, [](const auto& weak) { return weak.expired(); });
  std::vector<Held> unused;
  for (const Held& held : held_) {
    const bool in_use = std::ranges::any_of(arrays_, [&](const auto& weak) {
      const auto map = weak.lock();
      return map != nullptr && map->holds(held.target);
    });
    if (!in_use) unused.push_back(held);
  }
  if (unused.empty() || running()) return;
  std::erase_if(held_, [&](const Held& held) {
    return std::ranges::any_of(unused, [&](const Held& other) { return other.target == held.target; });
  });
}

}  // namespace skep
