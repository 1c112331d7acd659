// SPDX-License-Identifier: Apache-2.0
// SplitMix64: std distributions differ between libraries, this does not.
#pragma once
#include <cstdint>

namespace skep::differential {

class Random {
 public:
  /// The seed is mixed: seeds that are so many steps apart would give one sequence, begun at different places.
  explicit Random(std::uint64_t seed) : state_(mixed(seed ^ 0x5bf03635)) {}
  std::uint64_t next() { return mixed(state_ += 0x9e3779b97f4a7c15); }
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>((next() >> 32) % bound); }
  bool chance(std::uint32_t percent) { return below(100) < percent; }
  /// One of the elements.
  template <class Range>
  const auto& of(const Range& all) {
    return all[below(static_cast<std::uint32_t>(std::size(all)))];
  }

 private:
  static std::uint64_t mixed(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace skep::differential
