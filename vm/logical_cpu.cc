// SPDX-License-Identifier: Apache-2.0
#include "vm/logical_cpu.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace skep {
namespace {

class Numbers {
 public:
  std::uint32_t take() {
    const std::lock_guard guard(mutex_);
    const auto free = std::ranges::find(taken_, false);
    const auto number = static_cast<std::uint32_t>(free - taken_.begin());
    if (free == taken_.end())
      taken_.push_back(true);
    else
      *free = true;
    return number;
  }
  void give_back(std::uint32_t number) {
    const std::lock_guard guard(mutex_);
    taken_[number] = false;
  }

 private:
  std::mutex mutex_;
  std::vector<bool> taken_;
};

Numbers& numbers() {
  // Never destroyed: threads may outlive static destructors.
  static Numbers& all = *new Numbers;
  return all;
}

struct OwnNumber {
  std::uint32_t number = numbers().take();
  OwnNumber() = default;
  ~OwnNumber() { numbers().give_back(number); }
  OwnNumber(const OwnNumber&) = delete;
  OwnNumber& operator=(const OwnNumber&) = delete;
};

}  // namespace

namespace detail {

constinit thread_local std::uint32_t own_thread_number = kNoNumber;

std::uint32_t take_thread_number() {
  thread_local const OwnNumber own;
  return own_thread_number = own.number;
}

}  // namespace detail
}  // namespace skep
