// SPDX-License-Identifier: Apache-2.0
#include "vm/tail_targets.h"

#include <algorithm>
#include <cerrno>
#include <thread>

namespace skep {

MapResult TailTargets::set(const std::shared_ptr<ProgArrayMap>& map, std::uint32_t index,
                           std::shared_ptr<const void> owner, const TailTarget& target) {
  const std::lock_guard guard(mutex_);
  if (index >= map->size()) return -E2BIG;
  hold(std::move(owner), target).users.set();
  const auto same_map = [&](const auto& weak) { return weak.lock() == map; };
  if (std::ranges::none_of(arrays_, same_map)) arrays_.push_back(map);
  const MapResult result = map->set(index, &target);
  release_unused();
  return result;
}

void TailTargets::clear() {
  const std::lock_guard guard(mutex_);
  for (const auto& weak : arrays_)
    if (const auto map = weak.lock())
      for (std::uint32_t index = 0; index < map->size(); ++index) map->set(index, nullptr);
  for (const Counter& counter : counters_)
    while (counter.running.load() != 0) std::this_thread::yield();
  held_.clear();
  arrays_.clear();
}

TailTargets::Held& TailTargets::hold(std::shared_ptr<const void> owner, const TailTarget& target) {
  const auto known = std::ranges::find(held_, &target, &Held::target);
  if (known != held_.end()) return *known;
  return held_.emplace_back(Held{.owner = std::move(owner), .target = &target, .users = {}});
}

bool TailTargets::in_a_slot(const TailTarget* target) const {
  return std::ranges::any_of(arrays_, [&](const auto& weak) {
    const auto map = weak.lock();
    return map != nullptr && map->holds(target);
  });
}

// Counters are read after the slots: a run that begins later sees what the slots hold now, hence none of what is
// released.
void TailTargets::release_unused() {
  std::erase_if(arrays_, [](const auto& weak) { return weak.expired(); });
  for (Held& held : held_) {
    if (in_a_slot(held.target)) continue;
    for (std::size_t i = 0; i < kCounters; ++i)
      if (counters_[i].running.load() == 0) held.users.reset(i);
  }
  std::erase_if(held_, [](const Held& held) { return held.users.none(); });
}

}  // namespace skep
