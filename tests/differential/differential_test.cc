// SPDX-License-Identifier: Apache-2.0
// Random programs on every engine: same r0, same memory, same trap. SKEP_DIFFERENTIAL_PROGRAMS and
// SKEP_DIFFERENTIAL_SEED set how many, and where to begin, for soaking or for one seed again.
#include <gtest/gtest.h>

#include <cstdio>
#include <optional>

#include "tests/differential/engines.h"
#include "tests/differential/random_program.h"

namespace skep::differential {
namespace {

#ifdef __aarch64__
constexpr std::uint64_t kPrograms = 6'000;  // Usually under qemu.
#else
constexpr std::uint64_t kPrograms = 200'000;
#endif

std::uint64_t first_seed() { return from_environment("SKEP_DIFFERENTIAL_SEED", 1); }
std::uint64_t programs() { return from_environment("SKEP_DIFFERENTIAL_PROGRAMS", kPrograms); }

void say(const char* what, std::uint64_t programs, std::uint64_t instructions, const Engines& engines) {
  std::printf("%llu %s, %llu instructions, %s\n", static_cast<unsigned long long>(programs), what,
              static_cast<unsigned long long>(instructions),
              engines.has_jit() ? "with native code" : "without native code");
}

TEST(Differential, ProgramsInBoundsRunAlikeOnEveryEngine) {
  Engines engines;
  SeedGuard guard;
  std::uint64_t instructions = 0;
  for (std::uint64_t seed = first_seed(), left = programs(); left > 0 && !HasFailure(); ++seed, --left) {
    guard.at(seed);
    const Program program = random_program(seed, Safety::kInBounds);
    instructions += program.insns.size();
    expect_same(program, seed, [&](const Program& candidate) -> std::optional<Engines::Difference> {
      const Outcome want = run_reference(candidate, seed);
      if (want.result.trap != Trap::kNone) {
        if (candidate.insns == program.insns)
          ADD_FAILURE() << "seed " << seed << ": the reference traps: " << text(want) << "\n" << listing(program);
        return std::nullopt;
      }
      return engines.compare(VerifiedProgram::trust_without_verification(candidate), want, seed);
    });
  }
  say("programs", programs(), instructions, engines);
}

/// As above; and passes know what the verifier proved.
TEST(Differential, VerifiedProgramsRunAlikeOnEveryEngine) {
  Engines engines;
  SeedGuard guard;
  std::uint64_t instructions = 0, accepted = 0;
  const std::uint64_t count = programs() / 10 + 1;
  for (std::uint64_t seed = first_seed(), left = count; left > 0 && !HasFailure(); ++seed, --left) {
    guard.at(seed);
    const Program program = random_program(seed, Safety::kVerifiable);
    const std::uint64_t before = accepted;
    expect_same(program, seed, [&](const Program& candidate) -> std::optional<Engines::Difference> {
      const Verdict verdict = verify(candidate);
      const auto* verified = std::get_if<VerifiedProgram>(&verdict);
      if (verified == nullptr) return std::nullopt;
      accepted = before + 1;
      const Outcome want = run_reference(candidate, seed);
      EXPECT_EQ(want.result.trap, Trap::kNone) << "seed " << seed << ": the reference traps: " << text(want);
      return engines.compare(*verified, want, seed);
    });
    if (accepted != before) instructions += program.insns.size();
  }
  EXPECT_GE(accepted, count * 8 / 10);
  say("programs verified", accepted, instructions, engines);
}

/// The least budget with which the run ends by itself: what it takes in all.
std::uint64_t cost(Vm& vm, const Program& program, std::uint64_t seed) {
  const Result<Image> image = vm.load(VerifiedProgram::trust_without_verification(program));
  if (!image) return 0;
  std::uint64_t low = 0, high = 1'000'000;  // Too little, enough.
  while (high - low > 1) {
    const std::uint64_t middle = (low + high) / 2;
    Outcome outcome = fresh(seed);
    (image->run(outcome.memory, {.budget = middle}).trap == Trap::kBudget ? low : high) = middle;
  }
  return high;
}

TEST(Differential, NativeCodeCountsNoFewerInstructionsThanTheInterpreter) {
  const std::uint64_t first = from_environment("SKEP_DIFFERENTIAL_SEED", 1);
  const std::uint64_t count = from_environment("SKEP_DIFFERENTIAL_PROGRAMS", kPrograms) / 20 + 1;
  Vm interpreter(platform(), {.engine = Engine::kInterpreter, .cpus = 1});
  Vm jit(platform(), {.engine = Engine::kJit, .cpus = 1, .passes = PassSet::none(), .limits = {.budget = true}});
  if (!jit.load(VerifiedProgram::trust_without_verification(random_program(first, Safety::kInBounds))))
    GTEST_SKIP() << "no native code on this host";
  double ratio = 0;
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    const Program program = random_program(seed, Safety::kInBounds);
    const std::uint64_t exact = cost(interpreter, program, seed), counted = cost(jit, program, seed);
    EXPECT_GE(counted, exact) << "seed " << seed << "\n" << listing(program);
    ratio += static_cast<double>(counted) / static_cast<double>(exact);
  }
  std::printf("native code counts %.2f times what the interpreter does\n", ratio / static_cast<double>(count));
}

TEST(Differential, AccessesOutOfBoundsTrapAlike) {
  Vm interpreter(platform(), {.engine = Engine::kInterpreter, .cpus = 1, .host = nullptr});
  const RunOptions checked{.checked = true};
  const std::uint64_t count = programs() / 4 + 1;
  std::uint64_t traps = 0;
  for (std::uint64_t seed = first_seed(), left = count; left > 0 && !HasFailure(); ++seed, --left) {
    const Program program = random_program(seed, Safety::kNearMisses);
    const Outcome want = run_reference(program, seed);
    traps += want.result.trap == Trap::kMemory ? 1 : 0;
    const Outcome got = run(interpreter, VerifiedProgram::trust_without_verification(program), seed, checked);
    EXPECT_EQ(want, got) << "SKEP_DIFFERENTIAL_SEED=" << seed << " SKEP_DIFFERENTIAL_PROGRAMS=1\n"
                         << text(want) << "\n"
                         << text(got) << "\n"
                         << listing(program);
  }
  EXPECT_GT(traps, count / 20);
  EXPECT_LT(traps, count * 19 / 20);
}

}  // namespace
}  // namespace skep::differential
