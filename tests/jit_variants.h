// SPDX-License-Identifier: Apache-2.0
// Every way in which this host's native code can be made: each must run every program alike.
#pragma once
#include <string>
#include <vector>

#include "jit/target.h"
#include "skep/vm.h"

namespace skep {

struct JitVariant {
  std::string name;
  VmOptions options;
};

/// All features of the CPU first, then each one left out that this CPU has, then none.
inline std::vector<JitVariant> jit_variants() {
  const VmOptions plain{.engine = Engine::kJit, .cpus = 1};
  const CpuFeatures& host = jit::host_target().features;
  std::vector<JitVariant> all = {{"jit", plain}};
  for (const CpuFeatureInfo& row : kCpuFeatures) {
    if (!(host.*row.member)) continue;
    all.push_back({"jit_without_" + std::string(row.name), plain});
    all.back().options.avoid.*row.member = true;
  }
  all.push_back({"jit_baseline", plain});
  all.back().options.avoid = host;
  return all;
}

}  // namespace skep
