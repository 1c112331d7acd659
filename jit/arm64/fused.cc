// SPDX-License-Identifier: Apache-2.0
// Fused ops: arithmetic has three operands here; an indexed address has no displacement.
#include "base/overloaded.h"
#include "jit/arm64/emitter.h"

namespace skep::jit::arm64 {

namespace a64 = asmjit::a64;

void Emitter::emit(const Rotate& op) {
  as_.ror(reg(op.dst, op.width), reg(op.src, op.width), isa::bits(op.width) - op.count);
}

void Emitter::emit(const RotateAndShift& op) {
  as_.mov(reg(op.shift.dst, op.shift.width), reg(op.rotate.src, op.shift.width));
  emit(op.shift);
  emit(op.rotate);
}

void Emitter::emit(const Sum& op) {
  const Gp dst = reg(op.dst, op.width), left = reg(op.left, op.width);
  std::visit(Overloaded{[&](lower::Imm imm) { add(dst, left, imm.value); },
                        [&](lower::Reg right) { as_.add(dst, left, reg(right, op.width)); }},
             op.right);
}

void Emitter::emit(const IndexedLoad& op) {
  const Gp base = reg64(op.load.base), index = reg64(op.index);
  const bool scaled = op.shift == 0 || (1u << op.shift) == isa::bytes(op.load.size);
  if (op.load.offset == 0 && scaled) return load(op.load, a64::ptr(base, index, a64::lsl(op.shift)));
  const std::int32_t offset = op.load.offset;
  if (offset < -256 || offset > 255) {
    // Only one temporary: the displacement joins the index.
    load_immediate(kTemp, static_cast<std::uint64_t>(std::int64_t{offset}));
    as_.add(kTemp, kTemp, index, a64::lsl(op.shift));
    return load(op.load, a64::ptr(base, kTemp));
  }
  as_.add(kTemp, base, index, a64::lsl(op.shift));
  load(op.load, a64::ptr(kTemp, offset));
}

}  // namespace skep::jit::arm64
