// SPDX-License-Identifier: Apache-2.0
// Random programs that Linux accepts, in the running kernel (BPF_PROG_TEST_RUN) and on every engine: same r0, same
// packet or map value afterwards. SKEP_DIFFERENTIAL_KERNEL_PROGRAMS and SKEP_DIFFERENTIAL_SEED set how many, and where
// to begin. Skipped where bpf(2) does not work.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "kernel/bpf.h"
#include "tests/differential/engines.h"
#include "tests/differential/random_program.h"

namespace skep::differential {
namespace {

constexpr std::uint64_t kPrograms = 3'000;

/// nullopt: the kernel refuses the program, or has no room for it.
std::optional<Outcome> run_in_kernel(const Program& program, std::uint64_t seed) {
  const Result<kernel::Loaded> loaded = kernel::load(program, {.log_level = 0, .flags = 0});
  if (!loaded) {
    ADD_FAILURE() << "seed " << seed << ": " << loaded.error().message;
    return std::nullopt;
  }
  if (!loaded->accepted()) return std::nullopt;
  Outcome outcome = fresh(seed);
  const std::array<std::byte, 4> key{};
  if (!program.maps.empty() && kernel::map_update(loaded->maps.front(), key, outcome.memory, 0) != 0) {
    ADD_FAILURE() << "seed " << seed << ": the kernel's map takes no value";
    return std::nullopt;
  }
  const Outcome packet = outcome;
  const Result<kernel::TestRun> run = kernel::test_run(loaded->program, {.data = packet.memory, .context = {}});
  if (!run) {
    ADD_FAILURE() << "seed " << seed << ": " << run.error().message;
    return std::nullopt;
  }
  outcome.result.r0 = run->retval;
  if (!program.maps.empty()) {
    EXPECT_EQ(kernel::map_lookup(loaded->maps.front(), key, outcome.memory), 0);
  } else if (run->data_out.size() == outcome.memory.size()) {
    std::memcpy(outcome.memory.data(), run->data_out.data(), outcome.memory.size());
  } else {
    ADD_FAILURE() << "seed " << seed << ": the kernel returns " << run->data_out.size() << " bytes";
  }
  return outcome;
}

TEST(KernelPrograms, RunAsInTheKernel) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << "bpf(2) does not work here: " << *why;
  const std::uint64_t first = from_environment("SKEP_DIFFERENTIAL_SEED", 1);
  const std::uint64_t count = from_environment("SKEP_DIFFERENTIAL_KERNEL_PROGRAMS", kPrograms);
  Engines engines;
  SeedGuard guard;
  std::uint64_t seed = first, compared = 0, refused_there = 0, refused_here = 0;
  for (; compared < count && !HasFailure(); ++seed) {
    guard.at(seed);
    const Program program = random_program(seed, Safety::kVerifiable);
    const Verdict verdict = verify(program);
    const auto* verified = std::get_if<VerifiedProgram>(&verdict);
    const auto there = run_in_kernel(program, seed);
    refused_there += there ? 0 : 1;
    refused_here += verified == nullptr ? 1 : 0;
    if (!there || verified == nullptr) {
      EXPECT_EQ(there.has_value(), verified != nullptr)
          << "SKEP_DIFFERENTIAL_SEED=" << seed << ": the verdicts differ\n"
          << listing(program);
      continue;
    }
    ++compared;
    const Outcome want = run_reference(program, seed);
    Outcome as_kernel = want;
    as_kernel.result.r0 = static_cast<std::uint32_t>(want.result.r0);
    EXPECT_EQ(as_kernel, *there) << "SKEP_DIFFERENTIAL_SEED=" << seed
                                 << " SKEP_DIFFERENTIAL_KERNEL_PROGRAMS=1\nhere:  " << text(as_kernel)
                                 << "\nthere: " << text(*there) << "\n"
                                 << listing(program);
    expect_same(program, seed, [&](const Program& candidate) -> std::optional<Engines::Difference> {
      const Verdict again = verify(candidate);
      const auto* accepted = std::get_if<VerifiedProgram>(&again);
      if (accepted == nullptr) return std::nullopt;
      return engines.compare(*accepted, run_reference(candidate, seed), seed);
    });
  }
  // A generator whose programs are refused tests nothing.
  EXPECT_GE(compared * 10, (seed - first) * 8);
  std::printf("%llu programs compared with the kernel; %llu refused by the kernel, %llu by skep\n",
              static_cast<unsigned long long>(compared), static_cast<unsigned long long>(refused_there),
              static_cast<unsigned long long>(refused_here));
}

}  // namespace
}  // namespace skep::differential
