// SPDX-License-Identifier: Apache-2.0
// How another thread ends runs.
#pragma once
#include <atomic>
#include <type_traits>

namespace skep {

/// Ends the runs that were given it (RunOptions::stop), soon after request(). May be shared by any number of runs and
/// used from any thread or a signal handler; outlives the runs that were given it.
class StopFlag {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  /// For the next runs; those that have not noticed yet go on.
  void clear() noexcept { requested_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> requested_ = false;
};
// Native code reads the byte.
static_assert(sizeof(StopFlag) == 1 && std::is_standard_layout_v<StopFlag> && std::atomic<bool>::is_always_lock_free);

}  // namespace skep
