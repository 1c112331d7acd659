// SPDX-License-Identifier: Apache-2.0
// Random programs that every engine must run alike. The same seed gives the same program on every machine.
#pragma once
#include <cstdint>

#include "skep/program.h"

namespace skep::differential {

inline constexpr std::uint32_t kContextBytes = 128;
inline constexpr std::int32_t kMixHelper = 7001;  ///< Of r1 to r5; see differential_test.cc.

enum class Safety : std::uint8_t {
  kInBounds,    ///< Touches its context and its stack only, terminates, depends on no address.
  kNearMisses,  ///< Also touches, now and then, what lies around the ends of stack and context.
  /// As kInBounds, and Linux accepts nearly all: of type xdp, calls no helper, and works on the value of an array map
  /// (the first of Program::maps, kContextBytes long) or, where there is no map, on the first kContextBytes bytes of
  /// the packet. Ends with r0 stored there, too, and all of it folded into its low half.
  kVerifiable
};
Program random_program(std::uint64_t seed, Safety safety);

}  // namespace skep::differential
