// SPDX-License-Identifier: Apache-2.0
// The analyses that passes share, against their definitions: random code with loops in and across each other, before
// and after changes.
#include "lower/optimize/graph.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace skep::lower {
namespace {

using Random = std::mt19937;

std::uint32_t below(Random& random, std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); }
Reg any_reg(Random& random) { return Reg{static_cast<std::uint8_t>(below(random, kRegs))}; }

Op any_op(Random& random, Label size) {
  switch (below(random, 8)) {
    case 0:
      return Branch{.op = isa::JmpOp::kGt,
                    .width = isa::Width::k64,
                    .dst = any_reg(random),
                    .src = any_reg(random),
                    .target = below(random, size)};
    case 1:
      return below(random, 3) == 0 ? Op(Jump{below(random, size)}) : Op(Nop{});
    case 2:
      return below(random, 4) == 0 ? Op(Return{}) : Op(CallHelper{});
    default:
      return Alu{.op = below(random, 2) == 0 ? isa::AluOp::kMov : isa::AluOp::kAdd,
                 .width = isa::Width::k64,
                 .divisor = {},
                 .dst = any_reg(random),
                 .src = below(random, 2) == 0 ? Operand(any_reg(random)) : Operand(Imm{1})};
  }
}

Code any_code(Random& random) {
  Code code;
  const Label size = 2 + below(random, 30);
  for (Label at = 0; at + 1 < size; ++at) code.ops.push_back(any_op(random, size));
  code.ops.emplace_back(Return{});
  code.origin.assign(size, 0);
  code.functions = {{.entry = 0}};
  return code;
}

/// By op, what is live after it: round after round until nothing changes.
std::vector<RegSet> live_after(const Code& code) {
  std::vector<RegSet> after(code.ops.size(), 0), before(code.ops.size() + 1, 0);
  for (std::size_t round = 0; round <= code.ops.size() * kRegs; ++round)
    for (std::size_t at = 0; at < code.ops.size(); ++at) {
      const Op& op = code.ops[at];
      after[at] = never_continues(op) ? RegSet{0} : before[at + 1];
      if (const Label* target = target_of(op)) after[at] |= before[*target];
      before[at] = static_cast<RegSet>((after[at] & ~effects_of(op).writes) | effects_of(op).reads);
    }
  return after;
}

bool is_target(const Code& code, Label at) {
  for (const Op& op : code.ops)
    if (const Label* target = target_of(op); target != nullptr && *target == at) return true;
  return at == 0;
}

void expect_as_defined(Graph& graph) {
  const std::vector<RegSet> expected = live_after(graph.code());
  for (Label at = 0; at < graph.size(); ++at) {
    const Op& op = graph.op(at);
    EXPECT_EQ(graph.live_after(at), expected[at]) << at;
    EXPECT_EQ(graph.is_target(at), is_target(graph.code(), at)) << at;
    EXPECT_EQ(graph.continues(at), !never_continues(op)) << at;
    EXPECT_EQ(graph.branches(at), target_of(op) != nullptr) << at;
    EXPECT_EQ(graph.is_pure(at), only_computes(op)) << at;
    EXPECT_EQ(graph.effects(at).reads, effects_of(op).reads) << at;
    EXPECT_EQ(graph.effects(at).writes, effects_of(op).writes) << at;
  }
}

TEST(Graph, AnalysesAreAsTheyAreDefined) {
  Random random(1);
  const Facts facts;
  for (int i = 0; i < 500 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("code " + std::to_string(i));
    Graph graph(any_code(random), facts);
    for (int change = 0; change < 4; ++change) {
      expect_as_defined(graph);
      graph.replace(below(random, graph.size() - 1), any_op(random, graph.size()));
      graph.fresh();
    }
    expect_as_defined(graph);
    graph.compact();
    expect_as_defined(graph);
  }
}

}  // namespace
}  // namespace skep::lower
