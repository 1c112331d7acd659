// SPDX-License-Identifier: Apache-2.0
// Division by constants: reciprocals against plain division, exhaustively where the words are small; native code of
// this host against isa/semantics.h, on every register, with all others watched.
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/address.h"
#include "isa/semantics.h"
#include "jit/compile.h"
#include "jit/target.h"
#include "lower/optimize/optimize.h"
#include "lower/reciprocal.h"

namespace skep {
namespace {

using isa::AluOp;
using isa::Width;
using lower::Imm;
using lower::Op;
using lower::Reg;

/// (a * b) >> bits of W, of whole words.
template <class W>
W high_product(W a, W b) {
  if constexpr (sizeof(W) < 8) {
    return static_cast<W>(std::uint64_t{a} * b >> std::numeric_limits<W>::digits);
  } else {
    const std::uint64_t low = 0xffffffff;
    const std::uint64_t middle = (a >> 32) * (b & low) + ((a & low) * (b & low) >> 32);
    const std::uint64_t other = (a & low) * (b >> 32) + (middle & low);
    return (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);
  }
}

template <class W>
W divide_unsigned(W x, lower::Reciprocal<W> by) {
  const W high = high_product(x, by.multiplier);
  if (!by.wide) return static_cast<W>(high >> by.shift);
  const W half = static_cast<W>(static_cast<W>(x - high) >> 1);
  return static_cast<W>(static_cast<W>(half + high) >> (by.shift - 1));
}
template <class W>
W divide_signed(W x, lower::Reciprocal<W> by) {
  constexpr auto kTop = static_cast<unsigned>(std::numeric_limits<W>::digits - 1);
  const W sign = static_cast<W>(x >> kTop);
  // The high half of a product with a negative number is less by the other factor.
  const W high = static_cast<W>(high_product(x, by.multiplier) - (sign != 0 ? by.multiplier : W{0}));
  using S = std::make_signed_t<W>;
  return static_cast<W>(static_cast<W>(static_cast<S>(high) >> by.shift) + sign);
}

template <class W>
void expect_divides(W x, W d) {
  ASSERT_EQ(divide_unsigned(x, lower::unsigned_reciprocal(d)), isa::eval(AluOp::kDiv, x, d)) << +x << " / " << +d;
  if (d >> (std::numeric_limits<W>::digits - 1) == 0) {
    ASSERT_EQ(divide_signed(x, lower::signed_reciprocal(d)), isa::eval(AluOp::kSDiv, x, d)) << +x << " s/ " << +d;
  }
}

TEST(Reciprocal, DividesEveryByteByEveryByte) {
  for (unsigned d = 3; d < 256; ++d) {
    if (std::has_single_bit(d)) continue;
    for (unsigned x = 0; x < 256; ++x) expect_divides(static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(d));
  }
}

TEST(Reciprocal, DividesEverySixteenBitsByMany) {
  for (unsigned d = 3; d < 0x10000; d += d < 600 || d > 0xff00 ? 1 : 251) {
    if (std::has_single_bit(d)) continue;
    const auto divisor = static_cast<std::uint16_t>(d);
    const auto whole = lower::unsigned_reciprocal(divisor);
    const auto part = lower::signed_reciprocal(divisor);
    for (unsigned x = 0; x < 0x10000; ++x) {
      const auto word = static_cast<std::uint16_t>(x);
      ASSERT_EQ(divide_unsigned(word, whole), x / d) << x << " / " << d;
      if (d < 0x8000) {
        ASSERT_EQ(divide_signed(word, part), isa::eval(AluOp::kSDiv, word, divisor)) << x << " s/ " << d;
      }
    }
  }
}

/// Around the powers of two, and around multiples of `d`, where a reciprocal too small or too large shows.
template <class W>
std::vector<W> dividends(W d) {
  std::vector<W> all;
  const auto around = [&](W at) {
    for (const int by : {-1, 0, 1}) all.push_back(static_cast<W>(at + static_cast<W>(by)));
  };
  for (int bit = 0; bit < std::numeric_limits<W>::digits; ++bit) around(static_cast<W>(W{1} << bit));
  if (d == 0) return all;
  constexpr W kMost = std::numeric_limits<W>::max();
  for (const W most : {kMost, static_cast<W>(kMost / 2), static_cast<W>(kMost / 3)}) {
    around(static_cast<W>(most / d * d));
    around(static_cast<W>(W{0} - most / d * d));
  }
  around(d);
  around(static_cast<W>(W{0} - d));
  return all;
}

std::vector<std::int64_t> divisors() {
  std::vector<std::int64_t> all = {0, 1, -1, std::numeric_limits<std::int32_t>::min(),
                                   std::numeric_limits<std::int32_t>::max()};
  for (int bit = 1; bit < 31; ++bit)
    for (const int by : {-1, 0, 1})
      for (const int sign : {1, -1}) all.push_back(sign * ((std::int64_t{1} << bit) + by));
  for (const int some :
       {6,   7,    10,   11,   12,    14,    19,    21,     25,      28,      60,         100,       125,
        641, 1000, 1461, 3600, 10000, 65521, 86400, 146097, 1000000, 6700417, 1000000007, 1000000000})
    for (const int sign : {1, -1}) all.push_back(std::int64_t{sign} * some);
  return all;
}

TEST(Reciprocal, DividesLongWords) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> by;
  for (const std::int64_t d : divisors()) by.push_back(lower::magnitude<std::uint64_t>(d));
  for (int i = 0; i < 2000; ++i) by.push_back(random() >> (random() % 63));
  for (const std::uint64_t d : by) {
    const auto narrow = static_cast<std::uint32_t>(d);
    for (const std::uint64_t x : dividends(d))
      if (d > 2 && !std::has_single_bit(d)) expect_divides(x, d);
    for (const std::uint32_t x : dividends(narrow))
      if (narrow > 2 && !std::has_single_bit(narrow)) expect_divides(x, narrow);
  }
}

// Native code.

using Words = std::array<std::uint64_t, 10>;

lower::Alu alu(AluOp op, Width width, std::uint8_t dst, std::int64_t value) {
  return {.op = op, .width = width, .divisor = {}, .dst = Reg{dst}, .src = Imm{value}};
}
lower::Load load(std::uint8_t dst, std::uint8_t base, std::int32_t offset) {
  return {.size = isa::Size::k64, .extend = {}, .ordering = {}, .dst = Reg{dst}, .base = Reg{base}, .offset = offset};
}
lower::Store store(std::uint8_t base, std::int32_t offset, std::uint8_t src) {
  return {.size = isa::Size::k64, .ordering = {}, .base = Reg{base}, .offset = offset, .src = Reg{src}};
}

/// Loads r0 to r9 from Words, does `op` and stores them back.
lower::Code around(const Op& op) {
  lower::Code code;
  code.ops.emplace_back(store(10, -8, 1));
  for (const std::uint8_t r : std::to_array<std::uint8_t>({0, 2, 3, 4, 5, 6, 7, 8, 9, 1}))
    code.ops.emplace_back(load(r, 1, 8 * r));
  code.ops.push_back(op);
  code.ops.emplace_back(store(10, -16, 0));
  code.ops.emplace_back(load(0, 10, -8));
  for (std::uint8_t r = 1; r < 10; ++r) code.ops.emplace_back(store(0, 8 * r, r));
  code.ops.emplace_back(load(1, 10, -16));
  code.ops.emplace_back(store(0, 0, 1));
  code.ops.emplace_back(lower::Return{});
  code.origin.resize(code.ops.size());
  code.functions = {{.entry = 0, .stack_bytes = 16}};
  return lower::optimize(std::move(code), PassSet::none().with(Pass::kDivide));
}

std::vector<jit::Features> variants() {
  const jit::Features host = jit::host_target().features;
  jit::Features other = host;
  other.bmi2 = false;
  if (host == other) return {host};
  return {host, other};
}

void expect_agrees(const jit::NativeCode& native, const lower::Alu& op, std::uint64_t x) {
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = 0xa5a5a5a5'00000000 + 0x1111111111111111 * i;
  words[op.dst.index] = x;
  Words want = words;
  want[op.dst.index] = isa::eval(op.op, op.width, x, static_cast<std::uint64_t>(std::get<Imm>(op.src).value));
  Env env;
  native.entry()(address_of(words.data()), 0, env);
  ASSERT_EQ(words, want) << x;
}

class JitDivision : public testing::TestWithParam<AluOp> {};

TEST_P(JitDivision, AgreesForEveryRegisterAndDivisor) {
  for (const jit::Features features : variants()) {
    for (const Width width : {Width::k32, Width::k64}) {
      for (const std::int64_t by : divisors()) {
        for (std::uint8_t dst = 0; dst < 10; ++dst) {
          const lower::Alu op = alu(GetParam(), width, dst, by);
          const auto native = jit::compile(around(op), {}, {.features = features});
          ASSERT_TRUE(native.has_value()) << native.error().message;
          SCOPED_TRACE("divisor " + std::to_string(by) + " of r" + std::to_string(dst));
          for (const std::uint64_t x : dividends(lower::magnitude<std::uint64_t>(by))) expect_agrees(**native, op, x);
          if (width == Width::k64) continue;
          for (const std::uint32_t x : dividends(lower::magnitude<std::uint32_t>(by)))
            expect_agrees(**native, op, 0xa5a5a5a5'00000000 | x);
        }
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(All, JitDivision, testing::Values(AluOp::kDiv, AluOp::kMod, AluOp::kSDiv, AluOp::kSMod),
                         [](const auto& one) { return std::string(isa::info(one.param).mnemonic); });

}  // namespace
}  // namespace skep
