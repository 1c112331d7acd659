// SPDX-License-Identifier: Apache-2.0
// Reduction of the product domain. Each step below is sound by itself; their order and number decide how much is found,
// and are those with which the results are the ones that Linux 6.18 logs (tests/soundness/kernel_scalar_test.cc).
#include "verifier/domain/scalar.h"

#include <algorithm>
#include <optional>

namespace skep::verifier {
namespace {

constexpr std::uint64_t kLow32 = 0xffffffff;

constexpr std::uint32_t low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
constexpr std::uint32_t low(std::int64_t word) { return static_cast<std::uint32_t>(word); }
constexpr std::uint32_t high(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }
constexpr std::uint32_t high(std::int64_t word) { return high(static_cast<std::uint64_t>(word)); }
constexpr std::int32_t as_signed(std::uint32_t word) { return static_cast<std::int32_t>(word); }
constexpr std::uint32_t as_unsigned(std::int32_t word) { return static_cast<std::uint32_t>(word); }

template <class T>
void narrow(T& min, T& max, T new_min, T new_max) {
  min = std::max(min, new_min);
  max = std::min(max, new_max);
}

/// The member of `bits` between `low_end` and `high_end`, if there is exactly one. Where there is none at all, the
/// answer means nothing, but is the one with which Linux goes on.
std::optional<std::uint64_t> only_member(Tnum bits, std::uint64_t low_end, std::uint64_t high_end) {
  const std::uint64_t largest = bits.largest();
  const std::uint64_t first = bits.at_least(low_end).value_or(largest);
  if (first != low_end && (first == largest || first > high_end))
    return first == largest ? std::optional(first) : std::nullopt;
  const std::uint64_t second = first == largest ? largest : *bits.at_least(first + 1);
  return second > high_end ? std::optional(first) : std::nullopt;
}

/// The ranges contain only what the bits allow. With an unknown sign bit, the smallest number has it set.
void ranges_from_bits(Scalar& s) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  constexpr std::uint32_t kSign32 = std::uint32_t{1} << 31;
  const std::uint64_t value = s.bits.value, mask = s.bits.mask;
  narrow(s.umin, s.umax, value, value | mask);
  narrow(s.smin, s.smax, static_cast<std::int64_t>(value | (mask & kSign)),
         static_cast<std::int64_t>(value | (mask & ~kSign)));
  const std::uint32_t value32 = low(value), mask32 = low(mask);
  narrow(s.u32_min, s.u32_max, value32, value32 | mask32);
  narrow(s.s32_min, s.s32_max, as_signed(value32 | (mask32 & kSign32)), as_signed(value32 | (mask32 & ~kSign32)));
  if (const auto only = only_member(s.bits, s.umin, s.umax)) s = Scalar::constant(*only);
}

/// What a 64-bit range [min, max] (either signedness) says of the low halves.
template <class T>
void ranges32_from_range64(Scalar& s, T min, T max) {
  const std::uint32_t low_min = low(min), low_max = low(max);
  if (high(min) == high(max)) {
    // The high half is fixed: the low half runs from one end to the other.
    if (low_min <= low_max) narrow(s.u32_min, s.u32_max, low_min, low_max);
    if (as_signed(low_min) <= as_signed(low_max)) narrow(s.s32_min, s.s32_max, as_signed(low_min), as_signed(low_max));
  } else if (high(min) + 1 == high(max) && as_signed(low_min) < 0 && as_signed(low_max) >= 0) {
    // The low half wraps once, from its negative numbers over -1 to 0.
    narrow(s.s32_min, s.s32_max, as_signed(low_min), as_signed(low_max));
  }
}

/// What an unsigned and a signed range of the same word say of each other.
template <class U, class S>
void exchange_signs(U& umin, U& umax, S& smin, S& smax) {
  // A range that does not cross the other's border reads the same in both ways.
  if (static_cast<S>(umin) <= static_cast<S>(umax)) narrow(smin, smax, static_cast<S>(umin), static_cast<S>(umax));
  const auto first = static_cast<U>(smin), last = static_cast<U>(smax);
  if (first <= last) {
    narrow(umin, umax, first, last);
  } else if (umax < first) {
    // As unsigned numbers, the signed range is [0, last] and everything from `first` on. Only the former is possible.
    smin = static_cast<S>(umin);
    umax = std::min(umax, last);
  } else if (last < umin) {
    smax = static_cast<S>(umax);
    umin = std::max(umin, first);
  }
}

void deduce32(Scalar& s) {
  ranges32_from_range64(s, s.umin, s.umax);
  ranges32_from_range64(s, s.smin, s.smax);
  exchange_signs(s.u32_min, s.u32_max, s.s32_min, s.s32_max);
}

/// What the low halves' ranges say of the whole.
void deduce64_from_32(Scalar& s) {
  narrow(s.umin, s.umax, (s.umin & ~kLow32) | s.u32_min, (s.umax & ~kLow32) | s.u32_max);
  const auto first = static_cast<std::uint64_t>(s.smin), last = static_cast<std::uint64_t>(s.smax);
  narrow(s.smin, s.smax, static_cast<std::int64_t>((first & ~kLow32) | s.u32_min),
         static_cast<std::int64_t>((last & ~kLow32) | s.u32_max));
  // A number that is the sign extension of its low half, which is not negative, is that half.
  if (s.s32_min >= 0 && s.smin >= std::numeric_limits<std::int32_t>::min() &&
      s.smax <= std::numeric_limits<std::int32_t>::max()) {
    s.smin = s.s32_min;
    s.smax = s.s32_max;
    s.umin = as_unsigned(s.s32_min);
    s.umax = as_unsigned(s.s32_max);
    s.bits = s.bits.meet(Tnum::range(s.umin, s.umax));
  }
}

void bits_from_ranges(Scalar& s) {
  const Tnum whole = s.bits.meet(Tnum::range(s.umin, s.umax));
  s.bits = whole.with_low32(whole.low32().meet(Tnum::range(s.u32_min, s.u32_max)));
}

}  // namespace

