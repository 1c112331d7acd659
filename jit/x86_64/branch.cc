// SPDX-License-Identifier: Apache-2.0
// Branches. A backward one is as short as it can be; a forward one is short where the plan's bound says that it
// reaches.
#include "base/overloaded.h"
#include "base/unreachable.h"
#include "jit/x86_64/emitter.h"

namespace skep::jit::x86_64 {

using isa::JmpOp;
namespace x86 = asmjit::x86;

namespace {

constexpr std::uint32_t kShortReach = 127;  // From the end of the instruction.

x86::CondCode condition(JmpOp op) {
  switch (op) {
    case JmpOp::kEq:
      return x86::CondCode::kE;
    case JmpOp::kNe:
    case JmpOp::kSet:
      return x86::CondCode::kNE;
    case JmpOp::kGt:
      return x86::CondCode::kA;
    case JmpOp::kGe:
      return x86::CondCode::kAE;
    case JmpOp::kLt:
      return x86::CondCode::kB;
    case JmpOp::kLe:
      return x86::CondCode::kBE;
    case JmpOp::kSGt:
      return x86::CondCode::kG;
    case JmpOp::kSGe:
      return x86::CondCode::kGE;
    case JmpOp::kSLt:
      return x86::CondCode::kL;
    case JmpOp::kSLe:
      return x86::CondCode::kLE;
  }
  unreachable();
}

}  // namespace

bool Emitter::is_near(lower::Label next, lower::Label target) const {
  if (target < next) return false;
  // The bound of the next op's position ends with the padding before it, which lies between here and there.
  const std::uint32_t padding = alignment(plan_.marks[next]) - 1;
  return plan_.position[target] - plan_.position[next] + padding <= kShortReach;
}

void Emitter::compare(const lower::Branch& op, std::int64_t value) {
  const Gp dst = reg(op.dst, op.width);
  const auto imm = static_cast<std::int32_t>(value);
  if (op.op != JmpOp::kSet) {
    const bool of_zero = imm == 0 && (op.op == JmpOp::kEq || op.op == JmpOp::kNe);
    if (of_zero && as_.zero_flag_is_of(dst)) return;
    // test leaves the flags that a comparison with zero would.
    if (imm == 0) return void(as_.test(dst, dst));
    return void(as_.cmp(dst, imm));
  }
  // A mask that is positive has no bits in the upper half.
  if (imm >= 0 && imm <= 0x7f) {
    as_.test(dst.r8(), imm);
  } else {
    as_.test(imm >= 0 ? dst.r32() : dst, imm);
  }
}

void Emitter::compare(const lower::Branch& op) {
  std::visit(Overloaded{[&](lower::Imm imm) { compare(op, imm.value); },
                        [&](lower::Reg src) {
                          const Gp a = reg(op.dst, op.width), b = reg(src, op.width);
                          if (op.op == JmpOp::kSet) {
                            as_.test(a, b);
                          } else {
                            as_.cmp(a, b);
                          }
                        }},
             op.src);
}

void Emitter::branch(x86::CondCode condition, lower::Label next, lower::Label target) {
  if (harden_.mask_speculation) return guarded_branch(condition, next, target);
  if (target < next && !plan_.charges.empty()) {
    const asmjit::Label skip = as_.newLabel();
    as_.short_().j(x86::negateCond(condition), skip);
    jump(next, target);
    return void(as_.bind(skip));
  }
  if (is_near(next, target)) as_.short_();
  as_.j(condition, label(target));
}

void Emitter::emit(const lower::Branch& op) {
  compare(op);
  branch_on(op.op, op.unless, op.target);
}

void Emitter::branch_on(JmpOp op, bool unless, lower::Label target) {
  branch(unless ? x86::negateCond(condition(op)) : condition(op), at_ + 1, target);
}

void Emitter::jump(lower::Label next, lower::Label target) {
  if (target == next && !begins_loop(plan_.marks[target])) return;
  if (target < next) check_limits(next - 1);
  if (is_near(next, target)) as_.short_();
  as_.jmp(label(target));
}

void Emitter::emit(const lower::Jump& op) { jump(at_ + 1, op.target); }

}  // namespace skep::jit::x86_64
