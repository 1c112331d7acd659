// SPDX-License-Identifier: Apache-2.0
// Programs close to accepted ones: a case of tests/verifier/cases with one instruction changed, judged by
// skep and by the running kernel. SKEP_MUTANTS sets their number, SKEP_MUTANT_SEED the seed. Skipped without bpf(2).
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "kernel/bpf.h"
#include "skep/isa.h"
#include "skep/verify.h"
#include "tests/verifier/case_file.h"
#include "tests/verifier/mutate.h"

namespace skep::test {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Mutants, NoneIsAcceptedThatLinuxRejects) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  const auto files = read_case_files(SKEP_SOURCE_DIR "/tests/verifier/cases");
  ASSERT_TRUE(files.has_value()) << files.error().message;
  std::vector<const Case*> cases;
  for (const CaseFile& file : *files)
    for (const Case& one : file.cases)
      if (one.accepted && one.available) cases.push_back(&one);
  std::mt19937_64 random(setting("SKEP_MUTANT_SEED", 1));
  const std::uint64_t count = setting("SKEP_MUTANTS", 5000);
  std::uint64_t accepted = 0, holes = 0, losses = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Case& base = *cases[random() % cases.size()];
    Program program = base.program;
    mutate(program, random);
    const auto linux_says = kernel::load(program, {.log_level = 1});
    ASSERT_TRUE(linux_says.has_value()) << linux_says.error().message;
    const Verdict verdict = verify(program);
    const auto* rejection = std::get_if<Rejection>(&verdict);
    accepted += linux_says->accepted();
    if (linux_says->accepted() == (rejection == nullptr)) continue;
    ++(rejection == nullptr ? holes : losses);
    if ((rejection == nullptr ? holes : losses) > 12) continue;
    std::printf("%s: mutant %llu of '%s'\n  linux: %s\n  skep:  %s\n", rejection == nullptr ? "HOLE" : "loss",
                static_cast<unsigned long long>(i), base.name.c_str(), linux_says->last_sentence().c_str(),
                rejection == nullptr ? "accept" : message(rejection->reason).c_str());
    for (isa::InsnIndex at = 0; at < program.insns.size(); ++at)
      std::printf("    %u: %s\n", at, isa::print(program.insns, at, isa::Syntax::kC).c_str());
  }
  std::printf("%llu mutants, %llu accepted by Linux, %llu false accepts, %llu false rejects\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(accepted),
              static_cast<unsigned long long>(holes), static_cast<unsigned long long>(losses));
  EXPECT_EQ(holes, 0u);
}

}  // namespace
}  // namespace skep::test
