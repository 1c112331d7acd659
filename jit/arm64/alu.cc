// SPDX-License-Identifier: Apache-2.0
// ALU ops but division. A write to a w register zeroes the upper half by itself.
#include <bit>

#include "base/overloaded.h"
#include "base/unreachable.h"
#include "jit/arm64/emitter.h"
#include "lower/effects.h"

namespace skep::jit::arm64 {

using isa::AluOp;
using isa::Width;
namespace a64 = asmjit::a64;

bool Emitter::is_add_immediate(std::int64_t value) {
  return (value >= 0 && value <= 0xfff) || (value >= 0 && value <= 0xfff000 && (value & 0xfff) == 0);
}

void Emitter::load_immediate(const Gp& to, std::uint64_t value) {
  if (to.isGpW() || value <= 0xffffffffu) {
    as_.mov(to.w(), static_cast<std::uint32_t>(value));
  } else {
    as_.mov(to.x(), value);  // The assembler picks among movz, movn, orr and their movk.
  }
}

void Emitter::pass(const lower::Alu& op) {
  if (op.width == Width::k32 || op.dst != left_) as_.mov(reg(op.dst, op.width), reg(left_, op.width));
}

void Emitter::add(const Gp& to, const Gp& from, std::int64_t value) {
  if (is_add_immediate(value)) return void(as_.add(to, from, value));
  if (is_add_immediate(-value)) return void(as_.sub(to, from, -value));
  const Gp temp = to.isGpX() ? Gp(kTemp.x()) : Gp(kTemp.w());
  load_immediate(temp, static_cast<std::uint64_t>(value));
  as_.add(to, from, temp);
}

void Emitter::bitwise(AluOp op, const Gp& to, const Gp& from, std::int64_t value) {
  const std::uint32_t width = to.isGpX() ? 64 : 32;
  const std::uint64_t word = width == 64 ? static_cast<std::uint64_t>(value) : static_cast<std::uint32_t>(value);
  const bool encodable = a64::Utils::isLogicalImm(word, width);
  const Gp temp = width == 64 ? Gp(kTemp.x()) : Gp(kTemp.w());
  if (!encodable) load_immediate(temp, word);
  if (op == AluOp::kAnd) {
    if (encodable) return void(as_.and_(to, from, word));
    as_.and_(to, from, temp);
  } else if (op == AluOp::kOr) {
    if (encodable) return void(as_.orr(to, from, word));
    as_.orr(to, from, temp);
  } else {
    if (encodable) return void(as_.eor(to, from, word));
    as_.eor(to, from, temp);
  }
}

void Emitter::multiply(const lower::Alu& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width), from = reg(left_, op.width), temp = sized(kTemp, op.width);
  if (value == 1) return pass(op);
  if (value > 0 && std::has_single_bit(static_cast<std::uint64_t>(value)))
    return void(as_.lsl(dst, from, std::countr_zero(static_cast<std::uint64_t>(value))));
  load_immediate(temp, static_cast<std::uint64_t>(value));
  as_.mul(dst, from, temp);
}

void Emitter::shift(const lower::Alu& op, std::uint32_t count) {
  const Gp dst = reg(op.dst, op.width), from = reg(left_, op.width);
  const std::uint32_t masked = count & (isa::bits(op.width) - 1);
  if (masked == 0) return pass(op);
  if (op.op == AluOp::kLsh) {
    as_.lsl(dst, from, masked);
  } else if (op.op == AluOp::kRsh) {
    as_.lsr(dst, from, masked);
  } else {
    as_.asr(dst, from, masked);
  }
}

void Emitter::extend(const lower::Alu& op, const Gp& src) {
  const Gp dst = reg(op.dst, op.width);
  if (op.op == AluOp::kMovSx8) {
    as_.sxtb(dst, src.w());
  } else if (op.op == AluOp::kMovSx16) {
    as_.sxth(dst, src.w());
  } else if (op.width == Width::k64) {
    as_.sxtw(dst, src.w());
  } else {
    as_.mov(dst.w(), src.w());
  }
}

