// SPDX-License-Identifier: Apache-2.0
// The legacy packet loads (RFC 9669 §5.5) on every engine: sizes, byte order, both modes, the offsets that count from
// the link-layer and network headers, and what ends the function.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/address.h"
#include "skep/context.h"
#include "skep/isa.h"
#include "tests/conformance/engines.h"

namespace skep::conformance {
namespace {

struct Case {
  std::string name, text;
  std::uint64_t want = 0;
  ProgramType type = ProgramType::kSocketFilter;
};
// The packet's byte at position n is n + 1; it has 32 bytes. Each program begins with r6 = r1.
const std::vector<Case> kCases = {
    {"byte", "r0 = *(u8 *)skb[3]\nexit", 0x04},
    {"half_is_big_endian", "r0 = *(u16 *)skb[3]\nexit", 0x0405},
    {"word_is_big_endian", "r0 = *(u32 *)skb[3]\nexit", 0x04050607},
    {"last_word", "r0 = *(u32 *)skb[28]\nexit", 0x1d1e1f20},
    {"beyond_the_end_returns_0", "r0 = *(u32 *)skb[29]\nr0 = 7\nexit", 0},
    {"far_beyond_the_end", "r0 = *(u8 *)skb[0x7fffffff]\nr0 = 7\nexit", 0},
    {"indirect", "r3 = 2\nr0 = *(u16 *)skb[r3 + 1]\nexit", 0x0405},
    {"indirect_without_immediate", "r7 = 31\nr0 = *(u8 *)skb[r7]\nexit", 0x20},
    {"indirect_through_r1", "r1 = 2\nr0 = *(u8 *)skb[r1 + 1]\nexit", 0x04},
    {"indirect_through_r2", "r2 = 2\nr0 = *(u8 *)skb[r2 + 1]\nexit", 0x04},
    {"indirect_through_r3", "r3 = 2\nr0 = *(u8 *)skb[r3 + 1]\nexit", 0x04},
    {"indirect_with_negative_register", "r3 = -2\nr0 = *(u8 *)skb[r3 + 5]\nexit", 0x04},
    {"indirect_adds_32_bits", "r3 = 0x100000002 ll\nr0 = *(u8 *)skb[r3 + 1]\nexit", 0x04},
    {"indirect_before_the_start", "r3 = -2\nr0 = *(u8 *)skb[r3 + 1]\nr0 = 7\nexit", 0},
    {"link_layer_offset", "r0 = *(u16 *)skb[-0x200000]\nexit", 0x0102},
    {"network_offset", "r0 = *(u16 *)skb[-0x100000]\nexit", 0x0f10},
    {"below_all_offsets", "r0 = *(u8 *)skb[-0x200001]\nr0 = 7\nexit", 0},
    {"callee_saved_registers_stay", "r7 = 40\nr8 = 2\nr0 = *(u8 *)skb[0]\nr0 += r7\nr0 += r8\nexit", 43},
    {"ends_the_function_that_it_is_in", "call f\nr0 += 5\nexit\nf: r6 = r1\nr0 = *(u8 *)skb[99]\nr0 = 7\nexit", 5},
    {"cgroup_begins_at_the_network_header", "r0 = *(u8 *)skb[0]\nr7 = r0\nr0 = *(u8 *)skb[-0x100000]\nr0 += r7\nexit",
     2, ProgramType::kCgroupSkb},
};

class PacketLoad : public testing::TestWithParam<Case> {};
TEST_P(PacketLoad, OnEveryEngine) {
  std::array<std::byte, 32> packet{};
  for (std::size_t at = 0; at < packet.size(); ++at) packet[at] = static_cast<std::byte>(at + 1);
  SkbContext skb;
  skb.frame_start = skb.data = skb.data_meta = address_of(packet.data());
  skb.frame_end = skb.data_end = skb.data + packet.size();
  skb.len = packet.size();
  auto insns = isa::assemble("r6 = r1\n" + GetParam().text, isa::Syntax::kC);
  ASSERT_TRUE(insns) << insns.error().message;
  Program program;
  program.type = GetParam().type;
  program.insns = *std::move(insns);
  for (const Engine& engine : engines()) {
    const auto runner = engine.prepare(program);
    ASSERT_TRUE(runner) << engine.name << ": " << runner.error().message;
    EXPECT_EQ((*runner)(std::as_writable_bytes(std::span(&skb, 1))), (RunResult{GetParam().want})) << engine.name;
  }
}
INSTANTIATE_TEST_SUITE_P(Table, PacketLoad, testing::ValuesIn(kCases),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace skep::conformance
