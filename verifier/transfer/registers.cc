// SPDX-License-Identifier: Apache-2.0
// Arithmetic and moves between registers: numbers by transfer/alu.h, pointers here.
#include <variant>

#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/transfer/alu.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

constexpr std::uint64_t kU32Max = 0xffffffff;

/// pointer += number, number += pointer, pointer -= number.
Check move_pointer(Run& run, const isa::Alu& insn, const Value& pointer, const Value& amount) {
  const std::uint32_t dst = insn.dst.index;
  const bool subtracts = insn.op == isa::AluOp::kSub;
  const Scalar& by = amount.scalar;
  if (by.is_contradictory()) {
    make_unknown(run.reg(dst));
    return Check::ok();
  }
  TRY_OK(check_pointer_operation(run, dst, pointer, insn, amount));
  TRY_OK(check_sane_offset(run, amount, pointer));
  const Value was = pointer;
  const Scalar moved = by;
  if (subtracts && run.reg(dst).is_scalar()) return run.reject(DiagCode::kSubtractPointer, std::uint64_t{dst});
  if (subtracts && was.kind == ValueKind::kStack) return run.reject(DiagCode::kSubtractFromStack, std::uint64_t{dst});

  Value& result = run.reg(dst);
  result = was;
  const std::int64_t fixed = subtracts ? was.offset - moved.smin : was.offset + moved.smin;
  if (moved.is_constant() && fixed == static_cast<std::int32_t>(fixed)) {
    result.offset = static_cast<std::int32_t>(fixed);
  } else {
    result.scalar = alu(insn.op, isa::Width::k64, was.scalar, moved);
    if (was.is_packet()) {
      result.id = run.new_id();
      if (!subtracts || moved.smin < 0) result.extent = 0;
    }
  }
  return check_sane_offset(run, result, was);
}

/// r1 += 8 or r1 -= 8 where r1 shares an id: the link is kept, with its distance. Otherwise the result is a new number.
void update_link(Value& dst, const isa::Alu& insn, const Scalar& src) {
  const bool moves = insn.op == isa::AluOp::kAdd || insn.op == isa::AluOp::kSub;
  const bool narrow = insn.width == isa::Width::k32;
  const bool linked = dst.id != 0 && (dst.id & kIdFlags) == 0 && (!narrow || dst.scalar.umax <= kU32Max);
  const std::int64_t moved =
      narrow ? static_cast<std::int32_t>(src.bits.value) : static_cast<std::int64_t>(src.bits.value);
  const std::uint64_t back =
      0 - static_cast<std::uint64_t>(moved);  // Wraps for the least number, which is no distance.
  const std::int64_t distance = insn.op == isa::AluOp::kSub ? static_cast<std::int64_t>(back) : moved;
  if (!moves || !linked || !src.is_constant() || distance != static_cast<std::int32_t>(distance)) {
    dst.id = 0;
    dst.offset = 0;
    return;
  }
  dst.id |= narrow ? kIdPlusOffset32 : kIdPlusOffset;
  dst.offset = static_cast<std::int32_t>(distance);
}

/// Goes on with one of the two numbers that the operand may be, and comes back to the instruction with the other.
Check fork(Run& run, const isa::Alu& insn, const Scalar& src) {
  Value& dst = run.reg(insn.dst);
  const std::optional<Fork> fork = fork_before(insn.op, dst.scalar, src);
  if (!fork) return Check::ok();
  State* const later = run.push_branch(run.at);
  if (later == nullptr) return Check::rejected();
  later->frame().regs[insn.dst.index].scalar = fork->second;
  dst.scalar = fork->first;
  return Check::ok();
}

Check compute(Run& run, const isa::Alu& insn, const Value& src, bool src_is_reg) {
  Value& dst = run.reg(insn.dst);
  if (dst.kind == ValueKind::kArena || src.kind == ValueKind::kArena) {
    dst = pointer(ValueKind::kArena);
    return Check::ok();
  }
  if (dst.is_pointer() && src.is_pointer()) {
    if (insn.op == isa::AluOp::kSub) {
      make_unknown(dst);
      return Check::ok();
    }
    return run.reject(DiagCode::kPointerPlusPointer, std::uint64_t{insn.dst.index},
                      std::string(isa::info(insn.op).token));
  }
  if (dst.is_pointer() || src.is_pointer()) {
    // A pointer's low half is a number that nobody may rely on; Linux lets a privileged program subtract.
    if (insn.width == isa::Width::k32 && insn.op == isa::AluOp::kSub) {
      make_unknown(dst);
      return Check::ok();
    }
    if (src.is_pointer()) {
      run.mark_precise(insn.dst.index);
      const Value amount = dst;
      return move_pointer(run, insn, src, amount);
    }
    if (src_is_reg) run.mark_precise(std::get<isa::Reg>(insn.src).index);
    const Value old = dst;
    return move_pointer(run, insn, old, src);
  }
  const Scalar by = src.scalar;
  TRY_OK(fork(run, insn, by));
  update_link(dst, insn, by);
  dst.scalar = alu(insn.op, insn.width, dst.scalar, by);
  dst.precise = false;
  return Check::ok();
}