void Emitter::emit_imm(const lower::Alu& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width), from = reg(left_, op.width);
  if (op.width == Width::k32) value = static_cast<std::int32_t>(value);
  switch (op.op) {
    case AluOp::kAdd:
    case AluOp::kSub:
      if (value == 0) return pass(op);
      return add(dst, from, op.op == AluOp::kAdd ? value : -value);
    case AluOp::kMul:
      return multiply(op, value);
    case AluOp::kDiv:
    case AluOp::kSDiv:
    case AluOp::kMod:
    case AluOp::kSMod:
      return divide(op, value);
    case AluOp::kOr:
    case AluOp::kAnd:
    case AluOp::kXor:
      return bitwise(op.op, dst, from, value);
    case AluOp::kLsh:
    case AluOp::kRsh:
    case AluOp::kArsh:
      return shift(op, static_cast<std::uint32_t>(value));
    case AluOp::kNeg:
      return void(as_.neg(dst, from));
    case AluOp::kMov:
      return load_immediate(dst, static_cast<std::uint64_t>(value));
    case AluOp::kMovSx8:
    case AluOp::kMovSx16:
    case AluOp::kMovSx32:
      break;  // Register form only (RFC 9669 §4.1).
  }
  unreachable();
}

void Emitter::emit_reg(const lower::Alu& op, const Gp& src) {
  const Gp dst = reg(op.dst, op.width), from = reg(left_, op.width);
  switch (op.op) {
    case AluOp::kAdd:
      return void(as_.add(dst, from, src));
    case AluOp::kSub:
      return void(as_.sub(dst, from, src));
    case AluOp::kMul:
      return void(as_.mul(dst, from, src));
    case AluOp::kDiv:
    case AluOp::kSDiv:
    case AluOp::kMod:
    case AluOp::kSMod:
      return divide(op, src);
    case AluOp::kOr:
      return void(as_.orr(dst, from, src));
    case AluOp::kAnd:
      return void(as_.and_(dst, from, src));
    case AluOp::kXor:
      return void(as_.eor(dst, from, src));
    // The count is masked to the width by the hardware, as RFC 9669 §4.1 has it.
    case AluOp::kLsh:
      return void(as_.lsl(dst, from, src));
    case AluOp::kRsh:
      return void(as_.lsr(dst, from, src));
    case AluOp::kArsh:
      return void(as_.asr(dst, from, src));
    case AluOp::kNeg:
      return void(as_.neg(dst, from));
    case AluOp::kMov:
      if (op.width == Width::k32 || dst != src) as_.mov(dst, src);
      return;
    case AluOp::kMovSx8:
    case AluOp::kMovSx16:
    case AluOp::kMovSx32:
      return extend(op, src);
  }
  unreachable();
}

void Emitter::emit(const lower::Alu& op) {
  // A division by a constant is many instructions.
  const auto reads_elsewhere = [](const lower::Alu& change) {
    return !(lower::divides(change.op) && std::holds_alternative<lower::Imm>(change.src));
  };
  if (copies_.leave(code_, plan_, at_, reads_elsewhere)) return;
  left_ = copies_.take(op.dst);
  std::visit(Overloaded{[&](lower::Imm imm) { emit_imm(op, imm.value); },
                        [&](lower::Reg src) { emit_reg(op, reg(src == op.dst ? left_ : src, op.width)); }},
             op.src);
}

void Emitter::emit(const lower::ByteSwap& op) {
  const bool swap = op.order != isa::ByteOrder::kToLittle;
  const Gp dst = reg64(op.dst);
  if (op.bits == 16) {
    if (swap) as_.rev16(dst.w(), dst.w());
    as_.uxth(dst.w(), dst.w());
  } else if (op.bits == 32) {
    if (swap) {
      as_.rev(dst.w(), dst.w());
    } else {
      as_.mov(dst.w(), dst.w());
    }
  } else if (swap) {
    as_.rev(dst, dst);
  }
}

}  // namespace skep::jit::arm64
