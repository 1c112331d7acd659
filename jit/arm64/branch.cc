// SPDX-License-Identifier: Apache-2.0
// Branches. A conditional one reaches 1 MiB; where the plan's bound does not say that it does, its inverse skips an
// unconditional one, which reaches 128 MiB.
#include "base/overloaded.h"
#include "base/unreachable.h"
#include "jit/arm64/emitter.h"

namespace skep::jit::arm64 {

using asmjit::arm::CondCode;
using isa::JmpOp;
using isa::Width;
namespace a64 = asmjit::a64;

namespace {

constexpr std::uint32_t kConditionalReach = (1u << 20) - 256;

CondCode condition(JmpOp op) {
  switch (op) {
    case JmpOp::kEq:
      return CondCode::kEQ;
    case JmpOp::kNe:
    case JmpOp::kSet:
      return CondCode::kNE;
    case JmpOp::kGt:
      return CondCode::kHI;
    case JmpOp::kGe:
      return CondCode::kHS;
    case JmpOp::kLt:
      return CondCode::kLO;
    case JmpOp::kLe:
      return CondCode::kLS;
    case JmpOp::kSGt:
      return CondCode::kGT;
    case JmpOp::kSGe:
      return CondCode::kGE;
    case JmpOp::kSLt:
      return CondCode::kLT;
    case JmpOp::kSLe:
      return CondCode::kLE;
  }
  unreachable();
}

}  // namespace

bool Emitter::is_near(lower::Label next, lower::Label target) const {
  const std::uint32_t from = plan_.position[next], to = plan_.position[target];
  return (from < to ? to - from : from - to) <= kConditionalReach;
}

void Emitter::compare(const lower::Branch& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width), temp = sized(kTemp, op.width);
  const std::uint64_t word =
      op.width == Width::k64 ? static_cast<std::uint64_t>(value) : static_cast<std::uint32_t>(value);
  if (op.op == JmpOp::kSet) {
    if (a64::Utils::isLogicalImm(word, isa::bits(op.width))) return void(as_.tst(dst, word));
    load_immediate(temp, word);
    return void(as_.tst(dst, temp));
  }
  if (value >= 0 && value <= 0xfff) return void(as_.cmp(dst, value));
  if (value < 0 && value >= -0xfff) return void(as_.cmn(dst, -value));
  load_immediate(temp, word);
  as_.cmp(dst, temp);
}

void Emitter::compare(const lower::Branch& op) {
  const auto* imm = std::get_if<lower::Imm>(&op.src);
  if (imm != nullptr) {
    compare(op, static_cast<std::int32_t>(imm->value));
  } else {
    const Gp a = reg(op.dst, op.width), b = reg(std::get<lower::Reg>(op.src), op.width);
    if (op.op == JmpOp::kSet) {
      as_.tst(a, b);
    } else {
      as_.cmp(a, b);
    }
  }
}

void Emitter::branch(CondCode condition, lower::Label next, lower::Label target) {
  if (harden_.mask_speculation) return guarded_branch(condition, next, target);
  const bool looks_at_limits = target < next && !plan_.charges.empty();
  if (is_near(next, target) && !looks_at_limits) return void(as_.b(condition, label(target)));
  const asmjit::Label skip = as_.newLabel();
  as_.b(asmjit::arm::negateCond(condition), skip);
  jump(next, target);
  as_.bind(skip);
}

void Emitter::emit(const lower::Branch& op) {
  compare(op);
  branch_on(op.op, op.unless, op.target);
}

void Emitter::branch_on(JmpOp op, bool unless, lower::Label target) {
  branch(unless ? asmjit::arm::negateCond(condition(op)) : condition(op), at_ + 1, target);
}

void Emitter::jump(lower::Label next, lower::Label target) {
  if (target < next) check_limits(next - 1);
  if (target != next) as_.b(label(target));
}

void Emitter::emit(const lower::Jump& op) { jump(at_ + 1, op.target); }

}  // namespace skep::jit::arm64
