// SPDX-License-Identifier: Apache-2.0
// Ops that stand for several of the program's: sums, rotations, counted bits, additions with the carry.
#include "base/overloaded.h"
#include "base/unreachable.h"
#include "jit/arm64/emitter.h"
#include "jit/carry.h"

namespace skep::jit::arm64 {

using isa::Width;
namespace a64 = asmjit::a64;

void Emitter::emit(const lower::Nop&) {}

void Emitter::emit(const lower::Sum& op) {
  const Gp dst = reg(op.dst, op.width), base = reg(op.base, op.width);
  if (op.index == lower::kNoReg) return add(dst, base, op.offset);
  const Gp index = reg(op.index, op.width);
  if (op.offset == 0) return void(as_.add(dst, base, index, a64::lsl(op.shift)));
  const Gp temp = sized(kTemp, op.width);
  as_.add(temp, base, index, a64::lsl(op.shift));
  if (is_add_immediate(op.offset) || is_add_immediate(-std::int64_t{op.offset})) return add(dst, temp, op.offset);
  // kTemp is taken, and dst may be a term no longer needed.
  load_immediate(sized(kOld, op.width), static_cast<std::uint64_t>(std::int64_t{op.offset}));
  as_.add(dst, temp, sized(kOld, op.width));
}

void Emitter::emit(const lower::Rotate& op) {
  const Gp dst = reg(op.dst, op.width), src = reg(op.src, op.width), temp = sized(kTemp, op.width);
  std::visit(Overloaded{[&](lower::Imm imm) {
                          as_.ror(dst, src, isa::bits(op.width) - static_cast<std::uint32_t>(imm.value));
                        },
                        [&](lower::Reg count) {
                          // To the right by the negative count, which the hardware takes modulo the width.
                          as_.neg(temp, reg(count, op.width));
                          as_.ror(dst, src, temp);
                        }},
             op.count);
}

void Emitter::emit(const lower::CountBits& op) {
  const Gp dst = reg(op.dst, op.width), src = reg(op.src, op.width);
  switch (op.what) {
    case lower::BitCount::kOnes:
      // Bytes are counted in a vector register, which holds nothing of the program's, and added up.
      as_.mov(sized(kTemp, op.width), src);
      as_.fmov(a64::d0, kTemp);
      as_.cnt(a64::v0.b8(), a64::v0.b8());
      as_.addv(a64::b0, a64::v0.b8());
      return void(as_.umov(dst.w(), a64::v0.b(0)));
    case lower::BitCount::kLeadingZeros:
      return void(as_.clz(dst, src));
    case lower::BitCount::kTrailingZeros:
      as_.rbit(sized(kTemp, op.width), src);
      return void(as_.clz(dst, sized(kTemp, op.width)));
  }
  unreachable();
}

void Emitter::emit(const lower::AddWithCarry& op) {
  const Gp dst = reg(op.dst, op.width), src = reg(op.src, op.width);
  if (carry_left_) {
    as_.adcs(dst, dst, src);
  } else {
    as_.adds(dst, dst, src);
  }
  carry_left_ = leaves_carry(code_, plan_, at_);
  if (carry_left_) return;
  if (op.width == Width::k64) {
    as_.adc(dst, dst, a64::xzr);
  } else {
    as_.adc(dst, dst, a64::wzr);
  }
}

}  // namespace skep::jit::arm64
