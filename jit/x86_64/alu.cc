// SPDX-License-Identifier: Apache-2.0
// ALU ops but division. 32-bit forms zero the upper half by themselves; nothing is ever masked for it.
#include <bit>

#include "base/overloaded.h"
#include "base/unreachable.h"
#include "jit/x86_64/emitter.h"

namespace skep::jit::x86_64 {

using isa::AluOp;
using isa::Width;
namespace x86 = asmjit::x86;

namespace {

std::int32_t low32(std::int64_t value) { return static_cast<std::int32_t>(value); }

}  // namespace

void Emitter::load_immediate(const Gp& to, std::uint64_t value) {
  if (value == 0) {
    as_.xor_(to.r32(), to.r32());
  } else if (value <= 0xffffffffu) {
    as_.mov(to.r32(), static_cast<std::uint32_t>(value));
  } else {
    as_.mov(to.r64(), value);  // The assembler takes the sign-extended 32-bit form where it can.
  }
}

void Emitter::truncate(lower::Reg reg, Width width) {
  if (width == Width::k32) as_.mov(reg32(reg), reg32(reg));
}

void Emitter::add(const lower::Alu& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width);
  if (left_ != op.dst) return emit(lower::Sum{op.width, op.dst, left_, low32(value)});
  if (value == 0) return truncate(op.dst, op.width);
  // 128 needs four bytes, -128 one.
  if (value == 128) {
    as_.sub(dst, -128);
  } else {
    as_.add(dst, low32(value));
  }
  as_.zero_flag_tells(dst);
}

void Emitter::bitwise(const lower::Alu& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width), from = reg64(left_);
  if (op.op == AluOp::kAnd) {
    if (value == -1) return truncate(op.dst, op.width);
    if (value == 0) return load_immediate(dst, 0);
    if (value == 0xff) {
      as_.movzx(dst.r32(), from.r8());
    } else if (value == 0xffff) {
      as_.movzx(dst.r32(), from.r16());
    } else {
      // A positive mask clears the upper half, as the 32-bit form does.
      const Gp word = value > 0 ? dst.r32() : dst;
      as_.and_(word, low32(value));
      as_.zero_flag_tells(word);
    }
    return;
  }
  if (value == 0) return truncate(op.dst, op.width);
  if (op.op == AluOp::kOr) {
    as_.or_(dst, low32(value));
  } else {
    as_.xor_(dst, low32(value));
  }
  as_.zero_flag_tells(dst);
}

/// 2^k, 3*2^k, 5*2^k and 9*2^k are at most a lea and a shift, which together take less time than imul's three cycles.
void Emitter::multiply(const lower::Alu& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width), from = reg(left_, op.width);
  if (value == 0) return load_immediate(dst, 0);
  if (value == 1) return truncate(op.dst, op.width);
  if (value > 0) {
    const auto word = static_cast<std::uint64_t>(value);
    const int twos = std::countr_zero(word);
    const std::uint64_t odd = word >> twos;
    if (odd == 1 || odd == 3 || odd == 5 || odd == 9) {
      const auto shift = odd == 9 ? 3u : odd == 5 ? 2u : 1u;
      if (odd != 1) as_.lea(dst, x86::ptr(from.r64(), from.r64(), shift));
      if (twos != 0) as_.shl(dst, twos);
      return;
    }
  }
  as_.imul(dst, from, low32(value));
}

void Emitter::shift(const lower::Alu& op, std::uint32_t count) {
  const Gp dst = reg(op.dst, op.width);
  const std::uint32_t masked = count & (isa::bits(op.width) - 1);
  if (masked == 0) return truncate(op.dst, op.width);
  if (left_ != op.dst) {
    const Gp from = reg64(left_);
    // Without a base, an address takes four bytes more.
    return void(as_.lea(dst, masked == 1 ? x86::ptr(from, from) : x86::ptr(0, from, masked)));
  }
  if (op.op == AluOp::kLsh) {
    as_.shl(dst, masked);
  } else if (op.op == AluOp::kRsh) {
    as_.shr(dst, masked);
  } else {
    as_.sar(dst, masked);
  }
  as_.zero_flag_tells(dst);
}

void Emitter::shift_by_cl(AluOp op, const Gp& value) {
  if (op == AluOp::kLsh) {
    as_.shl(value, x86::cl);
  } else if (op == AluOp::kRsh) {
    as_.shr(value, x86::cl);
  } else {
    as_.sar(value, x86::cl);
  }
}

/// The count is masked to the width by the hardware, as RFC 9669 §4.1 has it.
void Emitter::shift_by_reg(const lower::Alu& op, lower::Reg count) {
  const Gp dst = reg(op.dst, op.width);
  if (features_.bmi2) {
    const Gp from = reg(left_, op.width), by = reg(count, op.width);
    if (op.op == AluOp::kLsh) {
      as_.shlx(dst, from, by);
    } else if (op.op == AluOp::kRsh) {
      as_.shrx(dst, from, by);
    } else {
      as_.sarx(dst, from, by);
    }
    return;
  }
  const bool count_in_rcx = reg64(count) == x86::rcx;
  if (count_in_rcx && dst.r64() != x86::rcx) return shift_by_cl(op.op, dst);
  as_.mov(kTemp, x86::rcx);
  if (!count_in_rcx) as_.mov(x86::ecx, reg32(count));
  if (dst.r64() == x86::rcx) {
    shift_by_cl(op.op, sized(kTemp, op.width));
  } else {
    shift_by_cl(op.op, dst);
  }
  as_.mov(x86::rcx, kTemp);
}

