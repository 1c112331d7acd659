// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cassert>

namespace skep {

/// After a switch that handles every enumerator. Reaching it is a bug of ours: asserted in debug builds.
[[noreturn]] inline void unreachable() {
  assert(false && "unreachable");
  __builtin_unreachable();
}

}  // namespace skep
