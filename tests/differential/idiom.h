// SPDX-License-Identifier: Apache-2.0
// One idiom being written: its parts, what stands between them and what is wrong with it. arithmetic_idioms.cc and
// memory_idioms.cc say what the parts are; idioms.cc chooses.
#pragma once
#include <algorithm>
#include <array>
#include <utility>

#include "tests/differential/writer.h"

namespace skep::differential {

using isa::Alu;
using isa::AluOp;
using isa::Branch;
using isa::Imm;
using isa::Insn;
using isa::Insns;
using isa::Operand;
using isa::Reg;
using isa::Width;
using enum isa::AluOp;

class Idiom {
 public:
  explicit Idiom(Writer& writer) : w_(writer), r_(writer.random) {}

  void rotation();
  void shifts();
  void sum();
  void indexed();
  void advance();
  void byte_load();
  void byte_store();
  void swapped_access();
  void zeroing();
  void copying();
  void population();
  void leading_zeros();
  void trailing_zeros();
  void carry();
  void feedback();
  void fold_checksum();
  void division();
  void multiplication();
  void hash();
  void masking();
  void compare_memory();
  void modify_memory();
  void spill();
  void select();

  Insns take() {
    w_.busy = busy_;
    return std::move(out_);
  }

 private:
  /// A part of an idiom that touches no memory: may be preceded by something else, and be wrong.
  void part(Alu insn) {
    noise();
    if (miss_ && r_.chance(20)) {
      switch (r_.below(10)) {
        case 0:
          return;
        case 1:
          out_.emplace_back(insn);
          break;
        case 2:
          insn.dst = w_.any_reg();
          break;
        case 3:
        case 6:
        case 7:
        case 8:
          insn.src = another(insn);
          break;
        case 4:
          if (insn.op != kMovSx32) insn.width = insn.width == Width::k64 ? Width::k32 : Width::k64;
          break;
        case 5:
          if (insn.op != kNeg && insn.op != kMovSx8 && insn.op != kMovSx16 && insn.op != kMovSx32)
            insn.op = r_.of(std::array{kAdd, kSub, kOr, kXor, kAnd, kLsh, kRsh, kArsh, kMov});
          break;
        default:
          if (!out_.empty() && std::holds_alternative<Alu>(out_.back())) {
            out_.insert(out_.end() - 1, legal(insn));
            return;
          }
      }
    }
    out_.emplace_back(legal(insn));
  }
  Operand another(const Alu& insn) {
    if (insn.op == kNeg) return insn.src;
    if (const auto* value = std::get_if<Imm>(&insn.src)) {
      // By unsigned arithmetic: the largest has a successor, too.
      const auto word = static_cast<std::uint32_t>(value->value);
      return Imm{static_cast<std::int32_t>(r_.chance(50) ? word + 1 : word - 1)};
    }
    return w_.any_source();
  }
  /// Constant shifts stay within the width.
  [[nodiscard]] Alu legal(Alu insn) const {
    auto* value = std::get_if<Imm>(&insn.src);
    if (value == nullptr) return insn;
    if (insn.op == kLsh || insn.op == kRsh || insn.op == kArsh)
      value->value &= static_cast<std::int32_t>(bits(insn.width)) - 1;
    const bool divides = insn.op == kDiv || insn.op == kMod || insn.op == kSDiv || insn.op == kSMod;
    if (w_.verifiable() && divides && value->value == 0) value->value = 7;
    return insn;
  }
  /// What must stay as it is, because an address depends on it.
  void exact(const Insn& insn) {
    noise();
    out_.push_back(insn);
  }
  void noise() {
    if (!noisy_ || !r_.chance(15)) return;
    const std::uint32_t kind = r_.below(100);
    if (kind < 50) return out_.push_back(w_.arithmetic());
    if (kind < 85) return out_.push_back(w_.memory());
    // A comparing exchange reads and writes r0.
    out_.push_back(kind < 93 || (w_.busy & 1) != 0 ? w_.byte_swap() : w_.atomic());
  }
  void branch_over(Branch branch, const Insns& over) {
    branch.offset = static_cast<std::int16_t>(over.size());
    out_.emplace_back(branch);
    append(out_, over);
  }
  /// rn is an address or an index until take(): keep it.
  void keep(Reg reg) { w_.busy |= static_cast<std::uint16_t>(1u << reg.index); }
  void release(Reg reg) { w_.busy &= static_cast<std::uint16_t>(~(1u << reg.index)); }
  Reg other_than(std::initializer_list<Reg> taken) {
    for (;;) {
      const Reg reg = w_.any_reg();
      if (std::ranges::find(taken, reg) == taken.end()) return reg;
    }
  }
  /// `op` with a mask that a 64-bit instruction has no room for.
  void mask(AluOp op, Width width, Reg dst, Reg scratch, std::uint64_t value) {
    if (width == Width::k32) return part({op, width, dst, Imm{static_cast<std::int32_t>(value)}});
    append_constant(out_, scratch, value);
    part({op, width, dst, scratch});
  }
  void population_of(Width width, Reg x, Reg y, Reg m);
  std::int32_t index_into(Reg index, std::int32_t room, std::int32_t scale);

  Writer& w_;
  Random& r_;
  Insns out_;
  std::uint16_t busy_ = w_.busy;
  bool miss_ = r_.chance(25), noisy_ = r_.chance(50);
};

}  // namespace skep::differential
