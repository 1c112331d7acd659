// SPDX-License-Identifier: Apache-2.0
// Image::profile(): how often each instruction ran, and that counting changes nothing else.
#include <gtest/gtest.h>

#include <thread>

#include "vm_fixture.h"

namespace skep::vm_tests {
namespace {

using Counts = std::vector<std::uint64_t>;

Vm profiling_vm() {
  return Vm(Platform::linux_like(),
            {.engine = Engine::kInterpreter, .cpus = 4, .host = nullptr, .debug = {}, .profile = true});
}

struct Case {
  std::string name;
  std::string_view text;
  std::uint64_t runs = 1;
  std::uint64_t r0 = 0;
  Counts executed, taken;
};

std::vector<Case> cases() {
  return {
      {"straight", "r0 = 3\nexit\n", 5, 3, {5, 5}, {0, 0}},
      {"loop",
       "r0 = 0\nr1 = 10\nr0 += r1\nr1 += -1\nif r1 != 0 goto -3\nexit\n",
       2,
       55,
       {2, 2, 20, 20, 20, 2},
       {0, 0, 0, 0, 18, 0}},
      {"branch_not_taken", "r0 = 1\nif r0 == 2 goto +1\nr0 = 4\nexit\n", 3, 4, {3, 3, 3, 3}, {0, 0, 0, 0}},
      {"jump_to_the_next", "r0 = 1\ngoto +0\nexit\n", 1, 1, {1, 1, 1}, {0, 0, 0}},
      {"call",
       "r6 = 3\ncall pc+3\nr6 += -1\nif r6 != 0 goto -3\nexit\nr0 = 9\nexit\n",
       1,
       9,
       {1, 3, 3, 3, 1, 3, 3},
       {0, 0, 0, 2, 0, 0, 0}},
      {"wide", "r0 = 0x1122334455 ll\nexit\n", 2, 0x1122334455, {2, 0, 2}, {0, 0, 0}},
      {"may_goto", "r0 = 0\nmay_goto +2\nr0 += 1\nif r0 < 5 goto -3\nexit\n", 1, 5, {1, 5, 5, 5, 1}, {0, 0, 0, 4, 0}},
  };
}

class ProfileOf : public testing::TestWithParam<Case> {};

TEST_P(ProfileOf, Program) {
  for (const bool checked : {false, true}) {
    Vm vm = profiling_vm();
    const Result<Image> image = vm.load(program(GetParam().text));
    ASSERT_TRUE(image.has_value()) << image.error().message;
    for (std::uint64_t i = 0; i < GetParam().runs; ++i) {
      const RunResult result = image->run({}, {.budget = 0, .checked = checked, .regions = {}, .cpu = 0});
      EXPECT_EQ(result, (RunResult{.r0 = GetParam().r0}));
    }
    EXPECT_EQ(image->profile().executed, GetParam().executed);
    EXPECT_EQ(image->profile().taken, GetParam().taken);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, ProfileOf, testing::ValuesIn(cases()), [](const auto& one) { return one.param.name; });

TEST(Profile, BranchesThatTheVerifierDecidesAreCounted) {
  Program decided;
  decided.insns = *isa::assemble("r1 = 1\nr0 = 7\nif r1 == 1 goto +1\nr0 = 8\nif r1 == 2 goto +1\nexit\nr0 = 9\nexit\n",
                                 isa::Syntax::kC);
  decided.type = ProgramType::kXdp;
  decided.functions = {{.first = 0, .name = "f"}};
  const Verdict verdict = verify(decided);
  ASSERT_TRUE(std::holds_alternative<VerifiedProgram>(verdict));
  Vm vm = profiling_vm();
  const Result<Image> image = vm.load(std::get<VerifiedProgram>(verdict));
  ASSERT_TRUE(image.has_value()) << image.error().message;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(image->run({}).r0, 7u);
  EXPECT_EQ(image->profile().executed, (Counts{3, 3, 3, 0, 3, 3, 0, 0}));
  EXPECT_EQ(image->profile().taken, (Counts{0, 0, 3, 0, 0, 0, 0, 0}));
}

TEST(Profile, ATailCallCountsInTheProgramThatItReaches) {
  Vm vm = profiling_vm();
  const Result<Image> caller = vm.load(program(kJumpToSlot1, {prog_array()}));
  const Result<Image> target = vm.load(program("r0 = 2\nr0 += 1\nexit\n", {}, "target"));
  ASSERT_TRUE(caller.has_value() && target.has_value());
  ASSERT_EQ(vm.set_tail_call(*vm.find_map("jumps"), 1, *target), 0);
  EXPECT_EQ(caller->run({}).r0, 3u);
  EXPECT_EQ(caller->profile().executed, (Counts{1, 0, 1, 1, 0, 0}));
  EXPECT_EQ(target->profile().executed, (Counts{1, 1, 1}));
}

TEST(Profile, ARunThatTrapsIsCountedUpToThere) {
  Vm vm = profiling_vm();
  const Result<Image> image = vm.load(program("r0 = 0\nr0 += 1\ngoto -2\n"));
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->run({}, {.budget = 5, .checked = false, .regions = {}, .cpu = 0}).trap, Trap::kBudget);
  EXPECT_EQ(image->profile().executed, (Counts{1, 2, 2}));
}

TEST(Profile, ThreadsLoseNoCount) {
  constexpr std::uint64_t kThreads = 4, kRuns = 2000;
  Vm vm = profiling_vm();
  const Result<Image> image = vm.load(program("r0 = 1\nif r0 == 1 goto +1\nr0 = 4\nexit\n"));
  ASSERT_TRUE(image.has_value());
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        for (std::uint64_t run = 0; run < kRuns; ++run) EXPECT_EQ(image->run({}).r0, 1u);
      });
  }
  constexpr std::uint64_t kAll = kThreads * kRuns;
  EXPECT_EQ(image->profile().executed, (Counts{kAll, kAll, 0, kAll}));
  EXPECT_EQ(image->profile().taken, (Counts{0, kAll, 0, 0}));
}

TEST(Profile, WithoutTheOptionThereIsNone) {
  Vm vm(Platform::linux_like(), {.engine = Engine::kInterpreter, .cpus = 1, .host = nullptr});
  const Result<Image> image = vm.load(program("r0 = 1\nexit\n"));
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->run({}).r0, 1u);
  EXPECT_TRUE(image->profile().executed.empty());
}

TEST(Profile, NativeCodeDoesNotCount) {
  Vm vm(Platform::linux_like(), {.engine = Engine::kJit, .cpus = 1, .host = nullptr, .debug = {}, .profile = true});
  const Result<Image> image = vm.load(program("r0 = 1\nexit\n"));
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace skep::vm_tests
