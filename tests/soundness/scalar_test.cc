// SPDX-License-Identifier: Apache-2.0
// Scalars at full width: operands are made around sampled concrete numbers, and whatever isa::eval or isa::compare
// makes of these numbers must be in what the transfer functions say. A wrong transfer function must be caught.
#include "verifier/domain/scalar.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "isa/semantics.h"
#include "verifier/transfer/alu.h"
#include "verifier/transfer/branch.h"

namespace skep::verifier {
namespace {

using isa::AluOp;
using isa::JmpOp;
using isa::Width;

constexpr int kSamples = 200'000;
constexpr std::array kWidths = {Width::k32, Width::k64};

class Sampler {
 public:
  std::uint64_t word() {
    static constexpr std::array<std::uint64_t, 12> kEdges = {0,
                                                             1,
                                                             2,
                                                             0x7fffffff,
                                                             0x80000000,
                                                             0xffffffff,
                                                             0x100000000,
                                                             0x7fffffffffffffff,
                                                             0x8000000000000000,
                                                             0xffffffff80000000,
                                                             0xfffffffffffffffe,
                                                             0xffffffffffffffff};
    switch (pick(3)) {
      case 0:
        return kEdges[pick(kEdges.size())] + pick(3) - 1;
      case 1:
        return random_() >> pick(64);
      default:
        return ~(random_() >> pick(64));
    }
  }
  /// A reduced Scalar that contains `word`: each component by chance known well, badly or not at all.
  Scalar around(std::uint64_t word) {
    Scalar s;
    if (pick(4) == 0) return Scalar::constant(word);
    if (pick(2) == 0) {
      s.bits.mask = pick(2) == 0 ? random_() & random_() : random_() >> pick(64);
      s.bits.value = word & ~s.bits.mask;
    }
    const std::uint64_t below = random_() >> pick(64), above = random_() >> pick(64);
    if (pick(2) == 0) {
      s.umin = below <= word ? word - below : 0;
      s.umax = above <= ~word ? word + above : ~std::uint64_t{0};
    }
    const auto number = static_cast<std::int64_t>(word);
    const auto distance = static_cast<std::int64_t>(above >> 1);
    if (pick(2) == 0) {
      if (__builtin_sub_overflow(number, distance, &s.smin)) s.smin = INT64_MIN;
      if (__builtin_add_overflow(number, distance, &s.smax)) s.smax = INT64_MAX;
    }
    const auto low = static_cast<std::uint32_t>(word), near = static_cast<std::uint32_t>(below >> pick(32));
    if (pick(2) == 0) {
      s.u32_min = near <= low ? low - near : 0;
      s.u32_max = near <= ~low ? low + near : ~std::uint32_t{0};
    }
    return reduce(s);
  }
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

