// SPDX-License-Identifier: Apache-2.0
// verify/PROGRAM/PEER: one verification. The kernel's time is the one that it logs itself, without loading, JIT and
// system call; it counts whole microseconds, so that very short verifications are compared as `_short`, outside the
// mean.
#include <memory>

#include "bench/experiments.h"
#include "kernel/bpf.h"
#include "skep/verify.h"

namespace skep::bench {
namespace {

constexpr std::uint32_t kStatisticsOnly = 4;
constexpr std::uint64_t kShortest = 20;  // Microseconds.

}  // namespace

void plan_verify(const std::vector<Forms>& programs, Plan& plan) {
  const auto wants = [&](const std::string& name) {
    return plan.wants(name + "/skep") || plan.wants(name + "/kernel");
  };
  for (const Forms& forms : programs) {
    if (!wants("verify/" + forms.name) && !wants("verify/_" + forms.name)) continue;
    const auto program = std::make_shared<const Program>(forms.xdp);
    const auto kernel_us = [program]() -> Result<std::uint64_t> {
      const auto loaded = kernel::load(*program, {.log_level = kStatisticsOnly});
      if (!loaded) return loaded.error();
      return loaded->verification_us;
    };
    const auto once = kernel_us();
    const bool is_short = !once || *once < kShortest;
    const std::string name = std::string("verify/") + (is_short ? "_" : "") + forms.name;
    plan.series.push_back(
        {.name = name + "/skep", .items = 1, .work = [program] { (void)verify(*program); }, .timed = {}});
    if (!once) {
      plan.left_out.push_back(name + "/kernel: " + once.error().message);
      continue;
    }
    plan.series.push_back({.name = name + "/kernel", .items = 1, .work = {}, .timed = [kernel_us] {
                             const auto us = kernel_us();
                             return us ? static_cast<double>(*us) * 1000.0 : 0.0;
                           }});
  }
}

}  // namespace skep::bench
