// SPDX-License-Identifier: Apache-2.0
// Random programs that every engine must run alike. The same seed gives the same program on every machine.
#pragma once
#include <cstdint>

#include "skep/program.h"

namespace skep::differential {

inline constexpr std::uint32_t kContextBytes = 64;
inline constexpr std::int32_t kMixHelper = 7001;  ///< Of r1 to r5; see differential_test.cc.

enum class Safety : std::uint8_t {
  kInBounds,   ///< Touches its context and its stack only, terminates, depends on no address.
  kNearMisses  ///< Also touches, now and then, what lies around the ends of stack and context.
};
Program random_program(std::uint64_t seed, Safety safety);

}  // namespace skep::differential
