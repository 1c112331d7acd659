// SPDX-License-Identifier: Apache-2.0
// What the hardening options promise, read off the machine code of both architectures. That hardened code computes the
// same is for tests/conformance and tests/differential, which run every option.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "jit/target.h"
#include "lower/harden/blind.h"

namespace skep::jit {
namespace {

using isa::AluOp;
using isa::JmpOp;
using isa::Size;
using isa::Width;
using lower::Imm;
using lower::Op;
using lower::Reg;

constexpr std::uint64_t kBase = 0x10000000;
constexpr std::uint32_t kChosen = 0x5bd1e995;
constexpr std::int64_t kChosenWide = 0x123456789abcdef7;

lower::Code code_of(std::vector<Op> ops) {
  ops.emplace_back(lower::Return{});
  lower::Code code;
  code.ops = std::move(ops);
  code.origin.resize(code.ops.size());
  code.functions = {{.entry = 0, .stack_bytes = 64}};
  code.helpers = {1};
  return code;
}

const Features kEverything = [] {
  Features all;
  for (const CpuFeatureInfo& row : kCpuFeatures) all.*row.member = true;
  return all;
}();

Assembled must_assemble(const lower::Code& code, Arch arch, const CompileOptions& options) {
  // The helper is out of the reach of a direct call.
  const lower::Bindings bindings{.maps = {0x7f0012345678}, .map_values = {0x7f0022345678}, .helpers = {0x7e0000000000}};
  auto assembled = assemble(code, bindings, arch,
                            {.compile = options, .base = kBase, .listing = Listing::kOn, .mapping = Mapping::kOff});
  EXPECT_TRUE(assembled.has_value()) << assembled.error().message;
  return assembled.has_value() ? *assembled : Assembled{};
}

/// Labels and instructions, without their bytes.
std::vector<std::string> lines_of(const std::vector<ListedLine>& listing) {
  std::vector<std::string> lines;
  for (const ListedLine& line : listing) {
    std::string text = line.text.substr(0, line.text.find(';'));
    text.erase(text.find_last_not_of(" \n") + 1);
    lines.push_back(std::move(text));
  }
  return lines;
}

// ---- Constants.

std::uint64_t next_word() {
  static std::uint64_t state = 0;
  state = state * 6364136223846793005 + 1442695040888963407;
  return state ^ state >> 29;
}

/// Every op that can hold a constant, with the chosen one.
std::vector<Op> ops_with_constants() {
  std::vector<Op> ops;
  for (const Width width : {Width::k32, Width::k64}) {
    for (const isa::AluInfo& row : isa::kAluTable) {
      const bool has_imm = row.forms != isa::Forms::RegOnly && row.forms != isa::Forms::Unary;
      const bool shifts = row.op == AluOp::kLsh || row.op == AluOp::kRsh || row.op == AluOp::kArsh;
      if (has_imm && !shifts)
        ops.emplace_back(lower::Alu{row.op, width, {}, Reg{1}, Imm{static_cast<std::int32_t>(kChosen)}});
    }
    for (const isa::JmpInfo& row : isa::kJmpTable) {
      const auto next = static_cast<lower::Label>(ops.size() + 1);
      ops.emplace_back(lower::Branch{row.op, width, Reg{1}, Imm{static_cast<std::int32_t>(kChosen)}, next});
    }
    ops.emplace_back(lower::Sum{width, Reg{1}, Reg{2}, static_cast<std::int32_t>(kChosen)});
    ops.emplace_back(lower::Sum{width, Reg{1}, Reg{2}, static_cast<std::int32_t>(kChosen), Reg{3}, 2});
  }
  for (const Size size : {Size::k32, Size::k64})
    ops.emplace_back(lower::Store{.size = size, .base = Reg{1}, .src = Imm{static_cast<std::int32_t>(kChosen)}});
  ops.emplace_back(lower::Alu{AluOp::kMov, Width::k64, {}, Reg{1}, Imm{kChosenWide}});
  ops.emplace_back(lower::TailCall{.map = 0, .entries = kChosen});
  return ops;
}

/// How often four bytes in a row of the chosen constants stand in the code.
std::size_t windows(const std::vector<std::byte>& bytes) {
  std::vector<std::array<std::byte, 4>> sought = {std::bit_cast<std::array<std::byte, 4>>(kChosen)};
  const auto wide = std::bit_cast<std::array<std::byte, 8>>(kChosenWide);
  for (std::size_t at = 0; at + 4 <= wide.size(); ++at) {
    sought.emplace_back();
    std::copy_n(wide.begin() + static_cast<std::ptrdiff_t>(at), 4, sought.back().begin());
  }
  std::size_t found = 0;
  for (std::size_t at = 0; at + 4 <= bytes.size(); ++at)
    for (const auto& window : sought) found += std::memcmp(&bytes[at], window.data(), 4) == 0 ? 1 : 0;
  return found;
}

TEST(BlindConstants, NoChosenBytesStandInTheCode) {
  for (const Op& op : ops_with_constants()) {
    lower::Code code = code_of({op});
    if (lower::Branch* branch = std::get_if<lower::Branch>(&code.ops.front())) branch->target = 1;
    const lower::Code blind = lower::blind_constants(code, next_word).value();
    for (const Arch arch : {Arch::kX86_64, Arch::kArm64})
      EXPECT_EQ(windows(must_assemble(blind, arch, {.features = kEverything}).bytes), 0u) << op.index();
  }
  const lower::Code blind = lower::blind_constants(code_of(ops_with_constants()), next_word).value();
  for (const Arch arch : {Arch::kX86_64, Arch::kArm64})
    EXPECT_EQ(windows(must_assemble(blind, arch, {.features = kEverything}).bytes), 0u);
  // Where nothing is blinded, they do.
  EXPECT_GT(windows(must_assemble(code_of(ops_with_constants()), Arch::kX86_64, {.features = kEverything}).bytes), 30u);
}

/// A source that gives 0, with which the constant would stand there as it is, is asked again.
TEST(BlindConstants, AWordThatHidesNothingIsNotTaken) {
  int asked = 0;
  const auto lazy = [&] { return asked++ < 3 ? std::uint64_t{0} : next_word(); };
  const lower::Code blind =
      lower::blind_constants(code_of({lower::Alu{AluOp::kMov, Width::k64, {}, Reg{1}, Imm{kChosen}}}), lazy).value();
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(windows(must_assemble(blind, Arch::kX86_64, {}).bytes), 0u);
}

TEST(BlindConstants, EachLoadOfAProgramHasOtherWords) {
  const lower::Code code = code_of({lower::Alu{AluOp::kMov, Width::k64, {}, Reg{1}, Imm{7}}});
  EXPECT_NE(must_assemble(lower::blind_constants(code, next_word).value(), Arch::kX86_64, {}).bytes,
            must_assemble(lower::blind_constants(code, next_word).value(), Arch::kX86_64, {}).bytes);
}

TEST(BlindConstants, RefusesAConstantInAnAddress) {
  EXPECT_FALSE(lower::blind_constants(
      code_of({lower::Load{.size = Size::k8, .dst = Reg{1}, .base = Reg{2}, .offset = 0x123456}}), next_word));
}

/// Labels of all kinds lead to what they led to.
TEST(BlindConstants, LabelsMoveWithTheOps) {
  const Op constant = lower::Alu{AluOp::kAdd, Width::k64, {}, Reg{1}, Imm{5}};
  lower::Code code =
      code_of({constant, lower::CallLocal{5}, lower::LoadSymbol{lower::SymbolKind::kFunction, Reg{2}, 5, 0},
               lower::Jump{0}, lower::Return{}, constant});
  code.functions.push_back({.entry = 5, .stack_bytes = 0});
  const lower::Code blind = lower::blind_constants(code, next_word).value();
  ASSERT_EQ(blind.ops.size(), code.ops.size() + 4);
  EXPECT_EQ(blind.functions[1].entry, 7u);
  EXPECT_EQ(std::get<lower::CallLocal>(blind.ops[3]).target, 7u);
  EXPECT_EQ(std::get<lower::LoadSymbol>(blind.ops[4]).index, 7u);
  EXPECT_EQ(std::get<lower::Jump>(blind.ops[5]).target, 0u);
}

// ---- Speculation.

struct MaskText {
  Arch arch{};
  std::regex load;    ///< Of memory that the program chooses.
  std::regex guard;   ///< What comes behind it, at once or after the value was extended.
  std::regex branch;  ///< Conditional, of the program.
  std::regex poison;  ///< What each way begins with.
  std::regex fence;   ///< Of helpers.
};
std::vector<MaskText> mask_texts() {
  return {{Arch::kX86_64, std::regex(R"(^(mov|movzx|movsx|movsxd|movbe) \w+, .*ptr \[(?!r12|r10|rsp).*)"),
           std::regex(R"(^or \w+, r9$)"), std::regex(R"(^(short )?j(?!mp)\w+ .*)"), std::regex(R"(^cmov\w+ r9, r10$)"),
           std::regex("^lfence$")},
          {Arch::kArm64, std::regex(R"(^ld(u?rs?[bhw]?|ar[bh]?) \w+, \[(?!x23|x10|sp).*)"),
           std::regex(R"(^orr x\d+, x\d+, x15$)"), std::regex(R"(^b\.\w+ .*)"),
           std::regex(R"(^csinv x15, x15, xzr, \w+$)"), std::regex("^dsb .*")}};
}

std::size_t count(const std::vector<std::string>& lines, const std::regex& what) {
  return static_cast<std::size_t>(
      std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return std::regex_match(line, what); }));
}

