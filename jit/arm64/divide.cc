// SPDX-License-Identifier: Apache-2.0
// Division: arm64 gives 0 for a divisor of zero and wraps the overflow, exactly as RFC 9669 §4.1 has it, and a
// remainder computed as dst - quotient * src follows: dst for zero, 0 for the smallest number by -1.
#include <bit>

#include "jit/arm64/emitter.h"
#include "lower/effects.h"

namespace skep::jit::arm64 {

using isa::AluOp;
using isa::Width;

void Emitter::divide(const lower::Alu& op, const Gp& src) {
  const Gp dst = reg(op.dst, op.width), from = reg(left_, op.width);
  const bool is_mod = lower::is_mod(op.op);
  const Gp quotient = is_mod ? sized(kOld, op.width) : dst;
  if (op.op == AluOp::kSDiv || op.op == AluOp::kSMod) {
    as_.sdiv(quotient, from, src);
  } else {
    as_.udiv(quotient, from, src);
  }
  if (is_mod) as_.msub(dst, quotient, src, from);
}

void Emitter::divide(const lower::Alu& op, std::int64_t value) {
  const auto word = op.width == Width::k32 ? static_cast<std::uint32_t>(value) : static_cast<std::uint64_t>(value);
  if (op.op == AluOp::kDiv && std::has_single_bit(word)) {
    lower::Alu easy = op;
    easy.op = AluOp::kRsh;
    return shift(easy, static_cast<std::uint32_t>(std::countr_zero(word)));
  }
  // word - 1 is a run of ones, which is a logical immediate unless empty.
  if (op.op == AluOp::kMod && std::has_single_bit(word) && word != 1)
    return bitwise(AluOp::kAnd, reg(op.dst, op.width), reg(op.dst, op.width), static_cast<std::int64_t>(word - 1));
  if (op.divisor == lower::Divisor::kConstant) return divide_by_constant(op, value);
  load_immediate(sized(kTemp, op.width), word);
  divide(op, sized(kTemp, op.width));
}

}  // namespace skep::jit::arm64
