// SPDX-License-Identifier: Apache-2.0
// The tables against the running kernel: every helper in every program type that verify() models, and every context
// access by offset, size and direction. What skep allows and Linux does not is a hole and fails; what Linux allows and
// skep does not is counted.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <optional>
#include <string>

#include "kernel/bpf.h"
#include "skep/verify.h"

namespace skep::test {
namespace {

constexpr auto kTypes = std::to_array<ProgramType>(
    {ProgramType::kSocketFilter, ProgramType::kSchedCls, ProgramType::kSchedAct, ProgramType::kXdp,
     ProgramType::kCgroupSkb, ProgramType::kKprobe, ProgramType::kTracepoint, ProgramType::kRawTracepoint,
     ProgramType::kPerfEvent, ProgramType::kLwtIn, ProgramType::kLwtOut, ProgramType::kLwtXmit,
     ProgramType::kLwtSeg6local, ProgramType::kSkSkb});

Program program_of(ProgramType type, isa::Insns insns) {
  Program program;
  program.name = "table";
  program.license = "GPL";
  program.type = type;
  program.insns = std::move(insns);
  return program;
}

isa::Insn zero_r0() {
  return isa::Alu{.op = isa::AluOp::kMov, .width = isa::Width::k64, .dst = isa::kR0, .src = isa::Imm{0}};
}

struct Answers {
  std::string ours, theirs;
};
std::optional<Answers> ask(const Program& program) {
  const auto loaded = kernel::load(program, {.log_level = 1});
  if (!loaded) return std::nullopt;
  const Verdict verdict = verify(program);
  const auto* rejection = std::get_if<Rejection>(&verdict);
  return Answers{.ours = rejection == nullptr ? "accept" : message(rejection->reason),
                 .theirs = loaded->accepted() ? "accept" : loaded->last_sentence()};
}

bool unavailable(const std::string& sentence) {
  return sentence.find("cannot use helper") != std::string::npos || sentence.starts_with("invalid func") ||
         sentence.starts_with("unknown func");
}

TEST(Tables, HelpersAreAvailableWhereLinuxHasThem) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  constexpr std::int32_t kHelpers = 212;
  std::size_t asked = 0, lacking = 0;
  for (const ProgramType type : kTypes) {
    for (std::int32_t id = 1; id < kHelpers; ++id) {
      const auto answers =
          ask(program_of(type, {isa::Call{.kind = isa::CallKind::kHelper, .imm = id}, zero_r0(), isa::Exit{}}));
      if (!answers) continue;
      ++asked;
      const bool here = !unavailable(answers->ours), there = !unavailable(answers->theirs);
      lacking += there && !here;
      EXPECT_FALSE(here && !there) << info(type).name << " helper " << id << ": " << answers->theirs;
    }
  }
  std::printf("%zu pairs of helper and type asked, %zu that only Linux has\n", asked, lacking);
  EXPECT_GT(asked, 2000u);
}

constexpr auto kSizes = std::to_array<isa::Size>({isa::Size::k8, isa::Size::k16, isa::Size::k32, isa::Size::k64});

TEST(Tables, ContextsAreAccessedAsInLinux) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  std::size_t asked = 0, lacking = 0;
  for (const ProgramType type : kTypes) {
    for (std::int16_t offset = -4; offset < 200; ++offset) {
      for (const isa::Size size : kSizes) {
        for (const bool writes : {false, true}) {
          const isa::Insn access =
              writes ? isa::Insn{isa::Store{.size = size, .base = isa::kR1, .offset = offset, .src = isa::kR0}}
                     : isa::Insn{isa::Load{.size = size, .dst = isa::kR0, .base = isa::kR1, .offset = offset}};
          const auto answers = ask(program_of(type, {zero_r0(), access, zero_r0(), isa::Exit{}}));
          if (!answers) continue;
          ++asked;
          const bool here = answers->ours == "accept", there = answers->theirs == "accept";
          if (there && !here && !writes && isa::bytes(size) == 4)
            std::printf("only Linux: %s read %d: %s\n", std::string(info(type).name).c_str(), offset,
                        answers->ours.c_str());
          lacking += there && !here;
          EXPECT_FALSE(here && !there) << info(type).name << (writes ? " writes " : " reads ") << isa::bytes(size)
                                       << " at " << offset << ": " << answers->theirs;
        }
      }
    }
  }
  std::printf("%zu accesses asked, %zu that only Linux allows\n", asked, lacking);
  EXPECT_GT(asked, 10000u);
}

}  // namespace
}  // namespace skep::test
