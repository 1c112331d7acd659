// SPDX-License-Identifier: Apache-2.0
// Fused ops: three-operand sums by lea, indexed addresses, rotations.
#include "base/overloaded.h"
#include "jit/x86_64/emitter.h"

namespace skep::jit::x86_64 {

namespace x86 = asmjit::x86;

void Emitter::emit(const Rotate& op) {
  const Gp dst = reg(op.dst, op.width), src = reg(op.src, op.width);
  if (op.dst == op.src) return void(as_.rol(dst, op.count));
  if (features_.bmi2) return void(as_.rorx(dst, src, isa::bits(op.width) - op.count));
  as_.mov(dst, src);
  as_.rol(dst, op.count);
}

void Emitter::emit(const RotateAndShift& op) {
  as_.mov(reg(op.shift.dst, op.shift.width), reg(op.rotate.src, op.shift.width));
  emit(op.shift);
  emit(op.rotate);
}

void Emitter::emit(const Sum& op) {
  const Gp dst = reg(op.dst, op.width);
  std::visit(
      Overloaded{[&](lower::Imm imm) { as_.lea(dst, x86::ptr(reg64(op.left), static_cast<std::int32_t>(imm.value))); },
                 [&](lower::Reg right) { as_.lea(dst, x86::ptr(reg64(op.left), reg64(right))); }},
      op.right);
}

void Emitter::emit(const IndexedLoad& op) {
  load(op.load, x86::ptr(reg64(op.load.base), reg64(op.index), op.shift, op.load.offset, isa::bytes(op.load.size)));
}

}  // namespace skep::jit::x86_64
