// SPDX-License-Identifier: Apache-2.0
#include "jit/liveness.h"

#include "base/overloaded.h"

namespace skep::jit {
namespace {

using lower::Label;
using lower::Reg;

/// What an op does with a register.
enum class Use : std::uint8_t { kNone, kReads, kWrites };

bool names(const lower::Operand& operand, Reg reg) {
  const auto* named = std::get_if<Reg>(&operand);
  return named != nullptr && *named == reg;
}
bool ignores_dst(isa::AluOp op) {
  using enum isa::AluOp;
  return op == kMov || op == kMovSx8 || op == kMovSx16 || op == kMovSx32;
}
Use read_if(bool reads) { return reads ? Use::kReads : Use::kNone; }

/// Of ops that do not end or leave the function; calls count as readers of everything.
Use use_of(const lower::Op& op, Reg reg) {
  return std::visit(
      Overloaded{
          [&](const lower::Alu& alu) {
            if (names(alu.src, reg)) return Use::kReads;
            if (alu.dst != reg) return Use::kNone;
            return ignores_dst(alu.op) ? Use::kWrites : Use::kReads;
          },
          [&](const lower::ByteSwap& swap) { return read_if(swap.dst == reg); },
          [&](const lower::LoadSymbol& load) { return load.dst == reg ? Use::kWrites : Use::kNone; },
          [&](const lower::LoadEnv& load) { return load.dst == reg ? Use::kWrites : Use::kNone; },
          [&](const lower::Load& load) {
            if (load.base == reg) return Use::kReads;
            return load.dst == reg ? Use::kWrites : Use::kNone;
          },
          [&](const lower::Store& store) { return read_if(store.base == reg || names(store.src, reg)); },
          [&](const lower::Branch& branch) { return read_if(branch.dst == reg || names(branch.src, reg)); },
          [&](const lower::Jump&) { return Use::kNone; },
          [&](const auto&) { return Use::kReads; },
      },
      op);
}

/// Follows both ways of a branch, for as many ops as `steps` allows.
class Search {
 public:
  Search(const lower::Code& code, Reg reg) : code_(code), reg_(reg) {}

  bool dead_at(Label at) {
    while (steps_ > 0 && at < code_.ops.size()) {
      --steps_;
      const lower::Op& op = code_.ops[at];
      if (std::holds_alternative<lower::Return>(op)) return reg_ != isa::kR0;
      const Use use = use_of(op, reg_);
      if (use != Use::kNone) return use == Use::kWrites;
      if (const auto* jump = std::get_if<lower::Jump>(&op)) {
        at = jump->target;
        continue;
      }
      if (const auto* branch = std::get_if<lower::Branch>(&op); branch != nullptr && !dead_at(branch->target))
        return false;
      ++at;
    }
    return false;
  }

 private:
  const lower::Code& code_;
  Reg reg_;
  int steps_ = 32;
};

}  // namespace

bool is_dead(const lower::Code& code, Label at, Reg reg) { return Search(code, reg).dead_at(at); }

}  // namespace skep::jit
