// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "helpers/words.h"

namespace skep::helpers {

/// Counts from minus five minutes at boot, at 250 a second: Debian's and Ubuntu's CONFIG_HZ.
constexpr Word jiffies_at(Word monotonic_ns) {
  constexpr Word kPerSecond = 250, kNanoseconds = 1'000'000'000 / kPerSecond;
  constexpr Word kInitial = std::uint32_t(-300 * static_cast<int>(kPerSecond));
  return kInitial + monotonic_ns / kNanoseconds;
}

}  // namespace skep::helpers