/// Each of the loads behind a branch that may be wrong.
TEST(MaskSpeculation, EveryLoadIsGuarded) {
  for (const MaskText& text : mask_texts()) {
    for (const Features& features : {Features{}, kEverything}) {
      for (const Size size : {Size::k8, Size::k16, Size::k32, Size::k64}) {
        for (const isa::Extend extend : {isa::Extend::kZero, isa::Extend::kSign}) {
          for (const auto ordering : {lower::Ordering::kRelaxed, lower::Ordering::kAcquireRelease}) {
            for (const bool swap : {false, true}) {
              for (const Reg index : {lower::kNoReg, Reg{3}}) {
                const bool plain = index == lower::kNoReg && !swap;
                if (ordering != lower::Ordering::kRelaxed && !plain) continue;
                if (size == Size::k8 && swap) continue;
                if (size == Size::k64 && extend == isa::Extend::kSign) continue;
                const lower::Load load{.size = size,
                                       .extend = extend,
                                       .ordering = ordering,
                                       .dst = Reg{4},
                                       .base = Reg{1},
                                       .offset = 8,
                                       .index = index,
                                       .shift = 0,
                                       .swap = swap};
                const auto code = code_of({lower::Branch{JmpOp::kGt, Width::k64, Reg{2}, Imm{7}, 2}, load});
                const auto lines = lines_of(
                    must_assemble(code, text.arch, {.features = features, .harden = {.mask_speculation = true}})
                        .listing);
                ASSERT_EQ(count(lines, text.load), 1u);
                ASSERT_EQ(count(lines, text.guard), 1u);
                const auto at = [&](const std::regex& what) {
                  return std::find_if(lines.begin(), lines.end(),
                                      [&](const std::string& line) { return std::regex_match(line, what); });
                };
                EXPECT_LT(at(text.load), at(text.guard));
                EXPECT_LE(at(text.guard) - at(text.load), 3);
              }
            }
          }
        }
      }
    }
  }
}

