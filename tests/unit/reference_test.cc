// SPDX-License-Identifier: Apache-2.0
// The oracle itself: what it lets a program do, and how each way of going wrong traps.
#include "tests/reference/reference.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/address.h"
#include "skep/context.h"
#include "skep/isa.h"

namespace skep::reference {
namespace {

Program program_of(const std::string& text) {
  auto insns = isa::assemble(text, isa::Syntax::kC);
  EXPECT_TRUE(insns) << insns.error().message;
  Program program;
  if (insns) program.insns = *std::move(insns);
  return program;
}

struct Case {
  std::string name, text;
  RunResult want;
};
const std::vector<Case> kCases = {
    {"return_value", "r0 = 7\nexit", {7}},
    {"context_is_memory", "r0 = *(u8 *)(r1 + 3)\nr0 += r2\nexit", {4 + 4}},
    {"context_end", "r0 = *(u16 *)(r1 + 3)\nexit", {0, Trap::kMemory, 0}},
    {"null", "r1 = 0\n*(u8 *)(r1 + 0) = 1\nexit", {0, Trap::kMemory, 1}},
    {"stack", "*(u64 *)(r10 - 512) = 5\nr0 = *(u64 *)(r10 - 512)\nexit", {5}},
    {"below_the_stack", "*(u8 *)(r10 - 513) = 5\nexit", {0, Trap::kMemory, 0}},
    {"above_the_stack", "*(u8 *)(r10 + 0) = 5\nexit", {0, Trap::kMemory, 0}},
    {"callee_saves", "r6 = 1\nr1 = 40\ncall f\nr0 += r6\nexit\nf: r6 = 9\nr0 = r1\nr0 += 1\nexit", {42}},
    {"callee_frame_is_gone", "call f\nr0 = *(u64 *)(r0 + 0)\nexit\nf: r0 = r10\nr0 += -8\nexit", {0, Trap::kMemory, 1}},
    {"caller_frame_from_callee", "*(u64 *)(r10 - 8) = 6\nr1 = r10\ncall f\nexit\nf: r0 = *(u64 *)(r1 - 8)\nexit", {6}},
    {"endless_recursion", "f: call f\nexit", {0, Trap::kStack, 0}},
    {"endless_loop", "f: goto f", {0, Trap::kBudget, 0}},
    {"may_goto_falls_through_for_long", "r0 = 0\nf: may_goto end\ngoto f\nend: exit", {0, Trap::kBudget, 1}},
    {"jump_out", "r0 = 0\ngoto +5\nexit", {0, Trap::kIllegal, 1}},
    {"falls_off", "r0 = 0", {0, Trap::kIllegal, 0}},
    {"into_a_16_byte_load", "goto +1\nr0 = 1 ll\nexit", {0, Trap::kIllegal, 2}},
    {"illegal", ".8byte 0xff\nexit", {0, Trap::kIllegal, 0}},
    {"unknown_helper", "call 999\nexit", {0, Trap::kHelper, 0}},
    {"helper", "r1 = 3\nr5 = 4\ncall 1001\nexit", {34}},
    {"callback", "r1 = subprog[f]\ncall 1002\nexit\nf: r0 = r1\nr0 *= 2\nexit", {14}},
    {"trap_in_callback", "r1 = subprog[f]\ncall 1002\nexit\nf: r0 = *(u8 *)(r0 + 0)\nexit", {0, Trap::kMemory, 4}},
    {"atomic_add",
     "*(u64 *)(r10 - 8) = 5\nr1 = 2\nr1 = atomic_fetch_add((u64 *)(r10 - 8), r1)\nr0 = *(u64 *)(r10 - 8)\n"
     "r0 *= r1\nexit",
     {35}},
    {"cmpxchg32_zero_extends",
     "*(u32 *)(r10 - 8) = 5\nr0 = 5 ll\nr1 = -1 ll\nr0 = -5\nw0 = cmpxchg32_32(r10 - 8, w0, w1)\nexit",
     {5}},
};
std::uint64_t helper_digits(std::uint64_t r1, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t r5, Env&) {
  return 10 * r1 + r5;
}
std::uint64_t helper_invoke(std::uint64_t r1, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, Env& env) {
  return env.invoke(env, r1, {7, 0, 0, 0, 0});
}

class Reference : public testing::TestWithParam<Case> {};
TEST_P(Reference, Runs) {
  std::array<std::byte, 4> context{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  Options options{.budget = 10000};
  options.helper = [](std::int32_t id) -> HelperFn {
    return id == 1001 ? helper_digits : id == 1002 ? helper_invoke : nullptr;
  };
  EXPECT_EQ(run(program_of(GetParam().text), context, options), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(Table, Reference, testing::ValuesIn(kCases),
                         [](const auto& param) { return param.param.name; });

TEST(ReferenceContext, XdpFieldsArePacketPointersAndThePacketIsMemory) {
  std::array<std::byte, 64> packet{};
  packet[63] = std::byte{9};
  XdpContext xdp{.data = address_of(packet.data()), .data_end = address_of(packet.data() + packet.size())};
  xdp.data_meta = xdp.data;
  xdp.rx_queue_index = 0x1234;
  const auto bytes = std::as_writable_bytes(std::span(&xdp, 1));
  Options options{.context = ContextKind::kXdp};
  EXPECT_EQ(run(program_of("r2 = *(u32 *)(r1 + 4)\nr0 = *(u8 *)(r2 - 1)\nexit"), bytes, options), (RunResult{9}));
  EXPECT_EQ(run(program_of("r2 = *(u32 *)(r1 + 4)\nr0 = *(u8 *)(r2 + 0)\nexit"), bytes, options),
            (RunResult{0, Trap::kMemory, 1}));
  EXPECT_EQ(run(program_of("r0 = *(u8 *)(r1 + 17)\nexit"), bytes, options), (RunResult{0x12}));
  EXPECT_EQ(run(program_of("r0 = *(u32 *)(r1 + 24)\nexit"), bytes, options), (RunResult{0, Trap::kMemory, 0}));
}

TEST(ReferenceContext, LegacyPacketLoadsAreBigEndianAndEndTheProgram) {
  std::array<std::byte, 4> packet{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  SkbContext skb{.data = address_of(packet.data()), .data_end = address_of(packet.data() + packet.size())};
  const auto bytes = std::as_writable_bytes(std::span(&skb, 1));
  Options options{.context = ContextKind::kSkBuff};
  EXPECT_EQ(run(program_of("r6 = r1\nr0 = *(u16 *)skb[1]\nr0 += 1\nexit"), bytes, options), (RunResult{0x0204}));
  EXPECT_EQ(run(program_of("r6 = r1\nr3 = 1\nr0 = *(u16 *)skb[r3 + 1]\nexit"), bytes, options), (RunResult{0x0304}));
  EXPECT_EQ(run(program_of("r6 = r1\nr0 = *(u16 *)skb[3]\nr0 = 1\nexit"), bytes, options), (RunResult{0}));
}

TEST(ReferenceTailCall, ContinuesThereAtMost33Times) {
  const Program next = program_of(
      "r6 = r1\nr0 = *(u64 *)(r1 + 0)\nr0 += 1\n*(u64 *)(r1 + 0) = r0\nr1 = r6\nr2 = 1\nr3 = 0\n"
      "call 12\nr0 = *(u64 *)(r6 + 0)\nexit");
  std::array<std::byte, 8> counter{};
  Options options;
  options.tail_call = [&](std::uint64_t map, std::uint32_t index) { return map == 1 && index == 0 ? &next : nullptr; };
  EXPECT_EQ(run(next, counter, options), (RunResult{34}));
}

TEST(ReferenceObserver, SeesTheRegistersBeforeEachInstruction) {
  std::string seen;
  Options options;
  options.observer = [&](const Step& step) {
    seen += std::to_string(step.at) + ":" + std::to_string(step.registers[0]) + " ";
  };
  EXPECT_EQ(run(program_of("r0 = 7\nr1 = 0x1 ll\nr0 = 8\nexit"), {}, options), (RunResult{8}));
  EXPECT_EQ(seen, "0:0 1:7 3:7 4:8 ");
}

}  // namespace
}  // namespace skep::reference
