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

}  // namespace skep
