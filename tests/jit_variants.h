// SPDX-License-Identifier: Apache-2.0
// Every way in which this host's native code can be made: each must run every program alike.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "jit/target.h"
#include "skep/vm.h"

namespace skep {

struct JitVariant {
  std::string name;
  VmOptions options;
};

/// All features of the CPU first, then each one left out that this CPU has, then none; then each option.
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
  const auto with = [&](std::string name, const auto& set) {
    all.push_back({std::move(name), plain});
    set(all.back().options);
  };
  with("jit_budget", [](VmOptions& options) { options.limits.budget = true; });
  with("jit_stop", [](VmOptions& options) { options.limits.stop = true; });
  with("jit_limits", [](VmOptions& options) { options.limits = {.budget = true, .stop = true}; });
  with("jit_blind", [](VmOptions& options) { options.harden.blind_constants = true; });
  with("jit_mask", [](VmOptions& options) { options.harden.mask_speculation = true; });
  with("jit_retpolines", [](VmOptions& options) { options.harden.retpolines = true; });
  with("jit_guarded_baseline", [&](VmOptions& options) {
    options.avoid = host;
    options.limits = {.budget = true, .stop = true};
    options.harden = {.blind_constants = true, .mask_speculation = true, .retpolines = true};
  });
  return all;
}

}  // namespace skep
