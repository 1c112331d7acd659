// SPDX-License-Identifier: Apache-2.0
// Division by a constant (lower/reciprocal.h): the quotient is the high part of a product. It goes to dst, or, where a
// remainder is wanted, to kOld, while dst keeps the dividend.
#include "lower/reciprocal.h"

#include <bit>

#include "jit/arm64/emitter.h"
#include "lower/effects.h"

namespace skep::jit::arm64 {

using isa::AluOp;
using isa::Width;
namespace a64 = asmjit::a64;

void Emitter::divide_by_constant(const lower::Alu& op, std::int64_t value) {
  const std::uint64_t word =
      op.width == Width::k32 ? static_cast<std::uint32_t>(value) : static_cast<std::uint64_t>(value);
  const bool negative = lower::is_signed_division(op.op) && value < 0;
  const std::uint64_t size = negative ? lower::magnitude<std::uint64_t>(value) : word;
  if (std::has_single_bit(size))
    return divide_by_power(op, static_cast<std::uint32_t>(std::countr_zero(size)), negative);
  // An unsigned divisor with the highest bit set goes into anything once at most.
  if (!lower::is_signed_division(op.op) && (size >> (isa::bits(op.width) - 1)) != 0) return divide_once(op, word);
  const Gp to = lower::is_mod(op.op) ? Gp(kOld) : reg64(op.dst);
  if (op.width == Width::k32) {
    quotient32(op, static_cast<std::uint32_t>(size), to);
  } else {
    quotient64(op, size, to);
  }
  const Gp dst = reg(op.dst, op.width);
  if (!lower::is_mod(op.op)) {
    if (negative) as_.neg(dst, dst);
    return;
  }
  // The sign of the divisor does not matter to the remainder.
  const Gp divisor = sized(kTemp, op.width);
  load_immediate(divisor, size);
  as_.msub(dst, sized(to, op.width), divisor, dst);
}

/// Signed: negative dividends are rounded up by adding 2^twos - 1 first.
void Emitter::divide_by_power(const lower::Alu& op, std::uint32_t twos, bool negative) {
  const Gp dst = reg(op.dst, op.width), rounded = sized(kTemp, op.width);
  if (twos == 0) {
    if (lower::is_mod(op.op)) return load_immediate(dst, 0);
    return negative ? void(as_.neg(dst, dst)) : pass(op);
  }
  const std::uint32_t bits = isa::bits(op.width);
  as_.asr(rounded, dst, bits - 1);
  as_.add(rounded, dst, rounded, a64::lsr(bits - twos));
  if (lower::is_mod(op.op)) {
    bitwise(AluOp::kAnd, rounded, rounded, -(std::int64_t{1} << twos));
    as_.sub(dst, dst, rounded);
  } else if (negative) {
    as_.neg(dst, rounded, a64::asr(twos));
  } else {
    as_.asr(dst, rounded, twos);
  }
}

void Emitter::divide_once(const lower::Alu& op, std::uint64_t divisor) {
  const Gp dst = reg(op.dst, op.width), by = sized(kTemp, op.width), less = sized(kOld, op.width);
  load_immediate(by, divisor);
  if (lower::is_mod(op.op)) {
    as_.subs(less, dst, by);
    as_.csel(dst, less, dst, asmjit::arm::CondCode::kHS);
  } else {
    as_.cmp(dst, by);
    as_.cset(dst, asmjit::arm::CondCode::kHS);
  }
}

void Emitter::quotient32(const lower::Alu& op, std::uint32_t divisor, const Gp& to) {
  const auto by =
      lower::is_signed_division(op.op) ? lower::signed_reciprocal(divisor) : lower::unsigned_reciprocal(divisor);
  const Gp dividend = kNew, product = kOld;
  load_immediate(kTemp.w(), by.multiplier);
  if (lower::is_signed_division(op.op)) {
    as_.sxtw(dividend, reg32(op.dst));
    as_.mul(product, dividend, kTemp);
    as_.asr(product, product, 32 + by.shift);
    return void(as_.add(to.w(), product.w(), dividend.w(), a64::lsr(31)));
  }
  as_.umull(product, reg32(op.dst), kTemp.w());
  if (by.wide) {
    as_.mov(dividend.w(), reg32(op.dst));
    as_.add(product, dividend, product, a64::lsr(32));
    as_.lsr(to, product, by.shift);
  } else {
    as_.lsr(to, product, 32 + by.shift);
  }
}

void Emitter::quotient64(const lower::Alu& op, std::uint64_t divisor, const Gp& to) {
  const auto by =
      lower::is_signed_division(op.op) ? lower::signed_reciprocal(divisor) : lower::unsigned_reciprocal(divisor);
  const Gp dividend = reg64(op.dst), high = kOld;
  load_immediate(kTemp, by.multiplier);
  if (lower::is_signed_division(op.op)) {
    as_.smulh(high, dividend, kTemp);
    // What was multiplied by is less by 2^64.
    if (by.multiplier >> 63 != 0) as_.add(high, high, dividend);
    if (by.shift != 0) as_.asr(high, high, by.shift);
    return void(as_.add(to, high, dividend, a64::lsr(63)));
  }
  as_.umulh(high, dividend, kTemp);
  std::uint32_t shift = by.shift;
  if (by.wide) {
    // (high + dividend) / 2 without the carry.
    as_.sub(kNew, dividend, high);
    as_.add(high, high, kNew, a64::lsr(1));
    --shift;
  }
  if (shift != 0) {
    as_.lsr(to, high, shift);
  } else if (to != high) {
    as_.mov(to, high);
  }
}

}  // namespace skep::jit::arm64
