// SPDX-License-Identifier: Apache-2.0
// A lock for sections of a few instructions (Lockable: std::lock_guard takes it).
#pragma once
#include <atomic>
#include <thread>

namespace skep::maps {

class SpinLock {
 public:
  void lock() {
    for (unsigned spins = 0; locked_.exchange(true, std::memory_order_acquire); ++spins)
      if (spins > 64) std::this_thread::yield();
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> locked_ = false;
};

}  // namespace skep::maps
