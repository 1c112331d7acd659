// SPDX-License-Identifier: Apache-2.0
// Every transfer function on every pair of small scalars: all ranges and all tnums of four bits, at zero and across the
// edges where numbers wrap or change their sign at 32 and at 64 bits; and for each pair on every pair of its members.
// scalar_test.cc samples the rest.
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <vector>

#include "isa/semantics.h"
#include "verifier/domain/scalar.h"
#include "verifier/transfer/alu.h"
#include "verifier/transfer/branch.h"

namespace skep::verifier {
namespace {

using isa::AluOp;
using isa::JmpOp;
using isa::Width;

constexpr std::uint64_t kValues = 16;
constexpr std::array kWidths = {Width::k32, Width::k64};
/// Sixteen numbers from `begin`; it may wrap.
struct Span {
  const char* name;
  std::uint64_t begin;
};
constexpr Span kWindows[] = {
    {"zero", 0},
    {"sign", std::uint64_t{0} - 8},
    {"sign32", 0x7ffffff8},
    {"carry32", 0xfffffff8},
    {"sign64", 0x7ffffffffffffff8},
    {"negative32", 0xffffffff7ffffff8},
    {"shifts", 24},  // Amounts about 32.
};

struct Small {
  Scalar scalar;
  std::vector<std::uint64_t> members;
};

/// All ranges in the window, signed where it crosses zero, and all tnums of the aligned 16 numbers about its begin.
std::vector<Small> smalls(std::uint64_t window) {
  std::vector<Small> all;
  const bool crosses_zero = window + kValues - 1 < window;
  for (std::uint64_t low = 0; low < kValues; ++low)
    for (std::uint64_t high = low; high < kValues; ++high) {
      const std::uint64_t first = window + low, last = window + high;
      const Scalar s = crosses_zero
                           ? Scalar::signed_range(static_cast<std::int64_t>(first), static_cast<std::int64_t>(last))
                           : Scalar::unsigned_range(first, last);
      Small& small = all.emplace_back(Small{.scalar = s, .members = {}});
      for (std::uint64_t at = low; at <= high; ++at) small.members.push_back(window + at);
    }
  const std::uint64_t base = window & ~(kValues - 1);
  for (std::uint64_t mask = 1; mask < kValues; ++mask)
    for (std::uint64_t value = 0; value < kValues; ++value) {
      if ((value & mask) != 0) continue;
      Scalar s;
      s.bits = {.value = base | value, .mask = mask};
      Small& small = all.emplace_back(Small{.scalar = reduce(s), .members = {}});
      for (std::uint64_t at = 0; at < kValues; ++at)
        if ((at & ~mask) == value) small.members.push_back(base | at);
    }
  return all;
}

/// The window that the right operand is in: the same one, and the small numbers.
std::vector<std::vector<Small>> right_of(std::uint64_t window) {
  std::vector<std::vector<Small>> all = {smalls(window)};
  if (window != kWindows[0].begin) all.push_back(smalls(kWindows[0].begin));
  return all;
}

class Window : public testing::TestWithParam<Span> {};
INSTANTIATE_TEST_SUITE_P(Every, Window, testing::ValuesIn(kWindows), [](const auto& one) { return one.param.name; });

/// "a op b": the first members whose result is lost.
std::string lost(const Small& a, const Small& b, const Scalar& result, AluOp op, Width width) {
  for (const std::uint64_t x : a.members)
    for (const std::uint64_t y : b.members)
      if (!result.contains(isa::eval(op, width, x, y)))
        return print(a.scalar) + ", " + print(b.scalar) + " -> " + print(result) + " at " + std::to_string(x) + ", " +
               std::to_string(y);
  return {};
}

TEST_P(Window, ArithmeticIsSound) {
  const std::vector<Small> lefts = smalls(GetParam().begin);
  for (const std::vector<Small>& rights : right_of(GetParam().begin))
    for (const isa::AluInfo& row : isa::kAluTable)
      for (const Width width : kWidths) {
        if (width == Width::k32 && row.widths != 3) continue;
        for (const Small& a : lefts)
          for (const Small& b : rights)
            ASSERT_EQ(lost(a, b, alu(row.op, width, a.scalar, b.scalar), row.op, width), "")
                << row.mnemonic << isa::bits(width);
      }
}

TEST_P(Window, ConversionsAreSound) {
  for (const Small& a : smalls(GetParam().begin)) {
    for (const std::uint64_t x : a.members) {
      for (const isa::SizeInfo& row : isa::kSizeTable) {
        ASSERT_TRUE(truncate(a.scalar, row.size).contains(isa::extend(x, row.size, isa::Extend::kZero)));
        ASSERT_TRUE(sign_extend(a.scalar, row.size).contains(isa::extend(x, row.size, isa::Extend::kSign)));
      }
      for (const std::uint8_t bits : std::array<std::uint8_t, 3>{16, 32, 64})
        for (const auto order : {isa::ByteOrder::kToLittle, isa::ByteOrder::kToBig, isa::ByteOrder::kSwap})
          ASSERT_TRUE(byte_swap(order, bits, a.scalar).contains(isa::swap_bytes(order, bits, x))) << print(a.scalar);
    }
  }
}

/// What is left of the operands when the branch goes one way, and whether that can be.
struct Refined {
  Scalar a, b;
  bool possible = false;
};
Refined refined(JmpOp op, Width width, Outcome outcome, const Small& a, const Small& b) {
  Refined result{.a = a.scalar, .b = b.scalar};
  result.possible = refine(op, width, outcome, result.a, result.b);
  return result;
}

/// The first members that the comparison is wrong about.
std::string wrong(JmpOp op, Width width, const Small& a, const Small& b) {
  const auto decided = decide(op, width, a.scalar, b.scalar);
  const Refined taken = refined(op, width, Outcome::kTaken, a, b);
  const Refined not_taken = refined(op, width, Outcome::kNotTaken, a, b);
  for (const std::uint64_t x : a.members)
    for (const std::uint64_t y : b.members) {
      const bool holds = isa::compare(op, width, x, y);
      const Refined& left = holds ? taken : not_taken;
      const bool right = decided ? *decided == holds : left.possible && left.a.contains(x) && left.b.contains(y);
      if (!right)
        return print(a.scalar) + ", " + print(b.scalar) + " at " + std::to_string(x) + ", " + std::to_string(y);
    }
  return {};
}

TEST_P(Window, BranchesAreSound) {
  const std::vector<Small> lefts = smalls(GetParam().begin);
  for (const std::vector<Small>& rights : right_of(GetParam().begin))
    for (const isa::JmpInfo& row : isa::kJmpTable)
      for (const Width width : kWidths)
        for (const Small& a : lefts)
          for (const Small& b : rights) ASSERT_EQ(wrong(row.op, width, a, b), "") << row.mnemonic << isa::bits(width);
}

TEST_P(Window, ComparisonsOfARegisterWithItselfAreSound) {
  for (const Small& a : smalls(GetParam().begin))
    for (const isa::JmpInfo& row : isa::kJmpTable)
      for (const Width width : kWidths) {
        const auto decided = decide(row.op, width, a.scalar, a.scalar);
        for (const std::uint64_t x : a.members) {
          const bool holds = isa::compare(row.op, width, x, x);
          Scalar left = a.scalar;
          const bool right =
              decided
                  ? *decided == holds
                  : refine(row.op, width, holds ? Outcome::kTaken : Outcome::kNotTaken, left, left) && left.contains(x);
          ASSERT_TRUE(right) << row.mnemonic << isa::bits(width) << " " << print(a.scalar) << " at " << x;
        }
      }
}

TEST_P(Window, JoinsAndOrderAreThoseOfSets) {
  const std::vector<Small> all = smalls(GetParam().begin);
  for (const Small& a : all)
    for (const Small& b : all) {
      const Scalar joined = a.scalar.join(b.scalar);
      ASSERT_TRUE(a.scalar.leq(joined) && b.scalar.leq(joined));
      if (!a.scalar.leq(b.scalar)) continue;
      for (const std::uint64_t x : a.members)
        ASSERT_TRUE(b.scalar.contains(x)) << print(a.scalar) << " " << print(b.scalar);
    }
}

/// A transfer function that is wrong by one must be seen.
TEST(Exhaustive, AWrongTransferIsCaught) {
  std::uint64_t seen = 0;
  for (const Small& a : smalls(0))
    for (const Small& b : smalls(0)) {
      Scalar result = alu(AluOp::kAdd, Width::k64, a.scalar, b.scalar);
      if (result.umax > result.umin) --result.umax;
      seen += lost(a, b, result, AluOp::kAdd, Width::k64).empty() ? 0 : 1;
    }
  EXPECT_GT(seen, 1000u);
  EXPECT_EQ(smalls(0).size(), 136u + 65u);  // Ranges; tnums with something unknown.
}

}  // namespace
}  // namespace skep::verifier
