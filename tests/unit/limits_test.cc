// SPDX-License-Identifier: Apache-2.0
// Runs that are ended: by their budget, by a flag that somebody sets meanwhile, by a helper. Every shape of a long run,
// on every engine.
#include <gtest/gtest.h>
#include <sys/time.h>

#include <array>
#include <chrono>
#include <csignal>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "jit/limits.h"
#include "thread_sanitizer.h"
#include "vm_fixture.h"

namespace skep::vm_tests {
namespace {

constexpr std::int32_t kSetTrap = 4711;

/// Ends the run with the trap of that number.
std::uint64_t set_trap(std::uint64_t number, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, Env& env) {
  env.trap = static_cast<Trap>(number);
  return 1;
}

const Platform& platform() {
  static const Platform with_helper = Platform::linux_like()
                                          .with_helper({.id = kSetTrap,
                                                        .name = "set_trap",
                                                        .returns = RetKind::Integer,
                                                        .args = {ArgKind::Anything},
                                                        .available = kAllTypes},
                                                       set_trap)
                                          .value();
  return with_helper;
}

struct Config {
  std::string name;
  Engine engine{};
  LimitOptions limits;
  HardenOptions harden{};
};
std::vector<Config> configs() {
  std::vector<Config> all = {{"interpreter", Engine::kInterpreter, {}}};
  if (!has_native_code()) return all;
  all.push_back({"jit_both", Engine::kJit, {.budget = true, .stop = true}});
  all.push_back({"jit_budget", Engine::kJit, {.budget = true}});
  all.push_back({"jit_stop", Engine::kJit, {.stop = true}});
  all.push_back(
      {"jit_hardened", Engine::kJit, {.budget = true, .stop = true}, {.mask_speculation = true, .retpolines = true}});
  // Constants that are made of two are counted as more operations.
  all.push_back({"jit_blind", Engine::kJit, {.stop = true}, {.blind_constants = true}});
  return all;
}

/// A run that takes for ever, or nearly so.
struct LongRun {
  std::string name, text;
};
std::vector<LongRun> long_runs() {
  // Eight functions, each of which calls the next 16 times: 2^28 calls and no jump backwards. The last calls the clock,
  // or else it would be inlined.
  std::string tree;
  for (int depth = 0; depth < 7; ++depth) {
    for (int call = 0; call < 16; ++call) tree += "call pc+" + std::to_string(16 - call) + "\n";
    tree += "exit\n";
  }
  tree += "call 5\nr0 = 0\nexit\n";
  const std::string loop_8m = "r1 = 8388608\nr2 = subprog[+6]\nr3 = 0\nr4 = 0\ncall 181\nr0 = 0\nexit\n";
  return {
      {"jump", "r0 = 0\nr0 += 1\ngoto -2\n"},
      {"branch", "r0 = 0\nr0 += 1\nif r0 != 0 goto -2\nexit\n"},
      {"branch_to_itself", "r0 = 0\nif r0 == 0 goto -1\nexit\n"},
      {"branch_on_memory", "*(u64 *)(r10 - 8) = 1\nr1 = *(u64 *)(r10 - 8)\nif r1 == 1 goto -2\nr0 = 0\nexit\n"},
      {"nested_loops", "r1 = 0\nr2 = 0\nr2 += 1\nif r2 < 5 goto -2\nr1 += 1\ngoto -5\n"},
      {"subprogram", "r1 = 7\ncall pc+1\nexit\nr0 = 0\ngoto -2\n"},
      {"call_in_a_loop", "call pc+1\ngoto -2\nr0 = 0\nexit\n"},
      {"tree_of_calls", tree},
      {"loop_in_a_callback", loop_8m + "r0 = 0\ngoto -2\n"},
      {"callbacks_in_a_loop", "r1 = 8388608\nr2 = subprog[+5]\nr3 = 0\nr4 = 0\ncall 181\ngoto -7\nr0 = 0\nexit\n"},
      {"callbacks_in_callbacks", loop_8m + loop_8m + "r0 = 0\nexit\n"},
      {"may_goto_in_callbacks", loop_8m + "may_goto +1\ngoto -2\nr0 = 0\nexit\n"},
  };
}

Image must_load(Vm& vm, const VerifiedProgram& verified) {
  Result<Image> image = vm.load(verified);
  if (image) return *image;
  ADD_FAILURE() << image.error().message;
  return Image(nullptr);
}

class Limits : public testing::TestWithParam<std::tuple<Config, LongRun>> {
 protected:
  [[nodiscard]] static const Config& config() { return std::get<0>(GetParam()); }
  [[nodiscard]] static bool counts() { return config().engine == Engine::kInterpreter || config().limits.budget; }
  [[nodiscard]] static bool stops() { return config().engine == Engine::kInterpreter || config().limits.stop; }
  Vm vm{platform(), {.engine = config().engine, .cpus = 1, .limits = config().limits, .harden = config().harden}};
  Image image = must_load(vm, program(std::get<1>(GetParam()).text));
};

TEST_P(Limits, TheBudgetEndsTheRun) {
  EXPECT_EQ(image.run({}, {.budget = 20'000}).trap, counts() ? Trap::kBudget : Trap::kIllegal);
}

TEST_P(Limits, TheFlagEndsTheRunBeforeItsTime) {
  StopFlag flag;
  flag.request();
  EXPECT_EQ(image.run({}, {.stop = &flag}).trap, stops() ? Trap::kStopped : Trap::kIllegal);
}

StopFlag alarmed;
extern "C" void request_stop(int /*signal*/) { alarmed.request(); }

/// In the midst of the run. By a signal, because threads are not to be had everywhere (vm_threads_test.cc has them).
TEST_P(Limits, ASignalEndsTheRun) {
  alarmed.clear();
  if (!stops()) {
    EXPECT_EQ(image.run({}, {.stop = &alarmed}).trap, Trap::kIllegal);
    return;
  }
  if (kThreadSanitizer) {  // It keeps a signal back until a call of the C library, which native code does not make.
    const std::jthread other([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      alarmed.request();
    });
    EXPECT_EQ(image.run({}, {.stop = &alarmed}).trap, Trap::kStopped);
    return;
  }
  struct sigaction act {};
  act.sa_handler = request_stop;
  ASSERT_EQ(sigaction(SIGALRM, &act, nullptr), 0);
  constexpr itimerval kSoon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 2000}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &kSoon, nullptr), 0);
  EXPECT_EQ(image.run({}, {.stop = &alarmed}).trap, Trap::kStopped);
}

INSTANTIATE_TEST_SUITE_P(Runs, Limits, testing::Combine(testing::ValuesIn(configs()), testing::ValuesIn(long_runs())),
                         [](const auto& one) {
                           return std::get<0>(one.param).name + "_" + std::get<1>(one.param).name;
                         });

class LimitsOf : public testing::TestWithParam<Config> {
 protected:
  [[nodiscard]] static bool counts() { return GetParam().engine == Engine::kInterpreter || GetParam().limits.budget; }
  Image load(std::string_view text, Maps maps = {}, std::string name = "p") {
    return must_load(vm, program(text, std::move(maps), std::move(name)));
  }
  // Without optimisations, of which the interpreter counts none.
  Vm vm{platform(),
        {.engine = GetParam().engine,
         .cpus = 1,
         .passes = PassSet::none(),
         .limits = GetParam().limits,
         .harden = GetParam().harden}};
};
INSTANTIATE_TEST_SUITE_P(Configs, LimitsOf, testing::ValuesIn(configs()),
                         [](const auto& one) { return one.param.name; });

/// Where all ways are equally long, native code counts what the interpreter does.
TEST_P(LimitsOf, TheBudgetIsExact) {
  if (!counts()) return;
  struct Exact {
    std::string text;
    std::uint64_t ops = 0;
  };
  for (const Exact& exact :
       {Exact{"r0 = 1\nexit\n", 2}, Exact{"r0 = 0\nr0 += 1\nif r0 != 10 goto -2\nexit\n", 1 + 2 * 10 + 1},
        Exact{"r1 = 0\nr2 = 0\nr2 += 1\nif r2 < 5 goto -2\nr1 += 1\nif r1 < 3 goto -5\nr0 = 0\nexit\n",
              1 + 3 * (1 + 2 * 5 + 2) + 2},
        Exact{"if r2 == 5 goto +2\nr0 = 1\ngoto +2\nr0 = 2\nr0 = 3\nexit\n", 4},
        Exact{"r6 = 0\ncall pc+3\nr6 += 1\nif r6 < 4 goto -3\nexit\nr0 = 0\nexit\n", 1 + 4 * (3 + 2) + 1},
        Exact{"r1 = 10\nr2 = subprog[+5]\nr3 = 0\nr4 = 0\ncall 181\nexit\nr0 = 0\nexit\n", 6 + 10 * 2}}) {
    const Image image = load(exact.text);
    EXPECT_EQ(image.run({}, {.budget = exact.ops}).trap, Trap::kNone) << exact.text;
    EXPECT_EQ(image.run({}, {.budget = exact.ops - 1}).trap, Trap::kBudget) << exact.text;
    EXPECT_EQ(image.run({}, {.budget = 1}).trap, Trap::kBudget) << exact.text;
    EXPECT_EQ(image.run({}).trap, Trap::kNone) << exact.text;
    EXPECT_EQ(image.run({}, {.budget = ~std::uint64_t{0}}).trap, Trap::kNone) << exact.text;
  }
}

TEST_P(LimitsOf, TailCallsCount) {
  if (!counts()) return;
  const Image self =
      load("r2 = map[idx:0]\nr3 = 0\ncall 12\nr0 = 7\nexit\n", {prog_array({{.index = 0, .target = "self"}})}, "self");
  EXPECT_EQ(self.run({}), (RunResult{.r0 = 7}));
  EXPECT_EQ(self.run({}, {.budget = 34 * 3 + 2}), (RunResult{.r0 = 7}));
  EXPECT_EQ(self.run({}, {.budget = 34 * 3 + 1}).trap, Trap::kBudget);
}

TEST_P(LimitsOf, ARunThatEndsInTimeIsNotStopped) {
  const Image image = load("r0 = 0\nr0 += 1\nif r0 != 1000 goto -2\nexit\n");
  StopFlag flag;
  RunOptions options;
  if (counts()) options.budget = 10'000;
  if (GetParam().engine == Engine::kInterpreter || GetParam().limits.stop) options.stop = &flag;
  EXPECT_EQ(image.run({}, options), (RunResult{.r0 = 1000}));
  flag.request();
  if (options.stop != nullptr) {
    EXPECT_EQ(image.run({}, options).trap, Trap::kStopped);
  }
  flag.clear();
  EXPECT_EQ(image.run({}, options), (RunResult{.r0 = 1000}));
}

/// A helper's trap ends the run with it, wherever the helper is called: what comes behind writes to the context.
TEST_P(LimitsOf, AHelpersTrapUnwindsFromEverywhere) {
  const std::string trap = "r1 = 3\ncall 4711\n";
  const std::string sign = "*(u64 *)(r6 + 0) = 1\nr0 = 0\nexit\n";
  const auto callback = [&](const std::string& body) {
    return "r6 = r1\nr1 = 10\nr2 = subprog[+7]\nr3 = r6\nr4 = 0\ncall 181\n" + sign + body;
  };
  const std::vector<std::pair<std::string, std::string>> places = {
      {"entry", "r6 = r1\n" + trap + sign},
      {"subprogram", "r6 = r1\ncall pc+3\n" + sign + trap + "exit\n"},
      {"third_subprogram",
       "r6 = r1\ncall pc+3\n" + sign + "r6 = r1\ncall pc+3\n" + sign + "r6 = r1\ncall pc+3\n" + sign + trap + "exit\n"},
      {"callback", callback("r6 = r2\n" + trap + sign)},
      {"subprogram_of_a_callback", callback("r6 = r2\ncall pc+3\n" + sign + trap + "exit\n")},
      {"callback_of_a_callback", callback("r1 = r2\n" + callback("r6 = r2\n" + trap + sign))},
      {"for_each",
       "r6 = r1\nr1 = map[idx:0]\nr2 = subprog[+7]\nr3 = r6\nr4 = 0\ncall 164\n" + sign + "r6 = r4\n" + trap + sign},
      {"tail_call", "r6 = r1\nr2 = map[idx:1]\nr3 = 0\ncall 12\n" + sign},
      {"tail_call_of_a_subprogram",
       "r6 = r1\ncall pc+3\n" + sign + "r6 = r1\nr2 = map[idx:1]\nr3 = 0\ncall 12\n" + sign},
  };
  const auto jumps = prog_array({{.index = 0, .target = "traps"}});
  for (const auto& [name, text] : places) {
    const Image image = load(text, {counters(), jumps});
    const Image tail_called = load("r6 = r1\n" + trap + sign, {}, "traps");
    EXPECT_EQ(vm.set_tail_call(*vm.find_map("jumps"), 0, tail_called), 0);
    std::array<std::uint64_t, 1> context{};
    const RunResult result = image.run(std::as_writable_bytes(std::span(context)));
    EXPECT_EQ(result.trap, Trap::kHelper) << name;
    EXPECT_EQ(result.r0, 0u) << name;
    EXPECT_EQ(context[0], 0u) << name;
  }
}

TEST_P(LimitsOf, AHelperMaySetAnyTrap) {
  const Image image = load("r1 = *(u64 *)(r1 + 0)\ncall 4711\nexit\n");
  for (std::uint64_t number = 0; number <= static_cast<std::uint64_t>(Trap::kStopped); ++number) {
    std::array<std::uint64_t, 1> context = {number};
    EXPECT_EQ(image.run(std::as_writable_bytes(std::span(context))).trap, static_cast<Trap>(number));
  }
}

TEST(Charges, OfStretches) {
  using lower::Op;
  const auto nothing = Op{lower::Alu{isa::AluOp::kMov, isa::Width::k64, {}, isa::kR0, isa::kR0}};
  const auto branch = [](lower::Label target) {
    return Op{lower::Branch{isa::JmpOp::kEq, isa::Width::k64, isa::kR0, lower::Imm{0}, target}};
  };
  struct Case {
    std::vector<Op> ops;
    std::vector<std::uint32_t> want;
  };
  for (const Case& one : {
           Case{{nothing, lower::Return{}}, {0, 2}},
           Case{{nothing, nothing, branch(1), lower::Return{}}, {0, 0, 2, 4}},
           Case{{branch(0), lower::Return{}}, {1, 2}},
           // The longer way counts.
           Case{{branch(3), nothing, nothing, lower::Return{}}, {0, 0, 0, 4}},
           // What lies behind a Return is reached by its own way.
           Case{{branch(3), nothing, lower::Return{}, nothing, lower::Jump{1}}, {0, 0, 3, 0, 2}},
           // Backwards to what lies deeper: never for nothing.
           Case{{branch(4), nothing, nothing, lower::Return{}, lower::Jump{2}}, {0, 0, 0, 4, 1}},
           Case{{nothing, lower::TailCall{}, lower::Return{}}, {0, 2, 3}},
       }) {
    lower::Code code;
    code.ops = one.ops;
    EXPECT_EQ(jit::charges(code), one.want);
  }
}

}  // namespace
}  // namespace skep::vm_tests
