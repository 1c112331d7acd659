// SPDX-License-Identifier: Apache-2.0
// Running: tail calls, callbacks, budget, memory traps, maps shared by name; on the interpreter and on native code
// where the host has it.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <variant>

#include "skep/verify.h"
#include "vm_fixture.h"

namespace skep::vm_tests {
namespace {

INSTANTIATE_TEST_SUITE_P(Engines, OnEngine, testing::ValuesIn(available_engines()), engine_name);

TEST_P(OnEngine, TailCallContinuesInTheOtherProgramOrFallsThrough) {
  const Image caller = load(program(kJumpToSlot1, {prog_array()}));
  EXPECT_EQ(caller.run({}), (RunResult{.r0 = 5}));
  const Image callee = load(program("r0 = 42\nexit\n"));
  const auto map = vm.find_map("jumps");
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(vm.set_tail_call(*map, 1, callee), 0);
  EXPECT_EQ(caller.run({}), (RunResult{.r0 = 42}));
  EXPECT_EQ(vm.set_tail_call(*map, 4, callee), -E2BIG);
  const std::uint32_t key = 1;
  EXPECT_EQ(map->remove(std::as_bytes(std::span(&key, 1))), 0);
  EXPECT_EQ(caller.run({}), (RunResult{.r0 = 5}));
}

TEST_P(OnEngine, ThirtyThreeTailCallsAndNoMore) {
  // Counts its own runs in the context: the first one and 33 tail calls.
  const Image image =
      load(program("r4 = *(u64 *)(r1 + 0)\nr4 += 1\n*(u64 *)(r1 + 0) = r4\nr2 = map[idx:0]\nr3 = 0\n"
                   "call 12\nr0 = 0\nexit\n",
                   {prog_array({{.index = 0, .target = "self"}})}, "self"));
  std::array<std::uint64_t, 1> context{};
  EXPECT_EQ(image.run(std::as_writable_bytes(std::span(context))).trap, Trap::kNone);
  EXPECT_EQ(context[0], 34u);
}

TEST_P(OnEngine, TailCallFromASubprogramReturnsToItsCaller) {
  const Image image =
      load(program("r6 = 100\ncall pc+2\nr0 += r6\nexit\n"
                   "r2 = map[idx:0]\nr3 = 0\ncall 12\nr0 = 1\nexit\n",
                   {prog_array({{.index = 0, .target = "leaf"}})}, "p"));
  EXPECT_EQ(image.run({}), (RunResult{.r0 = 101}));
  const Image leaf = load(program("r6 = 7\nr0 = 11\nexit\n", {}, "leaf"));
  EXPECT_EQ(image.run({}), (RunResult{.r0 = 111}));
}

TEST_P(OnEngine, AProgArrayHoldsProgramsOfOneType) {
  load(program(kJumpToSlot1, {prog_array()}));
  const Image other = load(program("r0 = 0\nexit\n", {}, "x", ProgramType::kXdp));
  EXPECT_EQ(vm.set_tail_call(*vm.find_map("jumps"), 1, other), -EINVAL);
}

Verdict judged(std::string_view text, ProgramType type, std::uint32_t attach_type) {
  Program out;
  Result<isa::Insns> insns = isa::assemble(text, isa::Syntax::kC);
  if (insns) out.insns = *std::move(insns);
  out.type = type;
  out.attach_type = attach_type;
  out.license = "GPL";
  out.functions = {{.first = 0, .name = "f"}};
  return verify(std::move(out));
}

TEST_P(OnEngine, ContextsOfTheUapiAreBytesWithoutTheKernelsPointers) {
  constexpr std::uint32_t kConnect4 = 10;
  const Verdict port =
      judged("r0 = *(u32 *)(r1 + 24)\n*(u32 *)(r1 + 4) = 7\nr0 &= 1\nexit\n", ProgramType::kCgroupSockAddr, kConnect4);
  ASSERT_TRUE(std::holds_alternative<VerifiedProgram>(port));
  std::array<std::uint32_t, 18> address{};
  address[6] = 443;
  EXPECT_EQ(load(std::get<VerifiedProgram>(port)).run(std::as_writable_bytes(std::span(address))).r0, 1u);
  EXPECT_EQ(address[1], 7u);

  const Verdict socket = judged("r2 = *(u64 *)(r1 + 64)\nr0 = 1\nexit\n", ProgramType::kCgroupSockAddr, kConnect4);
  ASSERT_TRUE(std::holds_alternative<VerifiedProgram>(socket));
  const Result<Image> refused = vm.load(std::get<VerifiedProgram>(socket));
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("pointer sk"), std::string::npos) << refused.error().message;
}

TEST_P(OnEngine, CallbacksRunInTheirOwnFrame) {
  // loop(10, callback, &sum, 0): the callback adds its index to what the stack holds.
  const Image image =
      load(program("*(u64 *)(r10 - 8) = 0\nr1 = 10\nr2 = subprog[+7]\nr3 = r10\nr3 += -8\nr4 = 0\n"
                   "call 181\nr0 = *(u64 *)(r10 - 8)\nexit\n"
                   "*(u64 *)(r10 - 8) = 99\nr0 = *(u64 *)(r2 + 0)\nr0 += r1\n*(u64 *)(r2 + 0) = r0\n"
                   "r0 = 0\nexit\n"));
  EXPECT_EQ(image.run({}), (RunResult{.r0 = 45}));
}

TEST_P(OnEngine, MapsAreSharedByName) {
  constexpr std::string_view kCount =
      "*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[idx:0]\ncall 1\nif r0 == 0 goto +2\n"
      "r1 = 1\nlock *(u64 *)(r0 + 0) += r1\nr0 = 0\nexit\n";
  const Image first = load(program(kCount, {counters()}));
  const Image second = load(program(kCount, {counters()}));
  EXPECT_EQ(first.run({}).trap, Trap::kNone);
  EXPECT_EQ(second.run({}).trap, Trap::kNone);
  const std::uint32_t key = 1;
  std::uint64_t value = 0;
  ASSERT_EQ(vm.maps().size(), 1u);
  EXPECT_EQ(vm.maps()[0]->get(std::as_bytes(std::span(&key, 1)), std::as_writable_bytes(std::span(&value, 1))), 0);
  EXPECT_EQ(value, 2u);
}

TEST_P(OnEngine, ANameTakenByAnotherMapIsAnError) {
  ASSERT_TRUE(vm.create_map(counters()).has_value());
  const auto clash = vm.create_map(
      spec({.name = "counters", .type = MapType::kHash, .key_size = 4, .value_size = 8, .max_entries = 2}));
  ASSERT_FALSE(clash.has_value());
  EXPECT_NE(clash.error().message.find("counters (hash"), std::string::npos) << clash.error().message;
}

TEST(Interpreter, BudgetEndsLoops) {
  Vm vm(Platform::linux_like(), {.engine = Engine::kInterpreter, .cpus = 1, .host = nullptr});
  const Image image = vm.load(program("r0 = 0\nr0 += 1\ngoto -2\n")).value();
  const RunResult result = image.run({}, {.budget = 1000});
  EXPECT_EQ(result.trap, Trap::kBudget);
  EXPECT_TRUE(result.at == 1 || result.at == 2);
}

struct TrapCase {
  std::string name, text;
  Trap trap{};
  InsnIndex at = 0;
};
class Checked : public testing::TestWithParam<TrapCase> {};
TEST_P(Checked, Traps) {
  Vm vm(Platform::linux_like(), {.engine = Engine::kInterpreter, .cpus = 1, .host = nullptr});
  const Image image = vm.load(program(GetParam().text, {counters(), prog_array()})).value();
  std::array<std::byte, 16> context{};
  EXPECT_EQ(image.run(context, {.checked = true}), (RunResult{.r0 = 0, .trap = GetParam().trap, .at = GetParam().at}));
}
INSTANTIATE_TEST_SUITE_P(
    Interpreter, Checked,
    testing::Values(
        TrapCase{"null", "r0 = 0\nr1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit\n", Trap::kMemory, 2},
        TrapCase{"behind_context", "r0 = *(u32 *)(r1 + 13)\nexit\n", Trap::kMemory, 0},
        TrapCase{"before_context", "*(u8 *)(r1 - 1) = 0\nexit\n", Trap::kMemory, 0},
        TrapCase{"above_stack", "r0 = *(u8 *)(r10 + 0)\nexit\n", Trap::kMemory, 0},
        TrapCase{"below_stack", "r0 = 0\n*(u8 *)(r10 - 513) = 0\nexit\n", Trap::kMemory, 1},
        TrapCase{"address_wraps", "r1 = -4\nr0 = *(u64 *)(r1 + 0)\nexit\n", Trap::kMemory, 1},
        TrapCase{"behind_map_value",
                 "*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[idx:0]\ncall 1\nr0 = *(u64 *)(r0 + 8)\nexit\n",
                 Trap::kMemory, 6},
        TrapCase{"helper_key_nowhere", "r1 = map[idx:0]\nr2 = 16\ncall 1\nexit\n", Trap::kMemory, 3},
        TrapCase{"helper_map_is_no_map", "r2 = r1\ncall 1\nexit\n", Trap::kMemory, 1},
        TrapCase{"tail_call_without_prog_array", "r2 = map[idx:0]\nr3 = 0\ncall 12\nexit\n", Trap::kMemory, 3},
        TrapCase{"missing_helper", "r0 = 0\ncall 9999\nexit\n", Trap::kHelper, 1},
        TrapCase{"trap_in_callee", "call pc+1\nexit\nr1 = 0\n*(u8 *)(r1 + 0) = 0\nexit\n", Trap::kMemory, 3}),
    [](const auto& one) { return one.param.name; });

TEST(Interpreter, RegionsMayBeTouchedAsTheySay) {
  Vm vm(Platform::linux_like(), {.engine = Engine::kInterpreter, .cpus = 1, .host = nullptr});
  std::array<std::byte, 8> outside{};
  std::array<std::uint64_t, 1> context{};
  const auto* const address = outside.data();
  std::memcpy(context.data(), &address, sizeof(address));
  const Image image =
      vm.load(program("r1 = *(u64 *)(r1 + 0)\n*(u64 *)(r1 + 0) = 7\nr0 = *(u64 *)(r1 + 0)\nexit\n")).value();
  const auto run = [&](bool writable) {
    const std::array<Region, 1> regions{Region{.bytes = outside, .writable = writable}};
    return image.run(std::as_writable_bytes(std::span(context)), {.checked = true, .regions = regions});
  };
  EXPECT_EQ(run(true), (RunResult{.r0 = 7}));
  EXPECT_EQ(run(false), (RunResult{.r0 = 0, .trap = Trap::kMemory, .at = 1}));
}

}  // namespace
}  // namespace skep::vm_tests
