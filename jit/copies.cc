// SPDX-License-Identifier: Apache-2.0
#include "jit/copies.h"

#include "lower/effects.h"

namespace skep::jit {
namespace {

using lower::Alu;
using lower::Label;
using lower::Reg;
using lower::RegSet;

constexpr Label kReach = 8;

/// The code of the op, on any machine, keeps all registers but those that it writes.
bool is_plain(const lower::Op& op) {
  if (const auto* alu = std::get_if<Alu>(&op)) return !lower::divides(alu->op);
  if (const auto* rotate = std::get_if<lower::Rotate>(&op)) return std::holds_alternative<lower::Imm>(rotate->count);
  return std::holds_alternative<lower::Load>(op) || std::holds_alternative<lower::Store>(op) ||
         std::holds_alternative<lower::Sum>(op) || std::holds_alternative<lower::AluLoad>(op) ||
         std::holds_alternative<lower::Nop>(op);
}

}  // namespace

std::optional<Label> changes_copy(const lower::Code& code, const Plan& plan, Label at) {
  const auto& copy = std::get<Alu>(code.ops[at]);
  const RegSet from = lower::set_of(copy.src), to = lower::set_of(copy.dst);
  for (Label next = at + 1; next < code.ops.size() && next <= at + kReach; ++next) {
    if (plan.marks[next] != Mark::kNone) return std::nullopt;
    const lower::Op& op = code.ops[next];
    const auto* alu = std::get_if<Alu>(&op);
    const lower::Effects effects = alu != nullptr ? lower::effects_of(*alu) : lower::effects_of(op);
    if (((effects.reads | effects.writes) & to) != 0) {
      const bool changes =
          alu != nullptr && alu->dst == copy.dst && !lower::ignores_dst(alu->op) && alu->width <= copy.width;
      return changes ? std::optional(next) : std::nullopt;
    }
    if ((effects.writes & from) != 0 || !is_plain(op)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace skep::jit
