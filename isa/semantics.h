// SPDX-License-Identifier: Apache-2.0
// What each operation means, as constexpr functions on words: the only definition. The interpreter executes it, the
// verifier folds constants with it, and every abstract transfer function and both JITs are tested against it.
// W is the word of the operation: std::uint32_t or std::uint64_t (smaller words work too, for exhaustive tests).
#pragma once
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/unreachable.h"
#include "skep/insn.h"

namespace skep::isa {

namespace detail {
/// The low bits of `value` as the signed integer Narrow, extended to W.
template <std::signed_integral Narrow, std::unsigned_integral W>
constexpr W sign_extend(W value) {
  return static_cast<W>(static_cast<std::int64_t>(static_cast<Narrow>(value)));
}
}  // namespace detail

/// RFC 9669 §4.1. Unary operations ignore one operand: kNeg `src`, the moves `dst`.
template <std::unsigned_integral W>
constexpr W eval(AluOp op, W dst, W src) {
  using S = std::make_signed_t<W>;
  constexpr W kShiftMask = std::numeric_limits<W>::digits - 1;
  const std::uint64_t a = dst, b = src;
  const S sdst = std::bit_cast<S>(dst), ssrc = std::bit_cast<S>(src);
  switch (op) {
    case AluOp::kAdd:
      return static_cast<W>(a + b);
    case AluOp::kSub:
      return static_cast<W>(a - b);
    case AluOp::kMul:
      return static_cast<W>(a * b);
    case AluOp::kDiv:
      return b == 0 ? W{0} : static_cast<W>(a / b);
    // The quotient of the smallest number and -1 does not fit; it wraps to the dividend.
    case AluOp::kSDiv:
      return b == 0 ? W{0} : ssrc == -1 ? static_cast<W>(std::uint64_t{0} - a) : static_cast<W>(sdst / ssrc);
    case AluOp::kOr:
      return static_cast<W>(a | b);
    case AluOp::kAnd:
      return static_cast<W>(a & b);
    case AluOp::kLsh:
      return static_cast<W>(a << (src & kShiftMask));
    case AluOp::kRsh:
      return static_cast<W>(a >> (src & kShiftMask));
    case AluOp::kNeg:
      return static_cast<W>(std::uint64_t{0} - a);
    case AluOp::kMod:
      return b == 0 ? dst : static_cast<W>(a % b);
    case AluOp::kSMod:
      return b == 0 ? dst : ssrc == -1 ? W{0} : static_cast<W>(sdst % ssrc);
    case AluOp::kXor:
      return static_cast<W>(a ^ b);
    case AluOp::kMov:
      return src;
    case AluOp::kMovSx8:
      return detail::sign_extend<std::int8_t>(src);
    case AluOp::kMovSx16:
      return detail::sign_extend<std::int16_t>(src);
    case AluOp::kMovSx32:
      return detail::sign_extend<std::int32_t>(src);
    case AluOp::kArsh:
      return static_cast<W>(sdst >> (src & kShiftMask));
  }
  unreachable();
}

/// The same on whole registers: a 32-bit operation reads the low halves and zero-extends its result.
constexpr std::uint64_t eval(AluOp op, Width width, std::uint64_t dst, std::uint64_t src) {
  return width == Width::k64
             ? eval<std::uint64_t>(op, dst, src)
             : eval<std::uint32_t>(op, static_cast<std::uint32_t>(dst), static_cast<std::uint32_t>(src));
}

/// Whether `dst op src` holds. RFC 9669 §4.3.
template <std::unsigned_integral W>
constexpr bool compare(JmpOp op, W dst, W src) {
  using S = std::make_signed_t<W>;
  const S sdst = std::bit_cast<S>(dst), ssrc = std::bit_cast<S>(src);
  switch (op) {
    case JmpOp::kEq:
      return dst == src;
    case JmpOp::kGt:
      return dst > src;
    case JmpOp::kGe:
      return dst >= src;
    case JmpOp::kSet:
      return (dst & src) != 0;
    case JmpOp::kNe:
      return dst != src;
    case JmpOp::kSGt:
      return sdst > ssrc;
    case JmpOp::kSGe:
      return sdst >= ssrc;
    case JmpOp::kLt:
      return dst < src;
    case JmpOp::kLe:
      return dst <= src;
    case JmpOp::kSLt:
      return sdst < ssrc;
    case JmpOp::kSLe:
      return sdst <= ssrc;
  }
  unreachable();
}
constexpr bool compare(JmpOp op, Width width, std::uint64_t dst, std::uint64_t src) {
  return width == Width::k64
             ? compare<std::uint64_t>(op, dst, src)
             : compare<std::uint32_t>(op, static_cast<std::uint32_t>(dst), static_cast<std::uint32_t>(src));
}

/// An immediate as a 64-bit operand (RFC 9669 §3.1: sign-extended).
constexpr std::uint64_t extend(Imm imm) { return static_cast<std::uint64_t>(std::int64_t{imm.value}); }

/// The low `size` bytes of `value`, zero- or sign-extended: what a load leaves in its register.
constexpr std::uint64_t extend(std::uint64_t value, Size size, Extend how) {
  const unsigned unused = 64 - 8 * bytes(size);
  const std::uint64_t high = value << unused;
  return how == Extend::kSign ? static_cast<std::uint64_t>(static_cast<std::int64_t>(high) >> unused) : high >> unused;
}

/// The bytes of the low `bits` bits (16, 32, 64) in reverse order, the others zero.
constexpr std::uint64_t reverse_bytes(std::uint64_t value, std::uint8_t bits) {
  std::uint64_t reversed = 0;
  for (unsigned at = 0; at < bits; at += 8) reversed = reversed << 8 | (value >> at & 0xff);
  return reversed;
}
/// RFC 9669 §4.2, on a little-endian host.
constexpr std::uint64_t swap_bytes(ByteOrder order, std::uint8_t bits, std::uint64_t value) {
  static_assert(std::endian::native == std::endian::little, "kToLittle and kToBig are those of a little-endian host");
  if (order != ByteOrder::kToLittle) return reverse_bytes(value, bits);
  return bits == 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

/// What an atomic operation leaves in memory that held `old`. RFC 9669 §5.3. `operand` is the instruction's register,
/// `expected` is r0 (kCmpXchg only). What a fetching form hands back is `old` for all of them.
template <std::unsigned_integral W>
constexpr W atomic_store(AtomicOp op, W old, W operand, W expected) {
  switch (op) {
    case AtomicOp::kAdd:
    case AtomicOp::kFetchAdd:
      return eval<W>(AluOp::kAdd, old, operand);
    case AtomicOp::kOr:
    case AtomicOp::kFetchOr:
      return eval<W>(AluOp::kOr, old, operand);
    case AtomicOp::kAnd:
    case AtomicOp::kFetchAnd:
      return eval<W>(AluOp::kAnd, old, operand);
    case AtomicOp::kXor:
    case AtomicOp::kFetchXor:
      return eval<W>(AluOp::kXor, old, operand);
    case AtomicOp::kXchg:
    case AtomicOp::kStoreRelease:
      return operand;
    case AtomicOp::kCmpXchg:
      return old == expected ? operand : old;
    case AtomicOp::kLoadAcquire:
      return old;
  }
  unreachable();
}

static_assert(eval<std::uint64_t>(AluOp::kDiv, 7, 0) == 0);
static_assert(eval<std::uint64_t>(AluOp::kMod, 7, 0) == 7);
static_assert(eval<std::uint32_t>(AluOp::kSDiv, 0x80000000u, 0xffffffffu) == 0x80000000u);
static_assert(eval<std::uint64_t>(AluOp::kSMod, std::uint64_t{1} << 63, ~std::uint64_t{0}) == 0);
static_assert(eval<std::uint32_t>(AluOp::kLsh, 1, 33) == 2);
static_assert(eval<std::uint32_t>(AluOp::kMovSx8, 0, 0x80) == 0xffffff80u);
static_assert(swap_bytes(ByteOrder::kToBig, 32, 0xaaaaaaaa11223344) == 0x44332211);

}  // namespace skep::isa