void Emitter::extend(const lower::Alu& op) {
  const Gp dst = reg(op.dst, op.width);
  const Gp src = reg64(std::get<lower::Reg>(op.src));
  if (op.op == AluOp::kMovSx8) {
    as_.movsx(dst, src.r8());
  } else if (op.op == AluOp::kMovSx16) {
    as_.movsx(dst, src.r16());
  } else if (op.width == Width::k64) {
    as_.movsxd(dst, src.r32());
  } else {
    as_.mov(dst, src.r32());
  }
}

void Emitter::emit_imm(const lower::Alu& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width);
  if (op.width == Width::k32) value = low32(value);
  switch (op.op) {
    case AluOp::kAdd:
      return add(op, value);
    case AluOp::kSub:
      // -2^31 has no 32-bit negative.
      if (!lower::fits_int32(-value)) return void(as_.sub(dst, low32(value)));
      return add(op, -value);
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
      return bitwise(op, value);
    case AluOp::kLsh:
    case AluOp::kRsh:
    case AluOp::kArsh:
      return shift(op, static_cast<std::uint32_t>(value));
    case AluOp::kNeg:
      return void(as_.neg(dst));
    case AluOp::kMov:
      return load_immediate(
          dst, op.width == Width::k32 ? static_cast<std::uint32_t>(value) : static_cast<std::uint64_t>(value));
    case AluOp::kMovSx8:
    case AluOp::kMovSx16:
    case AluOp::kMovSx32:
      break;  // Register form only (RFC 9669 §4.1).
  }
  unreachable();
}

void Emitter::emit_reg(const lower::Alu& op, lower::Reg src_reg) {
  const Gp dst = reg(op.dst, op.width), src = reg(src_reg, op.width);
  switch (op.op) {
    case AluOp::kAdd:
      if (left_ != op.dst) return emit(lower::Sum{op.width, op.dst, left_, 0, src_reg});
      as_.add(dst, src);
      return as_.zero_flag_tells(dst);
    case AluOp::kSub:
      as_.sub(dst, src);
      return as_.zero_flag_tells(dst);
    case AluOp::kMul:
      return void(as_.imul(dst, src));
    case AluOp::kDiv:
    case AluOp::kSDiv:
    case AluOp::kMod:
    case AluOp::kSMod:
      return divide(op, src_reg);
    case AluOp::kOr:
      as_.or_(dst, src);
      return as_.zero_flag_tells(dst);
    case AluOp::kAnd:
      as_.and_(dst, src);
      return as_.zero_flag_tells(dst);
    case AluOp::kXor:
      as_.xor_(dst, src);
      return as_.zero_flag_tells(dst);
    case AluOp::kLsh:
    case AluOp::kRsh:
    case AluOp::kArsh:
      return shift_by_reg(op, src_reg);
    case AluOp::kNeg:
      return void(as_.neg(dst));
    case AluOp::kMov:
      if (op.width == Width::k32 || op.dst != src_reg) as_.mov(dst, src);
      return;
    case AluOp::kMovSx8:
    case AluOp::kMovSx16:
    case AluOp::kMovSx32:
      return extend(op);
  }
  unreachable();
}

bool Emitter::reads_elsewhere(const lower::Alu& op) const {
  const auto* imm = std::get_if<lower::Imm>(&op.src);
  const std::int64_t value = imm == nullptr ? 0 : op.width == Width::k32 ? low32(imm->value) : imm->value;
  if (op.op == AluOp::kAdd) return true;
  if (op.op == AluOp::kRsh || op.op == AluOp::kArsh) return imm == nullptr && features_.bmi2;
  if (op.op == AluOp::kLsh) return imm == nullptr ? features_.bmi2 : value >= 1 && value <= 3;
  if (op.op == AluOp::kAnd) return value == 0xff || value == 0xffff;
  if (op.op == AluOp::kSub) return imm != nullptr && lower::fits_int32(-value);
  const bool easy = value == 0 || std::has_single_bit(static_cast<std::uint64_t>(value));
  return op.op == AluOp::kMul && imm != nullptr && !easy;
}

void Emitter::emit(const lower::Alu& op) {
  if (at_ == done_) return;
  if (copies_.leave(code_, plan_, at_, [this](const lower::Alu& change) { return reads_elsewhere(change); })) return;
  left_ = copies_.take(op.dst);
  std::visit(Overloaded{[&](lower::Imm imm) { emit_imm(op, imm.value); },
                        [&](lower::Reg src) { emit_reg(op, src == op.dst ? left_ : src); }},
             op.src);
}

void Emitter::emit(const lower::ByteSwap& op) {
  const bool swap = op.order != isa::ByteOrder::kToLittle;
  const Gp dst = reg64(op.dst);
  if (op.bits == 16) {
    if (swap) as_.rol(dst.r16(), 8);
    as_.movzx(dst.r32(), dst.r16());
  } else if (op.bits == 32) {
    if (swap) {
      as_.bswap(dst.r32());
    } else {
      as_.mov(dst.r32(), dst.r32());
    }
  } else if (swap) {
    as_.bswap(dst);
  }
}

}  // namespace skep::jit::x86_64
