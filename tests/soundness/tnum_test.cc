// SPDX-License-Identifier: Apache-2.0
// Tristate numbers of four bits, all of them: every operation contains every concrete result; the lattice's laws hold.
#include "verifier/domain/tnum.h"

#include <gtest/gtest.h>

#include <vector>

namespace skep::verifier {
namespace {

constexpr std::uint64_t kValues = 16;

std::vector<Tnum> all_small() {
  std::vector<Tnum> all;
  for (std::uint64_t mask = 0; mask < kValues; ++mask)
    for (std::uint64_t value = 0; value < kValues; ++value)
      if ((value & mask) == 0) all.push_back({value, mask});
  return all;
}
std::vector<std::uint64_t> members(Tnum tnum) {
  std::vector<std::uint64_t> found;
  for (std::uint64_t word = 0; word < kValues; ++word)
    if (tnum.contains(word)) found.push_back(word);
  return found;
}

/// Pairs of a member of each operand whose concrete result the abstract one does not contain.
template <class Abstract, class Concrete>
std::uint64_t misses(Abstract abstract, Concrete concrete) {
  std::uint64_t count = 0;
  for (const Tnum a : all_small())
    for (const Tnum b : all_small()) {
      const Tnum result = abstract(a, b);
      EXPECT_EQ(result.value & result.mask, 0u);
      for (const std::uint64_t x : members(a))
        for (const std::uint64_t y : members(b)) count += !result.contains(concrete(x, y));
    }
  return count;
}

TEST(Tnum, BinaryOperationsAreSound) {
  using Word = std::uint64_t;
  EXPECT_EQ(misses([](Tnum a, Tnum b) { return add(a, b); }, [](Word x, Word y) { return x + y; }), 0u);
  EXPECT_EQ(misses([](Tnum a, Tnum b) { return subtract(a, b); }, [](Word x, Word y) { return x - y; }), 0u);
  EXPECT_EQ(misses([](Tnum a, Tnum b) { return multiply(a, b); }, [](Word x, Word y) { return x * y; }), 0u);
  EXPECT_EQ(misses([](Tnum a, Tnum b) { return bit_and(a, b); }, [](Word x, Word y) { return x & y; }), 0u);
  EXPECT_EQ(misses([](Tnum a, Tnum b) { return bit_or(a, b); }, [](Word x, Word y) { return x | y; }), 0u);
  EXPECT_EQ(misses([](Tnum a, Tnum b) { return bit_xor(a, b); }, [](Word x, Word y) { return x ^ y; }), 0u);
  EXPECT_EQ(misses([](Tnum a, Tnum) { return negate(a); }, [](Word x, Word) { return Word{0} - x; }), 0u);
  EXPECT_EQ(misses([](Tnum a, Tnum b) { return a.join(b); }, [](Word x, Word) { return x; }), 0u);
}

TEST(Tnum, AWrongOperationIsCaught) {
  EXPECT_NE(misses([](Tnum a, Tnum b) { return bit_or(a, b); }, [](auto x, auto y) { return x + y; }), 0u);
  EXPECT_NE(misses(
                [](Tnum a, Tnum b) {
                  return Tnum{add(a, b).value, a.mask & ~add(a, b).value};
                },
                [](auto x, auto y) { return x + y; }),
            0u);
}

TEST(Tnum, ShiftsAreSound) {
  for (const Tnum a : all_small())
    for (unsigned amount = 0; amount < 64; ++amount)
      for (const std::uint64_t x : members(a)) {
        EXPECT_TRUE(shift_left(a, amount).contains(x << amount));
        EXPECT_TRUE(shift_right(shift_left(a, 60), amount).contains((x << 60) >> amount));
        EXPECT_TRUE(shift_right_signed(shift_left(a, 60), amount, isa::Width::k64)
                        .contains(static_cast<std::uint64_t>(static_cast<std::int64_t>(x << 60) >> amount)));
        if (amount >= 32) continue;
        const auto low = static_cast<std::uint32_t>(x << 28);
        EXPECT_TRUE(shift_right_signed(shift_left(a, 28), amount, isa::Width::k32)
                        .contains(static_cast<std::uint32_t>(static_cast<std::int32_t>(low) >> amount)));
      }
}

TEST(Tnum, RangeAndAtLeast) {
  for (std::uint64_t low = 0; low < kValues; ++low)
    for (std::uint64_t high = low; high < kValues; ++high)
      for (std::uint64_t word = low; word <= high; ++word) EXPECT_TRUE(Tnum::range(low, high).contains(word));
  for (const Tnum a : all_small())
    for (std::uint64_t bound = 0; bound < kValues; ++bound) {
      std::optional<std::uint64_t> want;
      for (const std::uint64_t word : members(a))
        if (!want && word >= bound) want = word;
      EXPECT_EQ(a.at_least(bound), want);
    }
}

TEST(Tnum, LatticeLaws) {
  for (const Tnum a : all_small())
    for (const Tnum b : all_small()) {
      bool included = true, common = false;
      for (const std::uint64_t word : members(a)) {
        included = included && b.contains(word);
        common = common || b.contains(word);
      }
      EXPECT_EQ(a.leq(b), included);
      EXPECT_EQ(a.overlaps(b), common);
      EXPECT_TRUE(a.leq(a.join(b)) && b.leq(a.join(b)) && a.join(b) == b.join(a));
      EXPECT_TRUE(!common || (a.meet(b).leq(a) && a.meet(b).leq(b)));
      EXPECT_EQ(a.leq(b) && b.leq(a), a == b);
    }
}

}  // namespace
}  // namespace skep::verifier
