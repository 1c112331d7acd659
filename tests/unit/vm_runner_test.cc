// SPDX-License-Identifier: Apache-2.0
// A Runner does what Image::run() does, run after run: whatever a run leaves behind, the next one begins anew.
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <span>
#include <thread>
#include <tuple>

#include "skep/context.h"
#include "skep/runner.h"
#include "vm_fixture.h"

namespace skep::vm_tests {
namespace {

using Context = std::array<std::uint64_t, 4>;
std::span<std::byte> bytes_of(Context& context) { return std::as_writable_bytes(std::span(context)); }

/// Traps when it is asked to, as only an embedder's helper can.
constexpr std::int32_t kTrapIf = 10000;
std::uint64_t trap_if(std::uint64_t condition, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, Env& env) {
  if (condition != 0) env.trap = Trap::kHelper;
  return 7;
}
Platform platform() {
  return Platform::linux_like()
      .with_helper({.id = kTrapIf, .name = "trap_if", .returns = RetKind::Integer, .args = {}, .available = kAllTypes},
                   trap_if)
      .value();
}

// Word 0 of the context says what a run does; the others are free.
struct Case {
  std::string name, text;
  RunOptions options = {};
};
const std::vector<Case> kCases = {
    {"bare", "r0 = *(u64 *)(r1 + 0)\nr0 += r2\nr3 = 5\n*(u64 *)(r1 + 8) = r3\nexit\n"},
    {"stack", "r3 = *(u64 *)(r1 + 0)\n*(u64 *)(r10 - 512) = r3\nr0 = *(u64 *)(r10 - 512)\nexit\n"},
    {"subprogram", "r6 = 100\ncall pc+2\nr0 += r6\nexit\nr0 = *(u64 *)(r1 + 0)\nexit\n"},
    {"map",
     "r6 = r1\nr7 = *(u64 *)(r1 + 0)\nr7 &= 3\n*(u32 *)(r10 - 4) = r7\nr2 = r10\nr2 += -4\nr1 = map[idx:0]\n"
     "call 1\nif r0 == 0 goto +4\nr3 = *(u64 *)(r0 + 0)\nr3 += 1\n*(u64 *)(r0 + 0) = r3\nr0 = 1\nexit\n"},
    {"traps_at_times", "r6 = r1\nr1 = *(u64 *)(r1 + 0)\nr1 &= 1\ncall 10000\nr3 = 9\n*(u64 *)(r6 + 16) = r3\nexit\n"},
    {"traps_below", "r6 = r1\ncall pc+2\nr0 += 1\nexit\nr1 = *(u64 *)(r1 + 0)\nr1 &= 1\ncall 10000\nexit\n"},
    {"illegal", "r0 = *(u64 *)(r1 + 0)\nif r0 == 2 goto +1\nexit\ncall 9999\nexit\n"},
    {"callback",
     "*(u64 *)(r10 - 8) = 0\nr1 = *(u64 *)(r1 + 0)\nr2 = subprog[+7]\nr3 = r10\nr3 += -8\nr4 = 0\ncall 181\n"
     "r0 = *(u64 *)(r10 - 8)\nexit\nr0 = *(u64 *)(r2 + 0)\nr0 += r1\n*(u64 *)(r2 + 0) = r0\nr0 = 0\nexit\n"},
    {"tail_call", "r3 = *(u64 *)(r1 + 0)\nr2 = map[idx:1]\ncall 12\nr0 = 5\nexit\n"},
    {"cpu", "call 8\nexit\n", {.cpu = 3}},
    {"budget", "r0 = 0\nr2 = *(u64 *)(r1 + 0)\nr0 += 1\nr2 += -1\nif r2 s> 0 goto -3\nexit\n", {.budget = 8}},
    {"checked", "r2 = *(u64 *)(r1 + 0)\nr2 &= 1\nr2 *= 28\nr1 += r2\nr0 = *(u64 *)(r1 + 0)\nexit\n", {.checked = true}},
};

class RunnerCase : public testing::TestWithParam<std::tuple<Engine, Case>> {
 protected:
  static Vm make_vm() { return Vm(platform(), {.engine = std::get<0>(GetParam()), .cpus = 8, .host = nullptr}); }
  /// With slot 1 of `jumps` holding the program itself, slot 2 another one.
  static Image load(Vm& vm) {
    const Maps maps = {counters(), prog_array({{.index = 1, .target = "p"}, {.index = 2, .target = "other"}})};
    Image image = vm.load(program(std::get<1>(GetParam()).text, maps)).value();
    (void)vm.load(program("r0 = *(u64 *)(r1 + 0)\nr0 += 200\nexit\n", {}, "other")).value();
    return image;
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, RunnerCase,
                         testing::Combine(testing::ValuesIn(available_engines()), testing::ValuesIn(kCases)),
                         [](const auto& one) {
                           return std::string(std::get<0>(one.param) == Engine::kJit ? "jit_" : "interpreter_") +
                                  std::get<1>(one.param).name;
                         });

TEST_P(RunnerCase, RunsAsTheImageDoes) {
  const RunOptions& options = std::get<1>(GetParam()).options;
  Vm by_image = make_vm(), by_runner = make_vm();
  const Image image = load(by_image);
  Runner runner(load(by_runner), options);
  for (const std::uint64_t word : {0u, 1u, 2u, 3u, 1u, 1u, 2u, 0u, 33u, 1u, 0u}) {
    Context expected{word}, got{word};
    EXPECT_EQ(runner.run(bytes_of(got)), image.run(bytes_of(expected), options)) << word;
    EXPECT_EQ(got, expected) << word;
  }
  // Without options there is a shorter way in.
  if (options.budget != 0 || options.checked || options.cpu >= 0) return;
  for (const std::uint64_t word : {0u, 1u, 2u, 3u}) {
    Context expected{word}, got{word};
    EXPECT_EQ(image.run(bytes_of(got)), image.run(bytes_of(expected), options)) << word;
    EXPECT_EQ(got, expected) << word;
  }
}

class RunnerOnEngine : public OnEngine {};
INSTANTIATE_TEST_SUITE_P(Engines, RunnerOnEngine, testing::ValuesIn(available_engines()), engine_name);

TEST_P(RunnerOnEngine, EveryRunHasItsThirtyThreeTailCalls) {
  Runner runner(
      load(program("r4 = *(u64 *)(r1 + 0)\nr4 += 1\n*(u64 *)(r1 + 0) = r4\nr2 = map[idx:0]\nr3 = 0\n"
                   "call 12\nr0 = 0\nexit\n",
                   {prog_array({{.index = 0, .target = "self"}})}, "self")));
  for (int i = 0; i < 3; ++i) {
    Context context{};
    EXPECT_EQ(runner.run(bytes_of(context)).trap, Trap::kNone);
    EXPECT_EQ(context[0], 34u);
  }
}

TEST_P(RunnerOnEngine, HasTheNumberOfTheThreadThatMadeIt) {
  const Image image = load(program("call 8\nexit\n"));
  Runner here(image);
  std::uint64_t there = here.run({}).r0;
  EXPECT_EQ(there, image.run({}).r0);
  std::thread([&] { there = Runner(image).run({}).r0; }).join();
  EXPECT_NE(here.run({}).r0, there);
  Runner told(image, {.cpu = 11});
  EXPECT_EQ(told.run({}).r0, 11u % 8u);
}

TEST_P(RunnerOnEngine, OutlivesItsVmAndMayBeMoved) {
  auto own =
      std::make_optional<Vm>(Platform::linux_like(), VmOptions{.engine = GetParam(), .cpus = 1, .host = nullptr});
  Runner first(own->load(program(kJumpToSlot1, {prog_array()})).value());
  Runner second(own->load(program("r0 = 42\nexit\n", {}, "leaf")).value());
  EXPECT_EQ(own->set_tail_call(*own->find_map("jumps"), 1, second.image()), 0);
  EXPECT_EQ(first.run({}), (RunResult{.r0 = 42}));
  own.reset();
  EXPECT_EQ(first.run({}), (RunResult{.r0 = 5}));
  Runner moved(std::move(first));
  EXPECT_EQ(moved.run({}), (RunResult{.r0 = 5}));
  moved = std::move(second);
  EXPECT_EQ(moved.run({}), (RunResult{.r0 = 42}));
  EXPECT_EQ(moved.image().program().name, "leaf");
}

TEST_P(RunnerOnEngine, HelpersSeeTheContextOfTheirRun) {
  // redirect(7, 0) writes the interface into the context that the run was given.
  Runner runner(load(program("r1 = 7\nr2 = 0\ncall 23\nexit\n", {}, "r", ProgramType::kXdp)));
  std::array<XdpContext, 2> contexts{};
  for (XdpContext& context : contexts) {
    EXPECT_EQ(runner.run(std::as_writable_bytes(std::span(&context, 1))).trap, Trap::kNone);
    EXPECT_EQ(context.redirect_ifindex, 7u);
  }
}

}  // namespace
}  // namespace skep::vm_tests
