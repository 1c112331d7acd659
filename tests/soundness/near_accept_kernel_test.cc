// SPDX-License-Identifier: Apache-2.0
// Random programs that are accepted or miss by little, judged by skep and by the running kernel: none is accepted that
// Linux rejects. Every second one has an instruction changed on top. SKEP_NEAR_PROGRAMS sets how many, SKEP_NEAR_SEED
// where to begin. Skipped where bpf(2) does not work.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "kernel/bpf.h"
#include "skep/isa.h"
#include "skep/verify.h"
#include "tests/listing.h"
#include "tests/soundness/near_accept.h"
#include "tests/soundness/setting.h"
#include "tests/verifier/mutate.h"

namespace skep::soundness {
namespace {

constexpr std::uint32_t kFaults = 60;

Program program_of(std::uint64_t seed) {
  Program program = near_accept(seed, kFaults);
  std::mt19937_64 random(seed);
  if (seed % 2 == 1) test::mutate(program, random);
  return program;
}

/// Both logs, to be compared line by line.
void show_logs(const Program& program) {
  const auto linux_says = kernel::load(program, {.log_level = 2});
  std::string log;
  static_cast<void>(verify(program, Platform::linux_like(), {.log = {.text = &log, .level = 2}}));
  std::printf("Linux:\n%s\nskep:\n%s\n", linux_says ? linux_says->log.c_str() : linux_says.error().message.c_str(),
              log.c_str());
}

TEST(NearAccept, NoneIsAcceptedThatLinuxRejects) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  const std::uint64_t count = setting("SKEP_NEAR_PROGRAMS", 5'000), first = setting("SKEP_NEAR_SEED", 1);
  std::uint64_t accepted = 0, false_accepts = 0, false_rejects = 0, same_steps = 0, bugs = 0;
  std::map<std::string, std::uint64_t> lost;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Program program = program_of(seed);
    const auto linux_says = kernel::load(program, {.log_level = 4});
    ASSERT_TRUE(linux_says.has_value()) << linux_says.error().message;
    const Verdict verdict = verify(program);
    const auto* rejection = std::get_if<Rejection>(&verdict);
    accepted += linux_says->accepted() ? 1 : 0;
    if (linux_says->accepted() && rejection == nullptr)
      same_steps += linux_says->processed == std::get<VerifiedProgram>(verdict).stats().processed ? 1 : 0;
    if (linux_says->accepted() == (rejection == nullptr)) continue;
    if (linux_says->last_sentence().starts_with("verifier bug:")) {  // It gave up, which is no verdict.
      ++bugs;
      continue;
    }
    if (count == 1) show_logs(program);
    if (rejection != nullptr) {
      ++false_rejects;
      ++lost[message(rejection->reason)];
      if (false_rejects <= 3)
        std::printf("loss, SKEP_NEAR_SEED=%llu: %s\n", static_cast<unsigned long long>(seed),
                    message(rejection->reason).c_str());
      continue;
    }
    if (++false_accepts > 5) continue;
    ADD_FAILURE() << "SKEP_NEAR_SEED=" << seed
                  << " SKEP_NEAR_PROGRAMS=1: accepted; Linux: " << linux_says->last_sentence() << "\n"
                  << test::listing(program);
  }
  std::printf(
      "%llu programs, %llu accepted by Linux, %llu FALSE ACCEPTS, %llu false rejects, %llu without a verdict, same "
      "steps %llu\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(accepted),
      static_cast<unsigned long long>(false_accepts), static_cast<unsigned long long>(false_rejects),
      static_cast<unsigned long long>(bugs), static_cast<unsigned long long>(same_steps));
  for (const auto& [sentence, times] : lost)
    std::printf("  %6llu false rejects: %s\n", static_cast<unsigned long long>(times), sentence.c_str());
  EXPECT_GT(accepted * 4, count) << "many should be accepted";
  EXPECT_GT((count - accepted) * 10, count) << "many should be rejected";
}

}  // namespace
}  // namespace skep::soundness
