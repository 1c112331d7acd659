// SPDX-License-Identifier: Apache-2.0
// What native code is made of. All of it is chosen when a program is loaded.
#pragma once
#include <array>
#include <string_view>

namespace skep {

/// Extensions of the instruction set, one member a row of cpu_features.def.
struct CpuFeatures {
#define CPU_FEATURE(name, gives) bool name = false;
#include "skep/tables/cpu_features.def"
  friend bool operator==(const CpuFeatures&, const CpuFeatures&) = default;
};

struct CpuFeatureInfo {
  std::string_view name, gives;
  bool CpuFeatures::*member = nullptr;
};
inline constexpr auto kCpuFeatures = std::to_array<CpuFeatureInfo>({
#define CPU_FEATURE(name, gives) {#name, gives, &CpuFeatures::name},
#include "skep/tables/cpu_features.def"
});

/// Those of `all` that `avoided` does not have.
constexpr CpuFeatures without(CpuFeatures all, const CpuFeatures& avoided) {
  for (const CpuFeatureInfo& row : kCpuFeatures) all.*row.member = all.*row.member && !(avoided.*row.member);
  return all;
}

/// What native code looks at where a stretch of code ends: at jumps backwards and returns, so that every loop, callback
/// and tail call passes. What is off costs nothing. The interpreter needs neither.
struct LimitOptions {
  bool budget = false;  ///< RunOptions::budget: counted as jit/limits.h says.
  bool stop = false;    ///< RunOptions::stop.
};

/// Of native code, against programs whose author is not trusted. What each promises and costs is in
/// docs/limits-and-hardening.md. The interpreter has no machine code of a program's, and does not look at these.
struct HardenOptions {
  /// No operand of the program's stands in the code. Does without the passes that put constants into addresses.
  bool blind_constants = false;
  /// What is loaded while the processor runs ahead on the wrong way of a branch reaches no address (Spectre v1).
  bool mask_speculation = false;
  /// Indirect calls and jumps are not predicted (Spectre v2). x86-64; not needed on arm64.
  bool retpolines = false;
};

}  // namespace skep
