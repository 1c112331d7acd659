// SPDX-License-Identifier: Apache-2.0
// Which pointers may be computed with, and how.
#include <string>

#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

/// Fields of flow keys are found by constant offsets only; to a map 0 may be added (the address of its first member).
bool has_arithmetic(ValueKind kind, isa::AluOp op, const Value& amount) {
  if (kind == ValueKind::kMap) return op == isa::AluOp::kAdd && amount.is_null();
  return info(kind).arithmetic == Arithmetic::kAllowed && (kind != ValueKind::kFlowKeys || amount.is_constant());
}

}  // namespace

Check check_pointer_operation(Run& run, std::uint32_t dst, const Value& pointer, const isa::Alu& insn,
                              const Value& amount) {
  const isa::AluOp op = insn.op;
  if (insn.width == isa::Width::k32) return run.reject(DiagCode::kPointerArithmetic32, std::uint64_t{dst});
  if (pointer.maybe_null) return run.reject(DiagCode::kPointerArithmeticNull, std::uint64_t{dst}, kind_name(pointer));
  if (!has_arithmetic(pointer.kind, op, amount))
    return run.reject(DiagCode::kPointerArithmetic, std::uint64_t{dst}, kind_name(pointer));
  if (op == isa::AluOp::kAdd || op == isa::AluOp::kSub) return Check::ok();
  const std::string token(isa::info(op).token);
  if (op == isa::AluOp::kAnd || op == isa::AluOp::kOr || op == isa::AluOp::kXor)
    return run.reject(DiagCode::kPointerBitwise, std::uint64_t{dst}, token);
  return run.reject(DiagCode::kPointerOperator, std::uint64_t{dst}, token);
}

/// `value`: what is added (a scalar), or the result. It must stay far from where 32-bit offsets wrap.
Check check_sane_offset(Run& run, const Value& value, const Value& pointer) {
  // Any address may be read there: it is checked when it is read.
  if (pointer.kind == ValueKind::kMemory && pointer.has(PointerFlag::kUntrusted)) return Check::ok();
  const std::string kind = kind_name(pointer);
  const Scalar& scalar = value.scalar;
  const auto known = static_cast<std::int64_t>(scalar.bits.value);
  if (scalar.is_constant() && (known >= kMaxVariableOffset || known <= -kMaxVariableOffset))
    return run.reject(DiagCode::kPointerLargeConstant, kind, known);
  if (value.is_pointer() && (value.offset >= kMaxVariableOffset || value.offset <= -kMaxVariableOffset))
    return run.reject(DiagCode::kPointerOffsetLarge, kind, std::int64_t{value.offset});
  if (scalar.smin == std::numeric_limits<std::int64_t>::min()) return run.reject(DiagCode::kPointerUnbounded, kind);
  if (scalar.smin >= kMaxVariableOffset || scalar.smin <= -kMaxVariableOffset)
    return run.reject(DiagCode::kPointerOutOfBounds, scalar.smin, kind);
  return Check::ok();
}

}  // namespace skep::verifier