Scalar reduce(Scalar scalar) {
  constexpr int kRounds = 3;
  ranges_from_bits(scalar);
  for (int round = 0; round < kRounds; ++round) {
    deduce32(scalar);
    exchange_signs(scalar.umin, scalar.umax, scalar.smin, scalar.smax);
    deduce64_from_32(scalar);
  }
  bits_from_ranges(scalar);
  ranges_from_bits(scalar);
  return scalar;
}

Scalar Scalar::unsigned_range(std::uint64_t low_end, std::uint64_t high_end) {
  Scalar scalar;
  scalar.umin = low_end;
  scalar.umax = high_end;
  return reduce(scalar);
}

Scalar Scalar::signed_range(std::int64_t low_end, std::int64_t high_end) {
  Scalar scalar;
  scalar.smin = low_end;
  scalar.smax = high_end;
  return reduce(scalar);
}

Scalar Scalar::join(const Scalar& other) const {
  return {.bits = bits.join(other.bits),
          .smin = std::min(smin, other.smin),
          .smax = std::max(smax, other.smax),
          .umin = std::min(umin, other.umin),
          .umax = std::max(umax, other.umax),
          .s32_min = std::min(s32_min, other.s32_min),
          .s32_max = std::max(s32_max, other.s32_max),
          .u32_min = std::min(u32_min, other.u32_min),
          .u32_max = std::max(u32_max, other.u32_max)};
}

void forget_ranges64(Scalar& scalar) {
  const Scalar unknown;
  scalar.smin = unknown.smin;
  scalar.smax = unknown.smax;
  scalar.umin = unknown.umin;
  scalar.umax = unknown.umax;
}

void forget_ranges32(Scalar& scalar) {
  const Scalar unknown;
  scalar.s32_min = unknown.s32_min;
  scalar.s32_max = unknown.s32_max;
  scalar.u32_min = unknown.u32_min;
  scalar.u32_max = unknown.u32_max;
}

}  // namespace skep::verifier
