// SPDX-License-Identifier: Apache-2.0
// Deciding and refining comparisons. Every operation is brought to one of Eq, Ne, Set, Clear, Le, Lt (signed or not) by
// swapping its operands or by negating it.
#include "verifier/transfer/branch.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/unreachable.h"

namespace skep::verifier {
namespace {

using isa::JmpOp;
using isa::Width;

Tnum bits_of(const Scalar& s, Width width) { return width == Width::k64 ? s.bits : s.bits.low32(); }
bool is_known(const Scalar& s, Width width) { return bits_of(s, width).is_constant(); }

template <class T>
struct View {
  T &min, &max;
};
View<std::uint64_t> unsigned64(Scalar& s) { return {s.umin, s.umax}; }
View<std::int64_t> signed64(Scalar& s) { return {s.smin, s.smax}; }
View<std::uint32_t> unsigned32(Scalar& s) { return {s.u32_min, s.u32_max}; }
View<std::int32_t> signed32(Scalar& s) { return {s.s32_min, s.s32_max}; }
View<const std::uint64_t> unsigned64(const Scalar& s) { return {s.umin, s.umax}; }
View<const std::int64_t> signed64(const Scalar& s) { return {s.smin, s.smax}; }
View<const std::uint32_t> unsigned32(const Scalar& s) { return {s.u32_min, s.u32_max}; }
View<const std::int32_t> signed32(const Scalar& s) { return {s.s32_min, s.s32_max}; }

template <class T>
bool disjoint(View<T> a, View<T> b) {
  return a.max < b.min || b.max < a.min;
}
bool disjoint32(const Scalar& a, const Scalar& b) {
  return disjoint(unsigned32(a), unsigned32(b)) || disjoint(signed32(a), signed32(b));
}
bool disjoint64(const Scalar& a, const Scalar& b) {
  return disjoint(unsigned64(a), unsigned64(b)) || disjoint(signed64(a), signed64(b));
}

std::optional<bool> decide_equal(Width width, const Scalar& a, const Scalar& b) {
  const Tnum x = bits_of(a, width), y = bits_of(b, width);
  if (x.is_constant() && y.is_constant()) return x.value == y.value;
  if (!x.overlaps(y)) return false;
  if (width == Width::k32) return disjoint32(a, b) ? std::optional(false) : std::nullopt;
  // Numbers whose low halves differ differ.
  return disjoint64(a, b) || disjoint32(a, b) ? std::optional(false) : std::nullopt;
}

std::optional<bool> decide_set(Width width, const Scalar& a, const Scalar& b) {
  const bool b_known = is_known(b, width);
  if (!b_known && !is_known(a, width)) return std::nullopt;
  const Tnum x = bits_of(b_known ? a : b, width);
  const std::uint64_t tested = bits_of(b_known ? b : a, width).value;
  if ((x.smallest() & tested) != 0) return true;
  if ((x.largest() & tested) == 0) return false;
  return std::nullopt;
}

template <class T>
std::optional<bool> decide_less(View<T> a, View<T> b) {
  if (a.max < b.min) return true;
  if (a.min >= b.max) return false;
  return std::nullopt;
}
std::optional<bool> unsigned_less(Width width, const Scalar& a, const Scalar& b) {
  return width == Width::k64 ? decide_less(unsigned64(a), unsigned64(b)) : decide_less(unsigned32(a), unsigned32(b));
}
std::optional<bool> signed_less(Width width, const Scalar& a, const Scalar& b) {
  return width == Width::k64 ? decide_less(signed64(a), signed64(b)) : decide_less(signed32(a), signed32(b));
}
std::optional<bool> negate(std::optional<bool> truth) { return truth ? std::optional(!*truth) : std::nullopt; }

/// a == b.
void refine_equal(Width width, Scalar& a, Scalar& b) {
  const auto meet = [](auto x, auto y) {
    x.min = y.min = std::max(x.min, y.min);
    x.max = y.max = std::min(x.max, y.max);
  };
  if (width == Width::k64) {
    meet(unsigned64(a), unsigned64(b));
    meet(signed64(a), signed64(b));
    a.bits = b.bits = a.bits.meet(b.bits);
    return;
  }
  meet(unsigned32(a), unsigned32(b));
  meet(signed32(a), signed32(b));
  const Tnum low = a.bits.low32().meet(b.bits.low32());
  a.bits = a.bits.with_low32(low);
  b.bits = b.bits.with_low32(low);
}

/// a != b: tells something when b is a constant at an edge of a.
void refine_unequal(Width width, Scalar& a, Scalar& b) {
  const bool swap = !is_known(b, width);
  if (swap && !is_known(a, width)) return;
  Scalar& open = swap ? b : a;
  const std::uint64_t excluded = bits_of(swap ? a : b, width).value;
  // Where nothing is left, the edges go round: as in Linux, whoever compares the ranges with the bits finds that out.
  const auto plus = [](auto number, std::uint64_t by) {
    return static_cast<decltype(number)>(static_cast<std::uint64_t>(number) + by);
  };
  const auto exclude = [&](auto range, auto number) {
    if (range.min == number) range.min = plus(number, 1);
    if (range.max == number) range.max = plus(number, ~std::uint64_t{0});
  };
  if (width == Width::k64) {
    exclude(unsigned64(open), excluded);
    exclude(signed64(open), static_cast<std::int64_t>(excluded));
    return;
  }
  exclude(unsigned32(open), static_cast<std::uint32_t>(excluded));
  exclude(signed32(open), static_cast<std::int32_t>(excluded));
}

/// (a & b) != 0 when `set`, else == 0; tells something when one of them is a constant.
void refine_bits(Width width, Outcome set, Scalar& a, Scalar& b) {
  const bool swap = !is_known(b, width);
  if (swap && !is_known(a, width)) return;
  Scalar& open = swap ? b : a;
  const std::uint64_t tested = bits_of(swap ? a : b, width).value;
  Tnum bits = bits_of(open, width);
  if (set == Outcome::kNotTaken) {
    bits = bit_and(bits, Tnum::constant(~tested));
    forget_ranges64(open);
    forget_ranges32(open);
  } else if (std::has_single_bit(tested)) {
    bits = bit_or(bits, Tnum::constant(tested));
  } else {
    return;
  }
  open.bits = width == Width::k64 ? bits : open.bits.with_low32(bits);
}

/// a <= b, or a < b when the margin is 1. The ends cannot wrap: decide() had no answer.
template <class T>
void refine_less(View<T> a, View<T> b, T margin) {
  const bool impossible =
      margin != 0 && (b.max == std::numeric_limits<T>::min() || a.min == std::numeric_limits<T>::max());
  if (impossible) {
    std::swap(a.min, a.max);
    return;
  }
  a.max = std::min(a.max, static_cast<T>(b.max - margin));
  b.min = std::max(b.min, static_cast<T>(a.min + margin));
}
void refine_unsigned(Width width, Scalar& a, Scalar& b, std::uint8_t margin) {
  if (width == Width::k64)
    refine_less<std::uint64_t>(unsigned64(a), unsigned64(b), margin);
  else
    refine_less<std::uint32_t>(unsigned32(a), unsigned32(b), margin);
}
void refine_signed(Width width, Scalar& a, Scalar& b, std::uint8_t margin) {
  if (width == Width::k64)
    refine_less<std::int64_t>(signed64(a), signed64(b), margin);
  else
    refine_less<std::int32_t>(signed32(a), signed32(b), margin);
}

/// The operation that holds exactly when `op` does not. Set has none.
JmpOp opposite(JmpOp op) {
  switch (op) {
    case JmpOp::kEq:
      return JmpOp::kNe;
    case JmpOp::kNe:
      return JmpOp::kEq;
    case JmpOp::kGt:
      return JmpOp::kLe;
    case JmpOp::kLe:
      return JmpOp::kGt;
    case JmpOp::kGe:
      return JmpOp::kLt;
    case JmpOp::kLt:
      return JmpOp::kGe;
    case JmpOp::kSGt:
      return JmpOp::kSLe;
    case JmpOp::kSLe:
      return JmpOp::kSGt;
    case JmpOp::kSGe:
      return JmpOp::kSLt;
    case JmpOp::kSLt:
      return JmpOp::kSGe;
    case JmpOp::kSet:
      return JmpOp::kSet;
  }
  unreachable();
}

/// `a op b` holds; kSet with `outcome` kNotTaken: does not.
void refine_true(JmpOp op, Width width, Outcome outcome, Scalar& a, Scalar& b) {
  switch (op) {
    case JmpOp::kEq:
      return refine_equal(width, a, b);
    case JmpOp::kNe:
      return refine_unequal(width, a, b);
    case JmpOp::kSet:
      return refine_bits(width, outcome, a, b);
    case JmpOp::kLe:
      return refine_unsigned(width, a, b, 0);
    case JmpOp::kLt:
      return refine_unsigned(width, a, b, 1);
    case JmpOp::kSLe:
      return refine_signed(width, a, b, 0);
    case JmpOp::kSLt:
      return refine_signed(width, a, b, 1);
    case JmpOp::kGe:
      return refine_unsigned(width, b, a, 0);
    case JmpOp::kGt:
      return refine_unsigned(width, b, a, 1);
    case JmpOp::kSGe:
      return refine_signed(width, b, a, 0);
    case JmpOp::kSGt:
      return refine_signed(width, b, a, 1);
  }
  unreachable();
}

bool settle(Scalar& s) {
  s = reduce(s);
  if (!s.is_contradictory()) return true;
  forget_ranges64(s);
  forget_ranges32(s);
  return false;
}

}  // namespace

std::optional<bool> decide(JmpOp op, Width width, const Scalar& dst, const Scalar& src) {
  switch (op) {
    case JmpOp::kEq:
      return decide_equal(width, dst, src);
    case JmpOp::kNe:
      return negate(decide_equal(width, dst, src));
    case JmpOp::kSet:
      return decide_set(width, dst, src);
    case JmpOp::kLt:
      return unsigned_less(width, dst, src);
    case JmpOp::kGt:
      return unsigned_less(width, src, dst);
    case JmpOp::kGe:
      return negate(unsigned_less(width, dst, src));
    case JmpOp::kLe:
      return negate(unsigned_less(width, src, dst));
    case JmpOp::kSLt:
      return signed_less(width, dst, src);
    case JmpOp::kSGt:
      return signed_less(width, src, dst);
    case JmpOp::kSGe:
      return negate(signed_less(width, dst, src));
    case JmpOp::kSLe:
      return negate(signed_less(width, src, dst));
  }
  unreachable();
}

bool refine(JmpOp op, Width width, Outcome outcome, Scalar& dst, Scalar& src) {
  refine_true(outcome == Outcome::kTaken ? op : opposite(op), width, outcome, dst, src);
  const bool dst_possible = settle(dst);
  const bool src_possible = settle(src);
  return dst_possible && src_possible;
}

}  // namespace skep::verifier
