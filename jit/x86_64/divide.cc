// SPDX-License-Identifier: Apache-2.0
// Division: x86 divides rdx:rax and traps on zero and on overflow; eBPF defines both (RFC 9669 §4.1). What must be
// saved goes to registers that are free, never to the stack.
#include <bit>
#include <type_traits>

#include "jit/x86_64/emitter.h"
#include "lower/effects.h"

namespace skep::jit::x86_64 {

using isa::AluOp;
using isa::Width;
namespace x86 = asmjit::x86;

void Emitter::divided_by_zero(const lower::Alu& op) {
  if (lower::is_mod(op.op)) return truncate(op.dst, op.width);
  as_.xor_(reg32(op.dst), reg32(op.dst));
}

void Emitter::divided_by_minus_one(const lower::Alu& op) {
  if (lower::is_mod(op.op)) {
    as_.xor_(reg32(op.dst), reg32(op.dst));
  } else {
    as_.neg(reg(op.dst, op.width));
  }
}

template <class Operand>
void Emitter::divide_native(const lower::Alu& op, const Operand& src) {
  const Gp dst = reg64(op.dst);
  const bool save_rax = dst != x86::rax, save_rdx = dst != x86::rdx;
  if (save_rax) as_.mov(kTemp, x86::rax);
  if (save_rdx) as_.mov(kTemp2, x86::rdx);
  Gp divisor;
  if constexpr (std::is_same_v<Operand, lower::Reg>) {
    // A divisor in rax or rdx is about to be overwritten; the copy is in the register that saved it or could have.
    divisor = reg64(src);
    if (divisor == x86::rax) {
      if (!save_rax) as_.mov(kTemp, x86::rax);
      divisor = kTemp;
    } else if (divisor == x86::rdx) {
      if (!save_rdx) as_.mov(kTemp2, x86::rdx);
      divisor = kTemp2;
    }
    // The dividend leaves dst before anything is written to it, so that a divisor in dst is still there.
    if (save_rax) as_.mov(sized(x86::rax, op.width), sized(dst, op.width));
  } else {
    if (save_rax) as_.mov(sized(x86::rax, op.width), sized(dst, op.width));
    // dst is free once the dividend has left it, unless it is overwritten below.
    divisor = !save_rax ? kTemp : !save_rdx ? kTemp2 : dst;
    load_immediate(divisor, op.width == Width::k32 ? static_cast<std::uint32_t>(src) : static_cast<std::uint64_t>(src));
  }
  if (!lower::is_signed_division(op.op)) {
    as_.xor_(x86::edx, x86::edx);
    as_.div(sized(divisor, op.width));
  } else {
    if (op.width == Width::k64) {
      as_.cqo();
    } else {
      as_.cdq();
    }
    as_.idiv(sized(divisor, op.width));
  }
  const Gp result = lower::is_mod(op.op) ? x86::rdx : x86::rax;
  if (dst != result) as_.mov(dst, result);
  if (save_rax) as_.mov(x86::rax, kTemp);
  if (save_rdx) as_.mov(x86::rdx, kTemp2);
}

void Emitter::divide(const lower::Alu& op, std::int64_t value) {
  const auto word = op.width == Width::k32 ? static_cast<std::uint32_t>(value) : static_cast<std::uint64_t>(value);
  if (value == 0) return divided_by_zero(op);
  if (lower::is_signed_division(op.op) && value == -1) return divided_by_minus_one(op);
  if (!lower::is_signed_division(op.op) && std::has_single_bit(word)) {
    const auto twos = static_cast<std::uint32_t>(std::countr_zero(word));
    lower::Alu easy = op;
    if (op.op == AluOp::kDiv) {
      easy.op = AluOp::kRsh;
      return shift(easy, twos);
    }
    if (twos < 32) {
      easy.op = AluOp::kAnd;
      const auto mask = static_cast<std::int64_t>(word - 1);
      return bitwise(easy, mask);
    }
  }
  if (op.divisor == lower::Divisor::kConstant) return divide_by_constant(op, value);
  divide_native(op, value);
}

void Emitter::divide(const lower::Alu& op, lower::Reg src) {
  if (op.divisor == lower::Divisor::kNonZero && !lower::is_signed_division(op.op)) return divide_native(op, src);
  const Gp by = reg(src, op.width);
  const asmjit::Label special = as_.newLabel(), done = as_.newLabel();
  if (!lower::is_signed_division(op.op)) {
    as_.test(by, by);
    as_.short_().jz(special);
    divide_native(op, src);
    as_.short_().jmp(done);
    as_.bind(special);
    divided_by_zero(op);
  } else {
    // 0 and -1 together: src + 1 is at most 1, unsigned.
    const Gp next = sized(kTemp, op.width);
    as_.lea(next, x86::ptr(by.r64(), 1));
    as_.cmp(next, 1);
    as_.short_().jbe(special);
    divide_native(op, src);
    as_.short_().jmp(done);
    as_.bind(special);
    const asmjit::Label zero = as_.newLabel();
    as_.short_().je(zero);  // src + 1 == 1; the flags are still those of the comparison.
    divided_by_minus_one(op);
    as_.short_().jmp(done);
    as_.bind(zero);
    divided_by_zero(op);
  }
  as_.bind(done);
}

}  // namespace skep::jit::x86_64
