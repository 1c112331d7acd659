// SPDX-License-Identifier: Apache-2.0
// Abstract arithmetic. Ranges of each signedness and width are computed side by side by one template; reduce() joins
// what they found. A component that would have to describe a wrapped set gives up (its full range).
#include "verifier/transfer/alu.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <optional>

#include "base/unreachable.h"
#include "isa/semantics.h"

namespace skep::verifier {
namespace {

using isa::AluOp;
using isa::Width;

template <std::integral T>
struct Range {
  T min = std::numeric_limits<T>::min();
  T max = std::numeric_limits<T>::max();
};
/// The four ranges of a Scalar as a list to be mapped over.
Range<std::uint64_t> u64(const Scalar& s) { return {s.umin, s.umax}; }
Range<std::int64_t> s64(const Scalar& s) { return {s.smin, s.smax}; }
Range<std::uint32_t> u32(const Scalar& s) { return {s.u32_min, s.u32_max}; }
Range<std::int32_t> s32(const Scalar& s) { return {s.s32_min, s.s32_max}; }

Scalar compose(Tnum bits, Range<std::int64_t> s, Range<std::uint64_t> u, Range<std::int32_t> s_low,
               Range<std::uint32_t> u_low) {
  return {.bits = bits,
          .smin = s.min,
          .smax = s.max,
          .umin = u.min,
          .umax = u.max,
          .s32_min = s_low.min,
          .s32_max = s_low.max,
          .u32_min = u_low.min,
          .u32_max = u_low.max};
}
/// Applies `f` to each pair of ranges.
template <class F>
Scalar by_range(Tnum bits, const Scalar& a, const Scalar& b, F f) {
  return compose(bits, f(s64(a), s64(b)), f(u64(a), u64(b)), f(s32(a), s32(b)), f(u32(a), u32(b)));
}

/// A sum or difference whose ends both wrapped is a range again, if it wraps as an unsigned number.
template <std::integral T>
Range<T> wrapped(T min, T max, bool min_wraps, bool max_wraps) {
  if (std::is_signed_v<T> ? min_wraps || max_wraps : min_wraps != max_wraps) return {};
  return {min, max};
}
template <std::integral T>
Range<T> add(Range<T> a, Range<T> b) {
  T min = 0, max = 0;
  const bool min_wraps = __builtin_add_overflow(a.min, b.min, &min);
  const bool max_wraps = __builtin_add_overflow(a.max, b.max, &max);
  return wrapped(min, max, min_wraps, max_wraps);
}
template <std::integral T>
Range<T> subtract(Range<T> a, Range<T> b) {
  T min = 0, max = 0;
  const bool min_wraps = __builtin_sub_overflow(a.min, b.max, &min);
  const bool max_wraps = __builtin_sub_overflow(a.max, b.min, &max);
  return wrapped(min, max, min_wraps, max_wraps);
}
template <std::integral T>
Range<T> multiply(Range<T> a, Range<T> b) {
  std::array<T, 4> products{};
  if (__builtin_mul_overflow(a.min, b.min, &products[0]) || __builtin_mul_overflow(a.min, b.max, &products[1]) ||
      __builtin_mul_overflow(a.max, b.min, &products[2]) || __builtin_mul_overflow(a.max, b.max, &products[3]))
    return {};
  const auto [least, most] = std::minmax_element(products.begin(), products.end());
  return {*least, *most};
}

Scalar add(const Scalar& a, const Scalar& b) {
  return by_range(add(a.bits, b.bits), a, b, [](auto x, auto y) { return add(x, y); });
}
Scalar subtract(const Scalar& a, const Scalar& b) {
  return by_range(subtract(a.bits, b.bits), a, b, [](auto x, auto y) { return subtract(x, y); });
}
Scalar multiply(const Scalar& a, const Scalar& b) {
  return by_range(multiply(a.bits, b.bits), a, b, [](auto x, auto y) { return multiply(x, y); });
}

/// An unsigned range read as signed, where it does not cross the border.
template <std::unsigned_integral U, class S = std::make_signed_t<U>>
Range<S> as_signed(Range<U> range) {
  const S min = static_cast<S>(range.min), max = static_cast<S>(range.max);
  return min <= max ? Range<S>{min, max} : Range<S>{};
}
Scalar from_unsigned(Tnum bits, Range<std::uint64_t> whole, Range<std::uint32_t> half) {
  return compose(bits, as_signed(whole), whole, as_signed(half), half);
}
std::uint32_t least32(Tnum bits) { return static_cast<std::uint32_t>(bits.smallest()); }
std::uint32_t most32(Tnum bits) { return static_cast<std::uint32_t>(bits.largest()); }

Scalar bit_and(const Scalar& a, const Scalar& b) {
  const Tnum bits = bit_and(a.bits, b.bits);
  return from_unsigned(bits, {bits.smallest(), std::min(a.umax, b.umax)},
                       {least32(bits), std::min(a.u32_max, b.u32_max)});
}
Scalar bit_or(const Scalar& a, const Scalar& b) {
  const Tnum bits = bit_or(a.bits, b.bits);
  return from_unsigned(bits, {std::max(a.umin, b.umin), bits.largest()},
                       {std::max(a.u32_min, b.u32_min), most32(bits)});
}
Scalar bit_xor(const Scalar& a, const Scalar& b) {
  const Tnum bits = bit_xor(a.bits, b.bits);
  return from_unsigned(bits, {bits.smallest(), bits.largest()}, {least32(bits), most32(bits)});
}

/// Nothing, when a number in range could lose a bit that is set.
template <std::unsigned_integral U>
Range<U> shift_left(Range<U> range, unsigned amount) {
  constexpr unsigned kDigits = std::numeric_limits<U>::digits;
  if (amount >= kDigits || range.max > U{1} << (kDigits - 1 - amount)) return {};
  return {static_cast<U>(range.min << amount), static_cast<U>(range.max << amount)};
}

Scalar shift_left64(const Scalar& a, unsigned amount) {
  Scalar result = compose(shift_left(a.bits, amount), {}, shift_left(u64(a), amount), {}, shift_left(u32(a), amount));
  if (amount == 32) {
    // First half of the idiom that sign-extends the low half: `<<= 32`, `s>>= 32`.
    result.smin = std::int64_t{a.s32_min} * (std::int64_t{1} << 32);
    result.smax = std::int64_t{a.s32_max} * (std::int64_t{1} << 32);
  }
  return result;
}

Scalar shift64(AluOp op, const Scalar& a, unsigned amount) {
  if (op == AluOp::kLsh) return shift_left64(a, amount);
  if (op == AluOp::kRsh) return compose(shift_right(a.bits, amount), {}, {a.umin >> amount, a.umax >> amount}, {}, {});
  return compose(shift_right_signed(a.bits, amount, Width::k64), {a.smin >> amount, a.smax >> amount}, {}, {}, {});
}
Scalar shift32(AluOp op, const Scalar& a, unsigned amount) {
  const Tnum low = a.bits.low32();
  if (op == AluOp::kLsh) return compose(shift_left(low, amount).low32(), {}, {}, {}, shift_left(u32(a), amount));
  if (op == AluOp::kRsh)
    return compose(shift_right(low, amount), {}, {}, {}, {a.u32_min >> amount, a.u32_max >> amount});
  return compose(shift_right_signed(low, amount, Width::k32), {}, {}, {a.s32_min >> amount, a.s32_max >> amount}, {});
}
/// Linux gives up on divisions, and on shifts but by known amounts below the width.
bool is_tracked(AluOp op, Width width, const Scalar& src) {
  switch (op) {
    case AluOp::kDiv:
    case AluOp::kSDiv:
    case AluOp::kMod:
    case AluOp::kSMod:
      return false;
    case AluOp::kLsh:
    case AluOp::kRsh:
    case AluOp::kArsh: {
      const Tnum amount = width == Width::k64 ? src.bits : src.bits.low32();
      return amount.is_constant() && src.umax < isa::bits(width);
    }
    case AluOp::kAdd:
    case AluOp::kSub:
    case AluOp::kMul:
    case AluOp::kOr:
    case AluOp::kAnd:
    case AluOp::kNeg:
    case AluOp::kXor:
    case AluOp::kMov:
    case AluOp::kMovSx8:
    case AluOp::kMovSx16:
    case AluOp::kMovSx32:
      return true;
  }
  unreachable();
}
Scalar shift(AluOp op, Width width, const Scalar& a, const Scalar& amount) {
  const auto count = static_cast<unsigned>(amount.bits.value & (isa::bits(width) - 1));
  return width == Width::k64 ? shift64(op, a, count) : shift32(op, a, count);
}

/// [min, max] of the sign extensions of [min, max]'s low parts; nothing, unless the parts above are the same.
template <std::signed_integral S>
bool extend_range(S& min, S& max, isa::Size size) {
  const unsigned width = 8 * isa::bytes(size);
  if (min >> width != max >> width) return false;
  const auto extended = [&](S number) {
    return static_cast<S>(isa::extend(static_cast<std::uint64_t>(number), size, isa::Extend::kSign));
  };
  const S a = extended(min), b = extended(max);
  if ((a < 0) != (b < 0)) return false;
  min = std::min(a, b);
  max = std::max(a, b);
  return true;
}

Scalar sign_extend32(const Scalar& scalar, isa::Size size) {
  if (scalar.bits.low32().is_constant())
    return Scalar::constant(static_cast<std::uint32_t>(isa::extend(scalar.bits.value, size, isa::Extend::kSign)));
  Scalar result;
  std::int32_t min = scalar.s32_min, max = scalar.s32_max;
  if (extend_range(min, max, size)) {
    const auto first = static_cast<std::uint32_t>(min), last = static_cast<std::uint32_t>(max);
    result = compose(Tnum::range(first, last), {}, {}, {min, max}, {first, last});
  } else {
    const std::int32_t limit = std::int32_t{1} << (8 * isa::bytes(size) - 1);
    result.s32_min = -limit;
    result.s32_max = limit - 1;
  }
  return zero_extend32(result);
}

isa::Size moved_size(AluOp op) {
  if (op == AluOp::kMovSx8) return isa::Size::k8;
  return op == AluOp::kMovSx16 ? isa::Size::k16 : isa::Size::k32;
}

Scalar unreduced(AluOp op, Width width, const Scalar& dst, const Scalar& src) {
  switch (op) {
    case AluOp::kAdd:
      return add(dst, src);
    case AluOp::kSub:
      return subtract(dst, src);
    case AluOp::kMul:
      return multiply(dst, src);
    case AluOp::kNeg:
      return subtract(Scalar::constant(0), dst);
    case AluOp::kOr:
      return bit_or(dst, src);
    case AluOp::kAnd:
      return bit_and(dst, src);
    case AluOp::kXor:
      return bit_xor(dst, src);
    case AluOp::kLsh:
    case AluOp::kRsh:
    case AluOp::kArsh:
      return shift(op, width, dst, src);
    case AluOp::kDiv:
    case AluOp::kSDiv:
    case AluOp::kMod:
    case AluOp::kSMod:
      return Scalar::unknown();  // Not tracked.
    case AluOp::kMov:
      return src;
    case AluOp::kMovSx8:
    case AluOp::kMovSx16:
    case AluOp::kMovSx32:
      return width == Width::k64 ? sign_extend(src, moved_size(op)) : sign_extend32(src, moved_size(op));
  }
  unreachable();
}

}  // namespace

std::optional<Fork> fork_before(AluOp op, const Scalar& dst, const Scalar& src) {
  if ((op != AluOp::kAnd && op != AluOp::kOr) || !src.is_constant()) return std::nullopt;
  constexpr std::uint32_t kAllOnes = ~std::uint32_t{0};
  if (dst.smin == -1 && dst.smax == 0) return Fork{Scalar::constant(~std::uint64_t{0}), Scalar::constant(0)};
  if (dst.s32_min != -1 || dst.s32_max != 0) return std::nullopt;
  const auto with_low = [&](std::uint32_t word) {
    Scalar result = dst;
    result.bits = dst.bits.with_low32(Tnum::constant(word));
    forget_ranges32(result);
    return reduce(result);
  };
  return Fork{with_low(kAllOnes), with_low(0)};
}

Scalar zero_extend32(const Scalar& scalar) {
  Scalar result = scalar;
  result.bits = scalar.bits.low32();
  result.umin = scalar.u32_min;
  result.umax = scalar.u32_max;
  const bool same = scalar.s32_min >= 0;
  result.smin = same ? scalar.s32_min : 0;
  result.smax = same ? std::int64_t{scalar.s32_max} : std::numeric_limits<std::uint32_t>::max();
  return reduce(result);
}

Scalar alu(AluOp op, Width width, const Scalar& dst, const Scalar& src) {
  // An unknown result of a 32-bit operation is not even known to be zero-extended.
  if (!is_tracked(op, width, src)) return Scalar::unknown();
  const Scalar result = unreduced(op, width, dst, src);
  return width == Width::k32 ? zero_extend32(result) : reduce(result);
}

Scalar byte_swap(isa::ByteOrder order, std::uint8_t bits, const Scalar& dst) {
  if (order == isa::ByteOrder::kToLittle) return truncate(dst, isa::Size{static_cast<std::uint8_t>(bits / 8)});
  Scalar result;
  result.bits = permute(dst.bits, [&](std::uint64_t word) { return isa::swap_bytes(order, bits, word); });
  return reduce(result);
}

Scalar truncate(const Scalar& scalar, isa::Size size) {
  if (size == isa::Size::k64) return scalar;
  const std::uint64_t kept = ~std::uint64_t{0} >> (64 - 8 * isa::bytes(size));
  const bool same_above = (scalar.umin & ~kept) == (scalar.umax & ~kept);
  Scalar result = scalar;
  result.bits = scalar.bits.truncate(size);
  result.umin = same_above ? scalar.umin & kept : 0;
  result.umax = same_above ? scalar.umax & kept : kept;
  result.smin = static_cast<std::int64_t>(result.umin);
  result.smax = static_cast<std::int64_t>(result.umax);
  if (size != isa::Size::k32) forget_ranges32(result);
  return reduce(result);
}

Scalar sign_extend(const Scalar& scalar, isa::Size size) {
  if (size == isa::Size::k64) return scalar;
  if (scalar.is_constant()) return Scalar::constant(isa::extend(scalar.value(), size, isa::Extend::kSign));
  Scalar result;
  std::int64_t min = scalar.smin, max = scalar.smax;
  if (extend_range(min, max, size)) {
    result.bits = Tnum::range(static_cast<std::uint64_t>(min), static_cast<std::uint64_t>(max));
    result.smin = min;
    result.smax = max;
    return reduce(result);
  }
  const std::int64_t limit = std::int64_t{1} << (8 * isa::bytes(size) - 1);
  result.smin = -limit;
  result.smax = limit - 1;
  return reduce(result);
}

}  // namespace skep::verifier
