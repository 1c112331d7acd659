// SPDX-License-Identifier: Apache-2.0
// Addresses: eBPF's have a base and a displacement, hosts' also a scaled index, and hosts add three things in one go.
// What a load or store has added up for itself moves into its address, and a sum that begins with a copy becomes one
// op.
#include <optional>

#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

constexpr std::uint8_t kMaxShift = 3;

/// base + (index << shift) + offset, of values that registers have at places.
struct Terms {
  Value base;
  std::optional<Value> index;
  std::uint8_t shift = 0;
  std::int64_t offset = 0;
};

class Addresses {
 public:
  explicit Addresses(Graph& graph) : graph_(graph), back_(graph) {}

  void run() {
    for (Label at = 0; at < graph_.size(); ++at) {
      if (const Alu* alu = graph_.get<Alu>(at)) {
        if (alu->op == AluOp::kAdd && begun_.has(alu->dst)) make_sum(at, *alu);
      } else if (const Load* load = graph_.get<Load>(at)) {
        if (!(load->base == isa::kR10)) fold(at, *load, load->base == load->dst);
      } else if (const Store* store = graph_.get<Store>(at)) {
        if (!(store->base == isa::kR10)) fold(at, *store, false);
      }
      note(at);
    }
  }

 private:
  /// A sum of its own begins with a copy, a sum or a shift, and goes on with additions.
  void note(Label at) {
    const Alu* alu = graph_.get<Alu>(at);
    if (alu != nullptr && (alu->op == AluOp::kAdd || alu->op == AluOp::kSub)) return;
    const bool begins =
        alu != nullptr ? alu->op == AluOp::kMov || alu->op == AluOp::kLsh : graph_.get<Sum>(at) != nullptr;
    begun_.note(graph_.effects(at).writes, begins);
  }

  /// Sees through the ops that gave `value` its value, as long as nobody else reads what they made, and says the same
  /// by registers that still hold what they held when `at` is reached. nullopt: nothing is won.
  [[nodiscard]] std::optional<Terms> unfold(Value value, Width width, Label at) const {
    Terms terms{.base = value, .index = std::nullopt, .shift = 0, .offset = 0};
    std::optional<Terms> best;
    Label reader = at;
    while (const auto def = back_.def(terms.base)) {
      if (!(terms.base.at == reader + 1) && !back_.unread(terms.base.reg, *def, reader) &&
          !(reader == at && accessed_only(terms.base.reg, *def, reader)))
        break;
      const std::optional<Terms> next = step(terms, *def, width);
      if (!next) break;
      const bool in_place = next->base.reg == terms.base.reg;
      terms = *next;
      scale_index(terms, width, at);
      reader = *def;
      if (holds(terms, at)) best = terms;
      if (!in_place) break;
    }
    return best;
  }

  /// As Lookback::unread, but accesses through the register are as good: they fold the same sum.
  [[nodiscard]] bool accessed_only(Reg reg, Label from, Label to) const {
    for (Label at = from + 1; at < to; ++at) {
      const Op& op = graph_.op(at);
      if (target_of(op) != nullptr) return false;
      if (contains(graph_.effects(at).reads, reg) && !accesses_through(op, reg)) return false;
    }
    return true;
  }

  /// Replaces the base by what the op at `def` made it of.
  [[nodiscard]] std::optional<Terms> step(Terms terms, Label def, Width width) const {
    if (const Alu* alu = graph_.get<Alu>(def)) {
      if (width == Width::k64 && alu->width != Width::k64) return std::nullopt;
      return step(terms, *alu, def);
    }
    const Sum* sum = graph_.get<Sum>(def);
    if (sum == nullptr || (width == Width::k64 && sum->width != Width::k64)) return std::nullopt;
    if (!(sum->index == kNoReg)) {
      if (terms.index) return std::nullopt;
      terms.index = Value{sum->index, def};
      terms.shift = sum->shift;
    }
    terms.base = {sum->base, def};
    terms.offset += sum->offset;
    return terms;
  }
  static std::optional<Terms> step(Terms terms, const Alu& alu, Label def) {
    const Imm* imm = std::get_if<Imm>(&alu.src);
    const Reg* reg = std::get_if<Reg>(&alu.src);
    terms.base = {alu.dst, def};
    if (alu.op == AluOp::kMov && reg != nullptr) {
      terms.base = {*reg, def};
    } else if (alu.op == AluOp::kAdd && imm != nullptr) {
      terms.offset += imm->value;
    } else if (alu.op == AluOp::kSub && imm != nullptr) {
      terms.offset -= imm->value;
    } else if (alu.op == AluOp::kAdd && !terms.index) {
      terms.index = Value{*reg, def};
    } else if (alu.op == AluOp::kLsh && imm != nullptr && terms.index && terms.shift == 0 && imm->value > 0 &&
               imm->value <= kMaxShift) {
      // The scaled one is the index.
      const Value other = *terms.index;
      terms.index = terms.base;
      terms.shift = static_cast<std::uint8_t>(imm->value);
      terms.base = other;
      return terms;
    } else {
      return std::nullopt;
    }
    return terms;
  }

