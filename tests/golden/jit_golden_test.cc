// SPDX-License-Identifier: Apache-2.0
// The machine code of small programs, as text, on both architectures: what a reader may want to see change or stay.
// UPDATE_GOLDEN=1 rewrites the files under tests/golden/jit/; review the difference. Correctness is tested elsewhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "jit/target.h"

namespace skep::jit {
namespace {

using isa::AluOp;
using isa::JmpOp;
using isa::Size;
using isa::Width;
using lower::Imm;
using lower::Reg;

constexpr std::uint64_t kBase = 0x10000000;

struct Program {
  std::string name;
  std::vector<lower::Op> ops;
  std::vector<lower::Function> functions = {{}};
};

lower::Alu alu(AluOp op, Width width, std::uint8_t dst, lower::Operand src) {
  return {.op = op, .width = width, .divisor = {}, .dst = Reg{dst}, .src = src};
}
lower::Alu by_constant(AluOp op, Width width, std::uint8_t dst, std::int64_t value) {
  lower::Alu by = alu(op, width, dst, Imm{value});
  by.divisor = lower::Divisor::kConstant;
  return by;
}
lower::Load load(Size size, std::uint8_t dst, std::uint8_t base, std::int32_t offset) {
  return {.size = size, .extend = {}, .ordering = {}, .dst = Reg{dst}, .base = Reg{base}, .offset = offset};
}
lower::Store store(Size size, std::uint8_t base, std::int32_t offset, lower::Operand src) {
  return {.size = size, .ordering = {}, .base = Reg{base}, .offset = offset, .src = src};
}
/// `index` 255: none.
template <class Access>
Access indexed(Access access, std::uint8_t index, std::uint8_t shift, bool swap) {
  access.index = Reg{index};
  access.shift = shift;
  access.swap = swap;
  return access;
}
lower::Branch branch(JmpOp op, std::uint8_t dst, lower::Operand src, lower::Label target) {
  return {.op = op, .width = Width::k64, .dst = Reg{dst}, .src = src, .target = target};
}

/// Of ops that lowering makes.
std::vector<Program> plain_programs() {
  constexpr Width k32 = Width::k32, k64 = Width::k64;
  return {
      {"empty", {alu(AluOp::kMov, k32, 0, Imm{0}), lower::Return{}}},
      {"immediates",
       {alu(AluOp::kMov, k64, 0, Imm{-1}), alu(AluOp::kMov, k64, 1, Imm{0x123456789}),
        alu(AluOp::kAdd, k64, 1, Imm{128}), alu(AluOp::kAnd, k64, 1, Imm{0xff}), alu(AluOp::kMul, k64, 1, Imm{640}),
        alu(AluOp::kXor, k32, 1, Imm{0x12345}), lower::Return{}}},
      {"copies",
       {alu(AluOp::kMov, k32, 1, Reg{8}), alu(AluOp::kAnd, k32, 1, Imm{0xff}), alu(AluOp::kMov, k64, 2, Reg{1}),
        alu(AluOp::kLsh, k64, 2, Imm{3}), alu(AluOp::kMov, k64, 3, Reg{1}), alu(AluOp::kMul, k64, 3, Imm{100}),
        alu(AluOp::kMov, k64, 4, Reg{1}), load(Size::k64, 5, 1, 8), alu(AluOp::kRsh, k64, 4, Reg{2}),
        alu(AluOp::kMov, k64, 0, Reg{1}), alu(AluOp::kXor, k64, 0, Reg{2}), alu(AluOp::kMov, k64, 3, Reg{2}),
        alu(AluOp::kAdd, k64, 2, Imm{1}), alu(AluOp::kAdd, k64, 3, Imm{1}), lower::Return{}}},
      {"zero_flag",
       {alu(AluOp::kAnd, k32, 1, Imm{12}), alu(AluOp::kMov, k64, 2, Reg{1}), load(Size::k64, 3, 4, 0),
        branch(JmpOp::kEq, 1, Imm{0}, 8), lower::Sum{k64, Reg{2}, Reg{3}, -1}, alu(AluOp::kAnd, k64, 2, Reg{3}),
        alu(AluOp::kMov, k64, 1, Imm{7}), branch(JmpOp::kNe, 2, Imm{0}, 4), branch(JmpOp::kNe, 2, Imm{0}, 4),
        lower::Return{}}},
      {"shift_and_divide",
       {alu(AluOp::kLsh, k64, 0, Reg{1}), alu(AluOp::kArsh, k32, 4, Reg{5}), alu(AluOp::kDiv, k64, 1, Reg{2}),
        alu(AluOp::kMod, k32, 3, Reg{0}), alu(AluOp::kSDiv, k64, 0, Reg{3}), alu(AluOp::kDiv, k64, 1, Imm{10}),
        lower::Return{}}},
      {"reciprocal",
       {by_constant(AluOp::kDiv, k32, 1, 10), by_constant(AluOp::kMod, k32, 1, 7), by_constant(AluOp::kDiv, k64, 0, 10),
        by_constant(AluOp::kMod, k64, 3, 7), by_constant(AluOp::kSDiv, k32, 1, -3),
        by_constant(AluOp::kSMod, k64, 0, 1000), by_constant(AluOp::kSDiv, k64, 1, -8),
        by_constant(AluOp::kSMod, k32, 1, 2), by_constant(AluOp::kDiv, k64, 1, -7),
        by_constant(AluOp::kMod, k32, 1, -7), lower::Return{}}},
      {"loop",
       {alu(AluOp::kMov, k64, 0, Imm{0}), branch(JmpOp::kEq, 2, Imm{0}, 7), load(Size::k8, 3, 1, 0),
        alu(AluOp::kAdd, k64, 0, Reg{3}), alu(AluOp::kAdd, k64, 1, Imm{1}), alu(AluOp::kSub, k64, 2, Imm{1}),
        branch(JmpOp::kNe, 2, Imm{0}, 2), lower::Return{}}},
      {"memory_and_stack",
       {load(Size::k16, 6, 1, 12), load(Size::k64, 7, 1, 40000), store(Size::k8, 10, -1, Reg{6}),
        store(Size::k64, 10, -16, Imm{-1}), load(Size::k32, 0, 10, -4), lower::Return{}},
       {{.entry = 0, .stack_bytes = 16}}},
  };
}

/// Of ops that passes make, too.
std::vector<Program> programs() {
  constexpr Width k32 = Width::k32, k64 = Width::k64;
  std::vector<Program> all = plain_programs();
  const std::vector<Program> more = {
      {"carries_in_a_row",
       {load(Size::k64, 3, 1, 0), lower::AddWithCarry{k64, Reg{0}, Reg{3}}, load(Size::k64, 3, 1, 8),
        lower::AddWithCarry{k64, Reg{0}, Reg{3}}, load(Size::k64, 3, 1, 16), lower::AddWithCarry{k64, Reg{0}, Reg{3}},
        lower::Return{}}},
      {"combined",
       {lower::Sum{k64, Reg{3}, Reg{1}, 4}, lower::Sum{k64, Reg{3}, Reg{1}, 0, Reg{2}},
        lower::Sum{k64, Reg{3}, Reg{1}, 100000, Reg{2}, 3}, lower::Sum{k32, Reg{4}, Reg{4}, 0, Reg{5}},
        lower::Rotate{k64, Reg{3}, Reg{1}, Imm{13}}, lower::Rotate{k32, Reg{3}, Reg{3}, Imm{5}},
        lower::Rotate{k64, Reg{3}, Reg{1}, Reg{2}}, lower::Rotate{k32, Reg{4}, Reg{4}, Reg{5}},
        lower::AddWithCarry{k64, Reg{3}, Reg{1}}, lower::AddWithCarry{k32, Reg{3}, Reg{1}},
        branch(JmpOp::kSet, 2, Imm{8}, 12), lower::Jump{0}, lower::Nop{}, lower::Return{}}},
      {"operands",
       {lower::AluLoad{AluOp::kAdd, k64, Reg{3}, Reg{1}, 8},

        lower::AluLoad{AluOp::kMul, k32, Reg{3}, Reg{1}, 0, Reg{2}, 2},
        lower::Update{AluOp::kAdd, Size::k32, Reg{10}, -4, Imm{1}},
        lower::Update{AluOp::kXor, Size::k8, Reg{1}, 3, Reg{2}, Reg{4}, 0},
        lower::BranchLoad{JmpOp::kNe, Size::k8, Reg{1}, 256, Reg{4}, 7, Reg{2}, 0},
        lower::BranchLoad{JmpOp::kSLt, Size::k16, Reg{1}, 0, Imm{-5}, 7},
        lower::BranchLoad{JmpOp::kSet, Size::k64, Reg{1}, 0, Reg{2}, 7, lower::kNoReg, 0, true}, lower::Return{}},
       {{.entry = 0, .stack_bytes = 8}}},
      {"count_bits",
       {lower::CountBits{lower::BitCount::kOnes, k64, Reg{0}, Reg{1}},
        lower::CountBits{lower::BitCount::kLeadingZeros, k32, Reg{0}, Reg{1}},
        lower::CountBits{lower::BitCount::kTrailingZeros, k64, Reg{0}, Reg{1}}, lower::Return{}}},
      {"addressing",
       {indexed(load(Size::k8, 3, 1, 4), 2, 0, false), indexed(load(Size::k64, 3, 1, -300), 2, 3, false),
        indexed(load(Size::k32, 3, 9, 0), 2, 2, false), indexed(load(Size::k16, 3, 1, 2), 255, 0, true),
        indexed(load(Size::k64, 3, 1, 8), 255, 0, true), indexed(store(Size::k32, 1, 0, Reg{4}), 5, 2, false),
        indexed(store(Size::k8, 1, 7, Imm{-1}), 5, 0, false), indexed(store(Size::k32, 1, 0, Reg{4}), 255, 0, true),
        lower::Return{}}},
      {"blocks",
       {lower::Clear{Reg{10}, -40, 40}, lower::Clear{Reg{10}, -512, 128}, lower::Copy{Reg{10}, Reg{1}, -40, 3, 40},
        lower::Copy{Reg{2}, Reg{1}, 0, 0, 96}, lower::Return{}},
       {{.entry = 0, .stack_bytes = 512}}},
      {"atomics",
       {lower::Atomic{isa::AtomicOp::kAdd, Size::k64, Reg{1}, 8, Reg{2}},
        lower::Atomic{isa::AtomicOp::kFetchOr, Size::k32, Reg{1}, 0, Reg{2}},
        lower::Atomic{isa::AtomicOp::kCmpXchg, Size::k32, Reg{1}, 0, Reg{2}}, lower::Return{}}},
      {"calls",
       {lower::LoadSymbol{lower::SymbolKind::kMap, Reg{1}, 0, 0}, lower::CallHelper{0}, lower::CallLocal{5},
        lower::TailCall{}, lower::Return{}, store(Size::k64, 10, -8, Reg{6}), lower::Return{}},
       {{.entry = 0, .stack_bytes = 0}, {.entry = 5, .stack_bytes = 8}}},
  };
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Features every_feature() {
  Features all;
#define CPU_FEATURE(name, ...) all.name = true;
#include "skep/tables/cpu_features.def"
  return all;
}

struct Case {
  Program program;
  Arch arch{};
  [[nodiscard]] std::string name() const { return program.name + (arch == Arch::kX86_64 ? "_x86_64" : "_arm64"); }
};
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Program& program : programs())
    for (const Arch arch : {Arch::kX86_64, Arch::kArm64}) all.push_back({program, arch});
  return all;
}

class JitGolden : public testing::TestWithParam<Case> {};

Result<Assembled> assemble(const Case& one) {
  lower::Code code;
  code.ops = one.program.ops;
  code.origin.resize(code.ops.size());
  code.functions = one.program.functions;
  code.helpers = {1};
  const lower::Bindings bindings{.maps = {0x7f0012345678}, .map_values = {0}, .helpers = {kBase + 0x100000}};
  return assemble(
      code, bindings, one.arch,
      {.compile = {.features = every_feature()}, .base = kBase, .listing = Listing::kOn, .mapping = Mapping::kOn});
}

TEST_P(JitGolden, MachineCode) {
  const auto assembled = assemble(GetParam());
  ASSERT_TRUE(assembled.has_value()) << assembled.error().message;

  const std::string path = std::string(SKEP_SOURCE_DIR "/tests/golden/jit/") + GetParam().name() + ".txt";
  std::string got;
  for (const ListedLine& line : assembled.value().listing) got += line.text + "\n";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << got;  // NOLINT(concurrency-mt-unsafe)
  std::ostringstream want;
  want << std::ifstream(path).rdbuf();
  EXPECT_EQ(got, want.str()) << "if this is meant: UPDATE_GOLDEN=1, and review " << path;
}

TEST_P(JitGolden, MapSaysWhereEachByteCameFrom) {
  const auto assembled = assemble(GetParam());
  ASSERT_TRUE(assembled.has_value()) << assembled.error().message;
  const CodeMap& map = assembled->map;
  const auto by_offset = [](const auto& a, const auto& b) { return a.offset < b.offset; };
  ASSERT_FALSE(map.rows.empty());
  EXPECT_EQ(map.rows.front().offset, 0u);
  EXPECT_LE(map.rows.back().offset, assembled->bytes.size());
  EXPECT_TRUE(std::ranges::is_sorted(map.rows, by_offset));
  EXPECT_TRUE(std::ranges::is_sorted(map.frames, by_offset));
  EXPECT_EQ(map.functions.size(), GetParam().program.functions.size());

  std::vector<lower::Label> ops;
  for (const CodeMap::Row& row : map.rows)
    if (row.op != kNoOp) ops.push_back(row.op);
  EXPECT_TRUE(std::ranges::is_sorted(ops, std::less_equal<>())) << "an op has two rows";
  EXPECT_EQ(ops.front(), 0u);
  EXPECT_EQ(ops.size() != GetParam().program.ops.size(), GetParam().program.name == "fused");
  for (std::size_t i = 0; i < map.functions.size(); ++i) {
    const auto prologue = std::ranges::find(map.rows, map.functions[i], &CodeMap::Row::offset);
    ASSERT_NE(prologue, map.rows.end());
    EXPECT_EQ(prologue->op, kNoOp);
    EXPECT_EQ((prologue + 1)->op, GetParam().program.functions[i].entry);
  }
  ASSERT_EQ(map.invoke.has_value(), assembled->invoke.has_value());
  if (map.invoke) {
    EXPECT_EQ(*map.invoke, *assembled->invoke);
    EXPECT_EQ(map.rows.back(), (CodeMap::Row{.offset = *map.invoke, .op = kNoOp}));
  }
}

TEST_P(JitGolden, FramesAreWhatTheyWereBehindEachEpilogue) {
  const auto assembled = assemble(GetParam());
  ASSERT_TRUE(assembled.has_value()) << assembled.error().message;
  int depth = 0;
  for (const FrameStep& step : assembled->map.frames) {
    if (step.kind == FrameStep::Kind::kRemember) ++depth;
    if (step.kind == FrameStep::Kind::kResume) --depth;
    EXPECT_GE(depth, 0);
    EXPECT_LE(depth, 1);
    EXPECT_TRUE(step.kind != FrameStep::Kind::kSaved || depth == 0) << "at " << step.offset;
  }
  EXPECT_EQ(depth, 0);
}

INSTANTIATE_TEST_SUITE_P(Programs, JitGolden, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name(); });

}  // namespace
}  // namespace skep::jit
