// SPDX-License-Identifier: Apache-2.0
// Division by a constant without dividing: floor(x / d) is the high part of a product with a rounded-up reciprocal of
// d. Granlund and Montgomery, "Division by Invariant Integers using Multiplication" (1994); Warren, Hacker's Delight,
// ch. 10.
#pragma once
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>

namespace skep::lower {

/// x / d == floor(x * m / 2^(n + shift)) for words of n bits, where m is `multiplier`, plus 2^n if `wide`.
template <std::unsigned_integral W>
struct Reciprocal {
  W multiplier = 0;
  std::uint32_t shift = 0;
  bool wide = false;
  friend constexpr bool operator==(Reciprocal, Reciprocal) = default;
};

namespace detail {

/// For 0 <= x < 2^bits, where d is no power of two. Let l = floor(log2 d). With m = floor(2^(bits+l) / d) + 1, which
/// has `bits` bits at most, and the error e = m * d - 2^(bits+l), the product is x/d + x*e / (d * 2^(bits+l)): exact if
/// e is at most 2^l. Else one bit more is always enough, for then e <= d < 2^(l+1).
template <std::unsigned_integral W>
constexpr Reciprocal<W> reciprocal(W d, unsigned bits) {
  constexpr unsigned kWord = std::numeric_limits<W>::digits;
  const auto log = static_cast<unsigned>(std::bit_width(d)) - 1;
  const W power = static_cast<W>(W{1} << log);
  W quotient = 0, rest = power;  // Long division of 2^(log + the bits that were shifted in).
  const auto next_bit = [&] {
    const bool carry = rest >> (kWord - 1) != 0;
    rest = static_cast<W>(std::uint64_t{rest} << 1);
    const bool fits = carry || rest >= d;
    if (fits) rest = static_cast<W>(rest - d);
    quotient = static_cast<W>(std::uint64_t{quotient} << 1 | (fits ? 1u : 0u));
  };
  for (unsigned i = 0; i < bits; ++i) next_bit();
  unsigned shift = bits + log;
  const bool exact = static_cast<W>(d - rest) <= power;
  if (!exact) {
    next_bit();
    ++shift;
  }
  Reciprocal<W> result{
      .multiplier = static_cast<W>(quotient + 1), .shift = shift - kWord, .wide = !exact && bits == kWord};
  // A smaller one may fit an immediate.
  while (!result.wide && result.shift > 0 && result.multiplier % 2 == 0) {
    result.multiplier = static_cast<W>(result.multiplier / 2);
    --result.shift;
  }
  return result;
}

}  // namespace detail

/// Of unsigned division, for every x. `d` is neither 0 nor a power of two.
template <std::unsigned_integral W>
constexpr Reciprocal<W> unsigned_reciprocal(W d) {
  return detail::reciprocal(d, std::numeric_limits<W>::digits);
}

/// Of signed division by a positive number: floor(x * multiplier / 2^(n + shift)) is x / d, rounded to zero, for x >= 0
/// and one less for x < 0. The multiplier is to be taken as unsigned; never wide. `d` is neither 0 nor a power of two.
template <std::unsigned_integral W>
constexpr Reciprocal<W> signed_reciprocal(W d) {
  return detail::reciprocal(d, std::numeric_limits<W>::digits - 1);
}

/// |d| of a divisor given as a sign-extended immediate, as a word: 2^(n-1) for the smallest number.
template <std::unsigned_integral W>
constexpr W magnitude(std::int64_t d) {
  return static_cast<W>(d < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(d) : static_cast<std::uint64_t>(d));
}

static_assert(unsigned_reciprocal<std::uint32_t>(10) == Reciprocal<std::uint32_t>{0xcccccccd, 3, false});
static_assert(unsigned_reciprocal<std::uint32_t>(7) == Reciprocal<std::uint32_t>{0x24924925, 3, true});
static_assert(signed_reciprocal<std::uint32_t>(3) == Reciprocal<std::uint32_t>{0x55555556, 0, false});
static_assert(signed_reciprocal<std::uint32_t>(7) == Reciprocal<std::uint32_t>{0x92492493, 2, false});

}  // namespace skep::lower
