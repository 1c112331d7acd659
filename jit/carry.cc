// SPDX-License-Identifier: Apache-2.0
#include "jit/carry.h"

#include "lower/effects.h"

namespace skep::jit {
namespace {

using isa::AluOp;
using isa::Width;
using lower::AddWithCarry;
using lower::Label;
using lower::Reg;
using lower::RegSet;

constexpr Label kReach = 12;

/// Of loads and copies: whether they leave the flags alone on both architectures.
bool keeps_flags(const lower::Op& op) {
  if (const auto* load = std::get_if<lower::Load>(&op)) return !(load->swap && load->size == isa::Size::k16);
  const auto* copy = std::get_if<lower::Alu>(&op);
  return copy != nullptr && copy->op == AluOp::kMov && std::holds_alternative<Reg>(copy->src);
}
/// The register that the op copies, if all that matters of it arrives.
RegSet copied(const lower::Op& op, Width width) {
  const auto* copy = std::get_if<lower::Alu>(&op);
  return copy != nullptr && copy->width >= width ? lower::set_of(copy->src) : RegSet{0};
}

/// Whether all of `regs` are written before they are read, behind `at`.
bool overwritten(const lower::Code& code, const Plan& plan, Label at, RegSet regs) {
  for (Label next = at + 1; next < code.ops.size() && next <= at + kReach && regs != 0; ++next) {
    const lower::Effects effects = lower::effects_of(code.ops[next]);
    if (plan.marks[next] != Mark::kNone || (effects.reads & regs) != 0) return false;
    regs = static_cast<RegSet>(regs & ~effects.writes);
    if (lower::target_of(code.ops[next]) != nullptr || lower::never_continues(code.ops[next])) break;
  }
  return regs == 0;
}

}  // namespace

bool leaves_carry(const lower::Code& code, const Plan& plan, Label at) {
  if (plan.options.harden.mask_speculation) return false;  // Which changes flags at each load.
  const auto& first = std::get<AddWithCarry>(code.ops[at]);
  RegSet sums = lower::set_of(first.dst);  // Registers that lack the carry.
  for (Label next = at + 1; next < code.ops.size() && next <= at + kReach; ++next) {
    const lower::Op& op = code.ops[next];
    if (plan.marks[next] != Mark::kNone) return false;
    const lower::Effects effects = lower::effects_of(op);
    if (const auto* add = std::get_if<AddWithCarry>(&op)) {
      const bool to_sum = lower::contains(sums, add->dst), from_sum = lower::contains(sums, add->src);
      const auto rest = static_cast<RegSet>(sums & ~effects.writes);
      return add->width == first.width && to_sum != from_sum && overwritten(code, plan, next, rest);
    }
    if (!keeps_flags(op)) return false;
    const RegSet from = copied(op, first.width);
    if ((effects.reads & sums & ~from) != 0) return false;
    const bool copies = (from & sums) != 0;
    sums = static_cast<RegSet>(copies ? sums | effects.writes : sums & ~effects.writes);
  }
  return false;
}

}  // namespace skep::jit
