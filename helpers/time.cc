// SPDX-License-Identifier: Apache-2.0
// Clocks, random numbers, the CPU.
#include "helpers/helpers.h"
#include "helpers/words.h"

namespace skep::helpers {

Word ktime_get_ns(Word, Word, Word, Word, Word, Env& env) { return env.host->now_ns(Clock::kMonotonic); }
Word ktime_get_boot_ns(Word, Word, Word, Word, Word, Env& env) { return env.host->now_ns(Clock::kBoot); }
Word ktime_get_coarse_ns(Word, Word, Word, Word, Word, Env& env) { return env.host->now_ns(Clock::kCoarse); }
Word ktime_get_tai_ns(Word, Word, Word, Word, Word, Env& env) { return env.host->now_ns(Clock::kTai); }

// Counts from minus five minutes at boot, at 250 a second: Debian's and Ubuntu's CONFIG_HZ.
Word jiffies64(Word, Word, Word, Word, Word, Env& env) {
  constexpr Word kPerSecond = 250, kNanoseconds = 1'000'000'000 / kPerSecond;
  constexpr Word kInitial = std::uint32_t(-300 * static_cast<int>(kPerSecond));
  return kInitial + env.host->now_ns(Clock::kMonotonic) / kNanoseconds;
}

Word get_prandom_u32(Word, Word, Word, Word, Word, Env& env) { return env.host->random_u32(); }
Word get_smp_processor_id(Word, Word, Word, Word, Word, Env& env) { return env.cpu; }
// A Vm's CPUs are one NUMA node.
Word get_numa_node_id(Word, Word, Word, Word, Word, Env&) { return 0; }

}  // namespace skep::helpers
