// SPDX-License-Identifier: Apache-2.0
// Division by a constant (lower/reciprocal.h): the quotient is the high part of a product. It goes to dst, or, where a
// remainder is wanted, to kTemp2, while dst keeps the dividend.
#include "lower/reciprocal.h"

#include <bit>

#include "jit/x86_64/emitter.h"
#include "lower/effects.h"

namespace skep::jit::x86_64 {

using isa::Width;
namespace x86 = asmjit::x86;

namespace {

std::int32_t low32(std::int64_t value) { return static_cast<std::int32_t>(value); }

}  // namespace

void Emitter::divide_by_constant(const lower::Alu& op, std::int64_t value) {
  const std::uint64_t word =
      op.width == Width::k32 ? static_cast<std::uint32_t>(value) : static_cast<std::uint64_t>(value);
  const bool negative = lower::is_signed_division(op.op) && value < 0;
  const std::uint64_t size = negative ? lower::magnitude<std::uint64_t>(value) : word;
  if (std::has_single_bit(size))
    return divide_by_power(op, static_cast<std::uint32_t>(std::countr_zero(size)), negative);
  // An unsigned divisor with the highest bit set goes into anything once at most.
  if (!lower::is_signed_division(op.op) && (size >> (isa::bits(op.width) - 1)) != 0) return divide_once(op, value);
  const Gp to = lower::is_mod(op.op) ? kTemp2 : reg64(op.dst);
  if (op.width == Width::k32) {
    quotient32(op, static_cast<std::uint32_t>(size), to);
  } else {
    quotient64(op, size, to);
  }
  const Gp dst = reg(op.dst, op.width), quotient = sized(to, op.width);
  if (!lower::is_mod(op.op)) {
    if (negative) as_.neg(dst);
    return;
  }
  // The sign of the divisor does not matter to the remainder.
  as_.imul(quotient, quotient, static_cast<std::int32_t>(size));
  as_.sub(dst, quotient);
}

/// Signed: negative dividends are rounded up by adding 2^twos - 1 first.
void Emitter::divide_by_power(const lower::Alu& op, std::uint32_t twos, bool negative) {
  const Gp dst = reg(op.dst, op.width), bias = sized(kTemp, op.width);
  if (twos == 0) {
    if (lower::is_mod(op.op)) return load_immediate(dst, 0);
    return negative ? void(as_.neg(dst)) : truncate(op.dst, op.width);
  }
  const std::uint32_t bits = isa::bits(op.width);
  as_.mov(bias, dst);
  if (twos != 1) as_.sar(bias, bits - 1);
  as_.shr(bias, bits - twos);
  as_.add(dst, bias);
  if (lower::is_mod(op.op)) {
    as_.and_(dst, low32((std::int64_t{1} << twos) - 1));
    as_.sub(dst, bias);
  } else {
    as_.sar(dst, twos);
    if (negative) as_.neg(dst);
  }
}

void Emitter::divide_once(const lower::Alu& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width), less = sized(kTemp, op.width);
  if (lower::is_mod(op.op)) {
    as_.mov(less, dst);
    as_.sub(less, low32(value));
    return void(as_.cmovae(dst, less));
  }
  as_.cmp(dst, low32(value));
  as_.sbb(dst, dst);
  as_.inc(dst);
}

/// The product has 64 bits, which imul gives.
void Emitter::quotient32(const lower::Alu& op, std::uint32_t divisor, const Gp& to) {
  const auto by =
      lower::is_signed_division(op.op) ? lower::signed_reciprocal(divisor) : lower::unsigned_reciprocal(divisor);
  const Gp dividend = kTemp;
  if (lower::is_signed_division(op.op)) {
    as_.movsxd(dividend, reg32(op.dst));
  } else {
    as_.mov(dividend.r32(), reg32(op.dst));
  }
  if (by.multiplier >> 31 == 0) {
    as_.imul(to, dividend, static_cast<std::int32_t>(by.multiplier));
  } else {
    as_.mov(to.r32(), by.multiplier);
    as_.imul(to, dividend);
  }
  if (lower::is_signed_division(op.op)) {
    as_.sar(to, 32 + by.shift);
    as_.shr(dividend, 63);
    as_.add(to.r32(), dividend.r32());
  } else if (by.wide) {
    as_.shr(to, 32);
    as_.add(to, dividend);
    as_.shr(to, by.shift);
  } else {
    as_.shr(to, 32 + by.shift);
  }
}

void Emitter::quotient64(const lower::Alu& op, std::uint64_t divisor, const Gp& to) {
  const auto by =
      lower::is_signed_division(op.op) ? lower::signed_reciprocal(divisor) : lower::unsigned_reciprocal(divisor);
  const Gp dividend = reg64(op.dst), high = kTemp, other = kTemp2;
  multiply_high(dividend, by.multiplier, lower::is_signed_division(op.op));
  if (lower::is_signed_division(op.op)) {
    // What was multiplied by is less by 2^64.
    if (by.multiplier >> 63 != 0) as_.add(high, dividend);
    if (by.shift != 0) as_.sar(high, by.shift);
    as_.mov(other, dividend);
    as_.shr(other, 63);
    return void(as_.lea(to, x86::ptr(high, other)));
  }
  if (by.wide) {
    // (high + dividend) / 2 without the carry.
    as_.mov(other, dividend);
    as_.sub(other, high);
    as_.shr(other, 1);
    as_.add(high, other);
    as_.shr(high, by.shift - 1);
  } else if (by.shift != 0) {
    as_.shr(high, by.shift);
  }
  as_.mov(to, high);
}

/// kTemp = the high half of the product; kTemp2 is lost.
void Emitter::multiply_high(const Gp& by, std::uint64_t multiplier, bool with_sign) {
  if (!with_sign && features_.bmi2) {
    if (by == x86::rdx) {
      load_immediate(kTemp, multiplier);
      return void(as_.mulx(kTemp, kTemp, kTemp));
    }
    as_.mov(kTemp2, x86::rdx);
    load_immediate(x86::rdx, multiplier);
    as_.mulx(kTemp, kTemp, by);
    return void(as_.mov(x86::rdx, kTemp2));
  }
  as_.mov(kTemp, x86::rax);
  as_.mov(kTemp2, x86::rdx);
  load_immediate(x86::rax, multiplier);
  const Gp factor = by == x86::rax ? kTemp : by;
  if (with_sign) {
    as_.imul(factor);
  } else {
    as_.mul(factor);
  }
  as_.mov(x86::rax, kTemp);
  as_.mov(kTemp, x86::rdx);
  as_.mov(x86::rdx, kTemp2);
}

}  // namespace skep::jit::x86_64
