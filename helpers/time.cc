// SPDX-License-Identifier: Apache-2.0
// Clocks, random numbers, the CPU.
#include "helpers/helpers.h"
#include "helpers/jiffies.h"
#include "helpers/words.h"

namespace skep::helpers {

Word ktime_get_ns(Word, Word, Word, Word, Word, Env& env) { return env.host->now_ns(Clock::kMonotonic); }
Word ktime_get_boot_ns(Word, Word, Word, Word, Word, Env& env) { return env.host->now_ns(Clock::kBoot); }
Word ktime_get_coarse_ns(Word, Word, Word, Word, Word, Env& env) { return env.host->now_ns(Clock::kCoarse); }
Word ktime_get_tai_ns(Word, Word, Word, Word, Word, Env& env) { return env.host->now_ns(Clock::kTai); }

Word jiffies64(Word, Word, Word, Word, Word, Env& env) { return jiffies_at(env.host->now_ns(Clock::kMonotonic)); }

Word get_prandom_u32(Word, Word, Word, Word, Word, Env& env) { return env.host->random_u32(); }
Word get_smp_processor_id(Word, Word, Word, Word, Word, Env& env) { return env.cpu; }
// A Vm's CPUs are one NUMA node.
Word get_numa_node_id(Word, Word, Word, Word, Word, Env&) { return 0; }

}  // namespace skep::helpers
