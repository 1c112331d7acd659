// SPDX-License-Identifier: Apache-2.0
// Ops that stand for several of the program's: sums by lea, rotations, counted bits, additions with the carry.
#include "base/overloaded.h"
#include "base/unreachable.h"
#include "jit/carry.h"
#include "jit/x86_64/emitter.h"

namespace skep::jit::x86_64 {

namespace x86 = asmjit::x86;

void Emitter::emit(const lower::Nop&) {}

bool Emitter::clears_lowest_bit(const lower::Sum& op) {
  const lower::Label next = at_ + 1;
  if (!features_.bmi1 || op.offset != -1 || op.index != lower::kNoReg || next == code_.ops.size()) return false;
  const auto* mask = std::get_if<lower::Alu>(&code_.ops[next]);
  if (mask == nullptr || plan_.marks[next] != Mark::kNone || mask->op != isa::AluOp::kAnd || mask->width != op.width ||
      mask->dst != op.dst || op.dst == op.base || mask->src != lower::Operand(op.base))
    return false;
  const Gp dst = reg(op.dst, op.width);
  as_.blsr(dst, reg(op.base, op.width));
  as_.zero_flag_tells(dst);
  done_ = next;
  return true;
}

/// lea leaves the flags alone and needs no copy; where dst is one of the terms, add is shorter.
void Emitter::emit(const lower::Sum& op) {
  if (clears_lowest_bit(op)) return;
  const Gp dst = reg(op.dst, op.width);
  if (op.index == lower::kNoReg) return void(as_.lea(dst, x86::ptr(reg64(op.base), op.offset)));
  if (op.shift == 0 && op.offset == 0) {
    if (op.dst == op.base) return void(as_.add(dst, reg(op.index, op.width)));
    if (op.dst == op.index) return void(as_.add(dst, reg(op.base, op.width)));
    // rbp and r13 as a base need a displacement.
    const bool needs_displacement = (reg64(op.base).id() & 7) == 5;
    if (needs_displacement) return void(as_.lea(dst, x86::ptr(reg64(op.index), reg64(op.base))));
  }
  as_.lea(dst, x86::ptr(reg64(op.base), reg64(op.index), op.shift, op.offset));
}

void Emitter::emit(const lower::Rotate& op) {
  const Gp dst = reg(op.dst, op.width), src = reg(op.src, op.width);
  if (const auto* imm = std::get_if<lower::Imm>(&op.count)) {
    const auto count = static_cast<std::uint32_t>(imm->value);
    if (op.dst == op.src) return void(as_.rol(dst, count));
    if (features_.bmi2) return void(as_.rorx(dst, src, isa::bits(op.width) - count));
    as_.mov(dst, src);
    return void(as_.rol(dst, count));
  }
  // rol takes its count from cl only. Work in kTemp, so that rcx may be any of the three.
  const Gp by = reg64(std::get<lower::Reg>(op.count)), word = sized(kTemp, op.width);
  if (by == x86::rcx) {
    if (dst.r64() != x86::rcx) {
      if (op.dst != op.src) as_.mov(dst, src);
      return void(as_.rol(dst, x86::cl));
    }
    as_.mov(word, src);
    as_.rol(word, x86::cl);
    return void(as_.mov(dst, word));
  }
  as_.mov(word, src);
  as_.mov(kTemp2, x86::rcx);
  as_.mov(x86::ecx, by.r32());
  as_.rol(word, x86::cl);
  as_.mov(x86::rcx, kTemp2);
  as_.mov(dst, word);
}

void Emitter::emit(const lower::CountBits& op) {
  const Gp dst = reg(op.dst, op.width), src = reg(op.src, op.width);
  switch (op.what) {
    case lower::BitCount::kOnes:
      if (features_.popcnt) return void(as_.popcnt(dst, src));
      return count_ones(op);
    case lower::BitCount::kLeadingZeros: {
      if (features_.lzcnt) return void(as_.lzcnt(dst, src));
      // The index of the highest bit, counted from the other end; for 0, that of a bit that is not there.
      const Gp word = sized(kTemp, op.width);
      as_.mov(kTemp2.r32(), 2 * isa::bits(op.width) - 1);
      as_.bsr(word, src);
      as_.cmovz(word, sized(kTemp2, op.width));
      as_.xor_(word, static_cast<std::int32_t>(isa::bits(op.width) - 1));
      return void(as_.mov(dst, word));
    }
    case lower::BitCount::kTrailingZeros: {
      if (features_.bmi1) return void(as_.tzcnt(dst, src));
      const Gp word = sized(kTemp, op.width);
      as_.mov(kTemp2.r32(), isa::bits(op.width));
      as_.bsf(word, src);
      as_.cmovz(word, sized(kTemp2, op.width));
      return void(as_.mov(dst, word));
    }
  }
  unreachable();
}

/// Clears the lowest set bit until none is left.
void Emitter::count_ones(const lower::CountBits& op) {
  const Gp word = sized(kTemp, op.width), less = sized(kTemp2, op.width);
  const asmjit::Label again = as_.newLabel(), done = as_.newLabel();
  as_.mov(word, reg(op.src, op.width));
  as_.xor_(reg32(op.dst), reg32(op.dst));
  as_.bind(again);
  as_.test(word, word);
  as_.short_().jz(done);
  as_.lea(less, x86::ptr(kTemp, -1));
  as_.and_(word, less);
  as_.inc(reg32(op.dst));
  as_.short_().jmp(again);
  as_.bind(done);
}

void Emitter::emit(const lower::AddWithCarry& op) {
  const Gp dst = reg(op.dst, op.width), src = reg(op.src, op.width);
  if (carry_left_) {
    as_.adc(dst, src);
  } else {
    as_.add(dst, src);
  }
  carry_left_ = leaves_carry(code_, plan_, at_);
  if (!carry_left_) as_.adc(dst, 0);
}

}  // namespace skep::jit::x86_64
