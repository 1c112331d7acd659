// SPDX-License-Identifier: Apache-2.0
// What native code depends on besides the program.
#pragma once
#include "skep/native_options.h"

namespace skep::jit {

using Features = CpuFeatures;

struct CompileOptions {
  Features features{};
  LimitOptions limits{};
  HardenOptions harden{};  ///< But for blind_constants, which lower/harden/ does.
};

}  // namespace skep::jit