TEST(MaskSpeculation, WhatAtomicsFetchIsGuarded) {
  for (const MaskText& text : mask_texts()) {
    for (const isa::AtomicInfo& row : isa::kAtomicTable) {
      if (row.op == isa::AtomicOp::kLoadAcquire || row.op == isa::AtomicOp::kStoreRelease) continue;
      const auto code = code_of({lower::Atomic{row.op, Size::k64, Reg{1}, 0, Reg{2}}});
      const auto lines =
          lines_of(must_assemble(code, text.arch, {.features = {}, .harden = {.mask_speculation = true}}).listing);
      EXPECT_EQ(count(lines, text.guard) + count(lines, text.fence) > 0, row.fetch) << row.mnemonic;
    }
  }
}

TEST(MaskSpeculation, BothWaysOfABranchKnowItsCondition) {
  for (const MaskText& text : mask_texts()) {
    for (const lower::Label target : {0u, 3u}) {  // Backwards and forwards.
      for (const bool unless : {false, true}) {
        const Op nothing = lower::Alu{AluOp::kAdd, Width::k64, {}, Reg{1}, Reg{2}};
        const auto code =
            code_of({nothing, lower::Branch{JmpOp::kGt, Width::k64, Reg{2}, Reg{1}, target, unless}, nothing});
        const auto lines = lines_of(must_assemble(code, text.arch, {.harden = {.mask_speculation = true}}).listing);
        ASSERT_EQ(count(lines, text.branch), 1u);
        ASSERT_EQ(count(lines, text.poison), 2u);
        const auto branch = std::find_if(lines.begin(), lines.end(),
                                         [&](const std::string& line) { return std::regex_match(line, text.branch); });
        EXPECT_TRUE(std::regex_match(branch[1], text.poison)) << branch[1];
        // Behind the label that the branch names.
        const std::string label = branch->substr(branch->rfind(' ') + 1) + ":";
        const auto other = std::find(lines.begin(), lines.end(), label);
        ASSERT_NE(other, lines.end());
        EXPECT_TRUE(std::regex_match(other[1], text.poison)) << other[1];
      }
    }
  }
}

TEST(MaskSpeculation, HelpersGetGuardedArgumentsAndAFenceFollows) {
  for (const MaskText& text : mask_texts()) {
    for (const Op& op :
         {Op{lower::CallHelper{0}}, Op{lower::TailCall{}}, Op{lower::TailCall{.map = 0, .entries = 4}}}) {
      const auto lines =
          lines_of(must_assemble(code_of({op}), text.arch, {.harden = {.mask_speculation = true}}).listing);
      EXPECT_EQ(count(lines, text.guard), 5u);
      EXPECT_EQ(count(lines, text.fence), 1u);
    }
  }
}

// ---- Retpolines.

TEST(Retpolines, NoIndirectCallOrJumpIsLeft) {
  const std::regex indirect(R"(^(call|jmp) (r\w+|.*\[.*))");
  for (const Op& op : {Op{lower::CallHelper{0}}, Op{lower::TailCall{}}, Op{lower::TailCall{.map = 0, .entries = 4}}}) {
    for (const bool masked : {false, true}) {
      const auto lines = [&](bool retpolines) {
        return lines_of(must_assemble(code_of({op}), Arch::kX86_64,
                                      {.harden = {.mask_speculation = masked, .retpolines = retpolines}})
                            .listing);
      };
      // The op's, and that of Env::invoke where something may call back.
      EXPECT_GE(count(lines(false), indirect), std::holds_alternative<lower::CallHelper>(op) ? 1u : 2u);
      EXPECT_EQ(count(lines(true), indirect), 0u);
    }
  }
}

}  // namespace
}  // namespace skep::jit
