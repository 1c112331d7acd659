// SPDX-License-Identifier: Apache-2.0
// Keeps alive the images that prog_arrays hold. A run reads slots without a lock, so that an image that was replaced
// may be released only when no run is left that may have read it before: runs of programs with tail calls count
// themselves in and out, and a count that is zero at some moment after the replacement counts no such run. There are
// several counts, each of which needs its moment; that all are zero at once may never happen while many threads run.
#pragma once
#include <array>
#include <atomic>
#include <bitset>
#include <memory>
#include <mutex>
#include <vector>

#include "maps/prog_array.h"

namespace skep {

/// Thread-safe.
class TailTargets {
 public:
  /// A run of a program with tail calls. Counted in one of several counters, so that threads do not share one.
  class Section {
   public:
    Section(TailTargets& targets, std::uint32_t cpu) : counter_(targets.counters_[cpu % kCounters].running) {
      // Before any slot is read: sequentially consistent, like the writer's store to the slot and its read of this.
      counter_.fetch_add(1, std::memory_order_seq_cst);
    }
    ~Section() { counter_.fetch_sub(1, std::memory_order_release); }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

   private:
    std::atomic<std::uint32_t>& counter_;
  };

  /// Sets the slot and keeps `owner` alive while a slot or a run may hold it. 0 or a negative errno.
  MapResult set(const std::shared_ptr<ProgArrayMap>& map, std::uint32_t index, std::shared_ptr<const void> owner,
                const TailTarget& target);
  /// Empties all slots of all maps and releases everything; waits for runs in progress.
  void clear();

 private:
  static constexpr std::size_t kCounters = 16;
  struct alignas(64) Counter {
    std::atomic<std::uint32_t> running = 0;
  };
  struct Held {
    std::shared_ptr<const void> owner;
    const TailTarget* target = nullptr;
    /// The counters that were not zero yet since no slot holds the target: their runs may be in it.
    std::bitset<kCounters> users;
  };
  Held& hold(std::shared_ptr<const void> owner, const TailTarget& target);
  [[nodiscard]] bool in_a_slot(const TailTarget* target) const;
  void release_unused();

  std::array<Counter, kCounters> counters_;
  std::mutex mutex_;
  std::vector<Held> held_;                           // Under mutex_.
  std::vector<std::weak_ptr<ProgArrayMap>> arrays_;  // Under mutex_. Weak: images own their maps.
};

}  // namespace skep
