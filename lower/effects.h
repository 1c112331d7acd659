// SPDX-License-Identifier: Apache-2.0
// What an op reads and writes, and where control goes after it: the facts that every analysis of lower::Code starts
// from.
#pragma once
#include <cstdint>

#include "lower/code.h"

namespace skep::lower {

/// Bit n: register n.
using RegSet = std::uint16_t;
static_assert(kRegs <= 16);

constexpr RegSet set_of(Reg reg) { return reg == kNoReg ? RegSet{0} : static_cast<RegSet>(1u << reg.index); }
constexpr RegSet set_of(const Operand& operand) {
  const auto* reg = std::get_if<Reg>(&operand);
  return reg == nullptr ? RegSet{0} : set_of(*reg);
}
constexpr bool contains(RegSet set, Reg reg) { return (set & set_of(reg)) != 0; }

/// A call leaves r1 to r5 undefined, which counts as writing them; memory is not listed.
struct Effects {
  RegSet reads = 0, writes = 0;
};
Effects effects_of(const Op& op);
/// All that passes ask about an op again and again.
struct Outline {
  Effects effects;
  bool continues = true;  ///< The op behind it may run next.
  bool branches = false;  ///< target_of() it is not nullptr.
  bool refers = false;    ///< It names another op otherwise: a call, a function's address.
  bool pure = false;      ///< only_computes().
};
Outline outline_of(const Op& op);

/// True of ops that write registers and do nothing else: they may go when nobody reads those.
bool only_computes(const Op& op);
/// True of ops after which the next op does not run.
inline bool never_continues(const Op& op) {
  return std::holds_alternative<Jump>(op) || std::holds_alternative<Return>(op) || std::holds_alternative<Illegal>(op);
}
/// Of Branch, BranchLoad and Jump; nullptr of others.
inline const Label* target_of(const Op& op) {
  if (const auto* branch = std::get_if<Branch>(&op)) return &branch->target;
  if (const auto* jump = std::get_if<Jump>(&op)) return &jump->target;
  if (const auto* branch = std::get_if<BranchLoad>(&op)) return &branch->target;
  return nullptr;
}
inline Label* target_of(Op& op) { return const_cast<Label*>(target_of(static_cast<const Op&>(op))); }

/// The entry that a CallLocal or the LoadSymbol of a function names; nullptr of others.
inline Label* function_of(Op& op) {
  if (auto* call = std::get_if<CallLocal>(&op)) return &call->target;
  auto* symbol = std::get_if<LoadSymbol>(&op);
  return symbol != nullptr && symbol->kind == SymbolKind::kFunction ? &symbol->index : nullptr;
}

/// dst is written without being read, as far as `op` itself goes.
constexpr bool ignores_dst(isa::AluOp op) {
  using enum isa::AluOp;
  return op == kMov || op == kMovSx8 || op == kMovSx16 || op == kMovSx32;
}
/// As of the Op, for those who ask about many.
inline Effects effects_of(const Alu& op) {
  const RegSet dst = set_of(op.dst);
  return {.reads = static_cast<RegSet>(set_of(op.src) | (ignores_dst(op.op) ? 0 : dst)), .writes = dst};
}
constexpr bool is_signed_division(isa::AluOp op) { return op == isa::AluOp::kSDiv || op == isa::AluOp::kSMod; }
constexpr bool is_mod(isa::AluOp op) { return op == isa::AluOp::kMod || op == isa::AluOp::kSMod; }
/// A division or a modulo, signed or not.
constexpr bool divides(isa::AluOp op) {
  using enum isa::AluOp;
  return op == kDiv || op == kMod || op == kSDiv || op == kSMod;
}

}  // namespace skep::lower