  /// Sees through a shift and copies that made the index.
  void scale_index(Terms& terms, Width width, Label at) const {
    if (!terms.index) return;
    Terms scaled = terms;
    if (const auto def = back_.def(*terms.index); def && terms.shift == 0) {
      const Alu* alu = graph_.get<Alu>(*def);
      const Imm* imm = alu != nullptr && alu->op == AluOp::kLsh ? std::get_if<Imm>(&alu->src) : nullptr;
      const bool fits = imm != nullptr && imm->value > 0 && imm->value <= kMaxShift &&
                        (width == Width::k32 || alu->width == Width::k64);
      // The shifted index stays in use: then two ops would shift.
      if (fits && back_.unread(terms.index->reg, *def, terms.index->at) &&
          graph_.dead_after(terms.index->at, terms.index->reg)) {
        scaled.shift = static_cast<std::uint8_t>(imm->value);
        scaled.index = Value{alu->dst, *def};
      }
    }
    scaled.index = back_.origin(*scaled.index, width);
    if (back_.holds(*scaled.index, at)) terms = scaled;
  }

  [[nodiscard]] bool holds(const Terms& terms, Label at) const {
    return back_.holds(terms.base, at) && (!terms.index || back_.holds(*terms.index, at)) && fits_int32(terms.offset) &&
           !(terms.index && terms.index->reg == isa::kR10 && terms.shift != 0);
  }

  /// Load or Store through a register that is not needed afterwards.
  template <class Access>
  void fold(Label at, Access access, bool overwrites_base) {
    if (access.ordering != Ordering::kRelaxed || !(access.index == kNoReg)) return;
    if (reads_twice(access)) return;
    if (!overwrites_base && !graph_.dead_after(at, access.base) && !only_addresses(at, access.base)) return;
    const auto terms = unfold({access.base, at}, Width::k64, at);
    if (!terms || !fits_int32(terms->offset + access.offset)) return;
    access.base = terms->base.reg;
    access.offset = static_cast<std::int32_t>(terms->offset + access.offset);
    if (terms->index) {
      access.index = terms->index->reg;
      access.shift = terms->shift;
    }
    graph_.replace(at, access);
  }
  /// Whether all that still reads the register, a few ops on in the straight line, are accesses through it.
  [[nodiscard]] bool only_addresses(Label at, Reg reg) const {
    constexpr Label kReach = 8;
    for (Label next = at + 1; next < at + 1 + kReach && next < graph_.size() && !graph_.is_target(next); ++next) {
      const Op& op = graph_.op(next);
      const Effects effects = graph_.effects(next);
      if (contains(effects.reads, reg) && !accesses_through(op, reg)) return false;
      if (contains(effects.writes, reg) || graph_.dead_after(next, reg)) return true;
      if (target_of(op) != nullptr || never_continues(op)) return false;
    }
    return false;
  }
  static bool accesses_through(const Op& op, Reg reg) {
    const Load* load = std::get_if<Load>(&op);
    const Store* store = std::get_if<Store>(&op);
    return (load != nullptr && load->base == reg && !(load->index == reg)) ||
           (store != nullptr && store->base == reg && !(store->index == reg) && !reads_twice(*store));
  }
  static bool reads_twice(const Load&) { return false; }
  static bool reads_twice(const Store& store) { return store.src == Operand(store.base); }

  void make_sum(Label at, const Alu& add) {
    const auto terms = unfold({add.dst, at + 1}, add.width, at);
    if (!terms || terms->base.reg == add.dst) return;
    if (terms->index && terms->index->reg == add.dst && terms->shift == 0) return;
    Sum sum{.width = add.width,
            .dst = add.dst,
            .base = terms->base.reg,
            .offset = static_cast<std::int32_t>(terms->offset)};
    if (terms->index) {
      sum.index = terms->index->reg;
      sum.shift = terms->shift;
    }
    graph_.replace(at, sum);
  }

  Graph& graph_;
  Lookback back_;
  LastWritten begun_;  // By what may begin a sum, additions left out.
};

}  // namespace

void address(Graph& graph) { Addresses(graph).run(); }

}  // namespace skep::lower::passes