 private:
  std::mt19937_64 random_{1};
};

TEST(Scalar, ReduceKeepsMembers) {
  Sampler sampler;
  for (int i = 0; i < kSamples; ++i) {
    const std::uint64_t x = sampler.word();
    const Scalar a = sampler.around(x);
    ASSERT_TRUE(a.contains(x)) << print(a) << " lost " << x;
    const std::uint64_t y = sampler.word();
    const Scalar b = sampler.around(y), joined = a.join(b);
    ASSERT_TRUE(a.leq(joined) && b.leq(joined) && joined.contains(x) && joined.contains(y));
    ASSERT_TRUE(a.leq(Scalar::unknown()) && a.leq(a));
  }
}

/// Samples of which `transfer` loses the result.
template <class Transfer>
std::uint64_t misses(AluOp op, Width width, int samples, Transfer transfer) {
  Sampler sampler;
  std::uint64_t count = 0;
  for (int i = 0; i < samples; ++i) {
    const std::uint64_t x = sampler.word();
    const std::uint64_t y = sampler.pick(3) == 0 ? sampler.pick(64) : sampler.word();
    const Scalar a = sampler.around(x), b = sampler.around(y);
    count += !transfer(a, b).contains(isa::eval(op, width, x, y));
  }
  return count;
}

TEST(Scalar, ArithmeticIsSound) {
  for (const isa::AluInfo& row : isa::kAluTable)
    for (const Width width : kWidths) {
      if (width == Width::k32 && row.widths != 3) continue;
      const auto transfer = [&](const Scalar& a, const Scalar& b) { return alu(row.op, width, a, b); };
      EXPECT_EQ(misses(row.op, width, kSamples / 4, transfer), 0u) << row.mnemonic << isa::bits(width);
    }
}

TEST(Scalar, AWrongTransferIsCaught) {
  const auto wrong = [](AluOp op, AluOp as) {
    return misses(op, Width::k64, 20'000, [&](const Scalar& a, const Scalar& b) { return alu(as, Width::k64, a, b); });
  };
  EXPECT_GT(wrong(AluOp::kAdd, AluOp::kSub), 0u);
  EXPECT_GT(wrong(AluOp::kOr, AluOp::kAdd), 0u);
  EXPECT_GT(wrong(AluOp::kArsh, AluOp::kRsh), 0u);
  const auto one_short = [](const Scalar& a, const Scalar& b) {
    Scalar result = alu(AluOp::kAdd, Width::k64, a, b);
    if (result.umax > result.umin) --result.umax;
    return result;
  };
  EXPECT_GT(misses(AluOp::kAdd, Width::k64, 20'000, one_short), 0u);
}

TEST(Scalar, ConversionsAreSound) {
  Sampler sampler;
  for (int i = 0; i < kSamples; ++i) {
    const std::uint64_t x = sampler.word();
    const Scalar a = sampler.around(x);
    for (const isa::SizeInfo& row : isa::kSizeTable) {
      ASSERT_TRUE(truncate(a, row.size).contains(isa::extend(x, row.size, isa::Extend::kZero))) << print(a);
      ASSERT_TRUE(sign_extend(a, row.size).contains(isa::extend(x, row.size, isa::Extend::kSign))) << print(a);
    }
    for (const std::uint8_t bits : std::array<std::uint8_t, 3>{16, 32, 64})
      for (const auto order : {isa::ByteOrder::kToLittle, isa::ByteOrder::kToBig, isa::ByteOrder::kSwap})
        ASSERT_TRUE(byte_swap(order, bits, a).contains(isa::swap_bytes(order, bits, x))) << print(a);
  }
}

TEST(Scalar, BranchesAreSound) {
  Sampler sampler;
  std::uint64_t decided = 0, refined = 0;
  for (int i = 0; i < kSamples; ++i) {
    const JmpOp op = isa::kJmpTable[sampler.pick(isa::kJmpTable.size())].op;
    const Width width = kWidths[sampler.pick(2)];
    const std::uint64_t x = sampler.word(), y = sampler.pick(3) == 0 ? x + sampler.pick(3) - 1 : sampler.word();
    Scalar a = sampler.around(x), b = sampler.around(y);
    const bool holds = isa::compare(op, width, x, y);
    if (const auto answer = decide(op, width, a, b)) {
      ASSERT_EQ(*answer, holds) << print(a) << " " << isa::info(op).mnemonic << " " << print(b);
      ++decided;
      continue;
    }
    const Scalar a_before = a, b_before = b;
    ASSERT_TRUE(refine(op, width, holds ? Outcome::kTaken : Outcome::kNotTaken, a, b))
        << print(a_before) << " " << isa::info(op).mnemonic << " " << print(b_before);
    ASSERT_TRUE(a.contains(x) && b.contains(y))
        << print(a_before) << " " << isa::info(op).mnemonic << " " << print(b_before) << " at " << x << ", " << y;
    refined += a != a_before || b != b_before;
  }
  EXPECT_GT(decided, 1000u);
  EXPECT_GT(refined, 1000u);
}

TEST(Scalar, PrintsAsTheKernel) {
  EXPECT_EQ(print(Scalar::unknown()), "scalar()");
  EXPECT_EQ(print(Scalar::constant(~std::uint64_t{0})), "-1");
  EXPECT_EQ(print(Scalar::unsigned_range(0, 255)),
            "scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))");
  EXPECT_EQ(print(Scalar::constant(0x123456)), "0x123456");
}

}  // namespace
}  // namespace skep::verifier