void move(Run& run, const isa::Alu& insn, Value& src) {
  Value& dst = run.reg(insn.dst);
  if (insn.width == isa::Width::k64) {
    if (src.is_scalar()) give_id(run, src);
    dst = src;
    return;
  }
  if (src.is_pointer()) {
    dst = unknown_scalar();
  } else {
    const bool fits = src.scalar.umax <= kU32Max;
    if (fits) give_id(run, src);
    dst = src;
    if (!fits) dst.id = 0, dst.offset = 0;
  }
  dst.scalar = zero_extend32(dst.scalar);
}

void move_sign_extended(Run& run, const isa::Alu& insn, Value& src) {
  Value& dst = run.reg(insn.dst);
  if (src.is_pointer()) {
    dst = unknown_scalar();
    dst.scalar = alu(insn.op, insn.width, dst.scalar, dst.scalar);
    return;
  }
  const unsigned bits = static_cast<unsigned>(isa::info(insn.op).offset);
  const bool same = src.scalar.umax < std::uint64_t{1} << (bits - 1);
  if (same) give_id(run, src);
  const Scalar from = src.scalar;
  dst = src;
  if (!same) dst.id = 0, dst.offset = 0;
  dst.scalar = alu(insn.op, insn.width, from, from);
}

/// Constant operands with which the operation has no meaning.
Check check_constant(Run& run, const isa::Alu& insn, std::int32_t constant) {
  switch (insn.op) {
    case isa::AluOp::kDiv:
    case isa::AluOp::kSDiv:
    case isa::AluOp::kMod:
    case isa::AluOp::kSMod:
      return constant == 0 ? run.reject(DiagCode::kDivisionByZero) : Check::ok();
    case isa::AluOp::kLsh:
    case isa::AluOp::kRsh:
    case isa::AluOp::kArsh:
      if (constant >= 0 && static_cast<std::uint32_t>(constant) < isa::bits(insn.width)) return Check::ok();
      return run.reject(DiagCode::kInvalidShift, std::int64_t{constant});
    case isa::AluOp::kAdd:
    case isa::AluOp::kSub:
    case isa::AluOp::kMul:
    case isa::AluOp::kOr:
    case isa::AluOp::kAnd:
    case isa::AluOp::kNeg:
    case isa::AluOp::kXor:
    case isa::AluOp::kMov:
    case isa::AluOp::kMovSx8:
    case isa::AluOp::kMovSx16:
    case isa::AluOp::kMovSx32:
      return Check::ok();
  }
  unreachable();
}

}  // namespace

void give_id(Run& run, Value& value) {
  if (!value.is_scalar()) return;
  if ((value.id & kIdFlags) != 0) {
    value.id = 0;
    value.offset = 0;
  }
  if (value.id == 0 && !value.scalar.is_constant()) value.id = run.new_id();
}

Check transfer(Run& run, const isa::Alu& insn) {
  const auto* src_reg = std::get_if<isa::Reg>(&insn.src);
  const bool moves = insn.op == isa::AluOp::kMov || insn.op == isa::AluOp::kMovSx8 || insn.op == isa::AluOp::kMovSx16 ||
                     insn.op == isa::AluOp::kMovSx32;
  if (src_reg != nullptr) TRY_OK(check_readable(run, src_reg->index));
  if (!moves) TRY_OK(check_readable(run, insn.dst.index));
  if (src_reg == nullptr) TRY_OK(check_constant(run, insn, std::get<isa::Imm>(insn.src).value));
  TRY_OK(check_writable(run, insn.dst.index));
  if (insn.op == isa::AluOp::kNeg && run.reg(insn.dst).is_pointer()) {
    // Linux lets a privileged program have the number, of which it knows nothing.
    run.reg(insn.dst) = unknown_scalar();
    return Check::ok();
  }
  if (src_reg == nullptr) {
    const Value constant =
        constant_scalar(static_cast<std::uint64_t>(std::int64_t{std::get<isa::Imm>(insn.src).value}));
    if (!moves) return compute(run, insn, constant, false);
    Value& dst = run.reg(insn.dst);
    dst = constant;
    if (insn.width == isa::Width::k32) dst.scalar = zero_extend32(dst.scalar);
    return Check::ok();
  }
  if (insn.op == isa::AluOp::kMov) {
    move(run, insn, run.reg(*src_reg));
    return Check::ok();
  }
  if (moves) {
    move_sign_extended(run, insn, run.reg(*src_reg));
    return Check::ok();
  }
  const Value src = run.reg(*src_reg);
  return compute(run, insn, src, true);
}

Check transfer(Run& run, const isa::ByteSwap& insn) {
  TRY_OK(check_readable(run, insn.dst.index));
  TRY_OK(check_writable(run, insn.dst.index));
  Value& dst = run.reg(insn.dst);
  if (dst.is_pointer()) dst = unknown_scalar();
  const bool same =
      insn.order == isa::ByteOrder::kToLittle && insn.bits == 64;  // Bytes that are in this order already.
  if (same) return Check::ok();
  dst.scalar = byte_swap(insn.order, insn.bits, dst.scalar);
  dst.id = 0;
  dst.offset = 0;
  dst.precise = false;
  return Check::ok();
}

}  // namespace skep::verifier
