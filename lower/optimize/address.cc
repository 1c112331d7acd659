// SPDX-License-Identifier: Apache-2.0
// Addresses: eBPF's have a base and a displacement, hosts' also a scaled index, and hosts add three things in one go.
// What a load or store has added up for itself moves into its address, as does what costs nothing there; a sum that
// begins with a copy becomes one op.
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

/// How far the op shifts to the left, if addresses scale that much, else 0.
std::uint8_t scale_of(const Alu& alu) {
  constexpr int kMost = 3;
  const Imm* by = alu.op == AluOp::kLsh ? std::get_if<Imm>(&alu.src) : nullptr;
  return by != nullptr && by->value > 0 && by->value <= kMost ? static_cast<std::uint8_t>(by->value) : 0;
}

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
      if (graph_.is_target(at)) places_ = {};
      say_by_frame(at);
      if (const Alu* alu = graph_.get<Alu>(at)) {
        if (alu->op == AluOp::kAdd && begun_.has(alu->dst)) {
          make_sum(at, alu->dst, alu->width);
        } else if (scale_of(*alu) != 0 && alu->width == Width::k64) {
          scale_readers(at, *alu);
        }
      } else if (const Sum* sum = graph_.get<Sum>(at)) {
        if (begun_.has(sum->base)) make_sum(at, sum->dst, sum->width);
      } else if (const Load* load = graph_.get<Load>(at)) {
        if (!(load->base == isa::kR10)) fold(at, *load, load->base == load->dst);
      } else if (const Store* store = graph_.get<Store>(at)) {
        if (!(store->base == isa::kR10)) fold(at, *store, false);
      }
      note(at);
    }
  }

 private:
  /// Where a register leads to a place in the frame, the place is at a distance from r10, which always holds. Of loads,
  /// stores and sums.
  void say_by_frame(Label at) {
    if (const Alu* alu = graph_.get<Alu>(at)) {
      const Reg* src = std::get_if<Reg>(&alu->src);
      const bool copies = alu->op == AluOp::kMov && src != nullptr && !(*src == isa::kR10);
      if (alu->width != Width::k64 || !(copies || alu->op == AluOp::kAdd)) return;
      Sum sum{.width = Width::k64, .dst = alu->dst, .base = copies ? *src : alu->dst};
      if (!copies && src != nullptr) sum.index = *src;
      if (const Imm* imm = std::get_if<Imm>(&alu->src)) sum.offset = static_cast<std::int32_t>(imm->value);
      say_by_frame(at, sum);
    } else if (const Sum* sum = graph_.get<Sum>(at)) {
      say_by_frame(at, *sum);
    } else if (const Load* load = graph_.get<Load>(at)) {
      say_by_frame(at, *load);
    } else if (const Store* store = graph_.get<Store>(at)) {
      say_by_frame(at, *store);
    }
  }
  /// Access: Load, Store or Sum.
  template <class Access>
  void say_by_frame(Label at, Access access) {
    const auto& place = places_[access.base.index];
    if (!place || !fits_int32(std::int64_t{*place} + access.offset)) return;
    access.base = isa::kR10;
    access.offset += *place;
    graph_.replace(at, access);
  }

  void note(Label at) {
    const RegSet writes = graph_.effects(at).writes;
    for (RegSet left = writes; left != 0; left &= static_cast<RegSet>(left - 1))
      places_[static_cast<std::size_t>(std::countr_zero(left))].reset();
    note_place(at);
    note_beginning(at);
  }
  void note_place(Label at) {
    if (const Alu* alu = graph_.get<Alu>(at)) {
      if (alu->op == AluOp::kMov && alu->width == Width::k64 && alu->src == Operand(isa::kR10))
        places_[alu->dst.index] = 0;
    } else if (const Sum* sum = graph_.get<Sum>(at)) {
      if (sum->base == isa::kR10 && sum->index == kNoReg && sum->width == Width::k64)
        places_[sum->dst.index] = sum->offset;
    }
  }
  /// A sum of its own begins with a copy, a sum or a shift, and goes on with additions.
  void note_beginning(Label at) {
    const Alu* alu = graph_.get<Alu>(at);
    if (alu != nullptr && (alu->op == AluOp::kAdd || alu->op == AluOp::kSub)) return;
    const bool begins =
        alu != nullptr ? alu->op == AluOp::kMov || alu->op == AluOp::kLsh : graph_.get<Sum>(at) != nullptr;
    begun_.note(graph_.effects(at).writes, begins);
  }

  /// Sees through the ops that gave `value` its value, and says the same by registers that still hold what they held
  /// when `at` is reached. nullopt: nothing is won. `alone`: nobody else reads the value, so that the ops go whose
  /// results nobody else reads. `live`: a displacement from one of these, needed anyway, costs nothing either.
  [[nodiscard]] std::optional<Terms> unfold(Value value, Width width, Label at, bool alone, RegSet live) const {
    constexpr int kMostSteps = 8;  // Compilers take fewer.
    Terms terms{.base = value, .index = std::nullopt, .shift = 0, .offset = 0};
    std::optional<Terms> best;
    Label reader = at;
    for (int steps = 0; steps < kMostSteps && (alone || live != 0); ++steps) {
      const auto def = back_.def(terms.base);
      if (!def) break;
      alone = alone && (terms.base.at == reader + 1 || back_.unread(terms.base.reg, *def, reader));
      const std::optional<Terms> next = step(terms, *def, width);
      if (!next) break;
      const bool in_place = next->base.reg == terms.base.reg;
      terms = *next;
      scale_index(terms, width, at);
      reader = *def;
      if (holds(terms, at) && (alone || (!terms.index && contains(live, terms.base.reg)))) best = terms;
      alone = alone && in_place;
    }
    return best;
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
    } else if (const std::uint8_t scale = scale_of(alu); scale != 0 && terms.index && terms.shift == 0) {
      // The scaled one is the index.
      const Value other = *terms.index;
      terms.index = terms.base;
      terms.shift = scale;
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
      const std::uint8_t scale = alu != nullptr ? scale_of(*alu) : 0;
      const bool fits = scale != 0 && (width == Width::k32 || alu->width == Width::k64);
      // The shifted index stays in use: then two ops would shift.
      if (fits && back_.unread(terms.index->reg, *def, terms.index->at) &&
          graph_.dead_after(terms.index->at, terms.index->reg)) {
        scaled.shift = scale;
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

  /// Load or Store.
  template <class Access>
  void fold(Label at, Access access, bool overwrites_base) {
    if (access.ordering != Ordering::kRelaxed || !(access.index == kNoReg)) return;
    const Value base{access.base, at};
    const auto live = static_cast<RegSet>(graph_.live_before(at) | set_of(isa::kR10));
    const bool last = overwrites_base || graph_.dead_after(at, access.base);
    auto terms = unfold(base, Width::k64, at, !reads_twice(access), live);
    if (terms && !last && !only_addresses(at, access.base, *terms)) terms = unfold(base, Width::k64, at, false, live);
    if (!terms || !fits_int32(terms->offset + access.offset)) return;
    graph_.replace(at, with(*terms, access));
  }
  /// Access: Load, Store or Sum.
  template <class Access>
  static Access with(const Terms& terms, Access access) {
    access.base = terms.base.reg;
    access.offset = static_cast<std::int32_t>(terms.offset + access.offset);
    if (terms.index) access.index = terms.index->reg;
    access.shift = terms.shift;
    return access;
  }
  /// Whether all that still reads the register, a few ops on in the straight line, are accesses through it that find
  /// the terms as they are.
  [[nodiscard]] bool only_addresses(Label at, Reg reg, const Terms& terms) const {
    constexpr Label kReach = 24;
    const auto registers = static_cast<RegSet>(set_of(terms.base.reg) | (terms.index ? set_of(terms.index->reg) : 0));
    RegSet written = graph_.effects(at).writes;
    for (Label next = at + 1; next < at + 1 + kReach && next < graph_.size() && !graph_.is_target(next); ++next) {
      const Op& op = graph_.op(next);
      const Effects effects = graph_.effects(next);
      if (contains(effects.reads, reg) && (!accesses_through(op, reg) || (written & registers) != 0)) return false;
      if (contains(effects.writes, reg) || graph_.dead_after(next, reg)) return true;
      if (target_of(op) != nullptr || never_continues(op)) return false;
      written |= effects.writes;
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

  /// Of an addition or a sum.
  void make_sum(Label at, Reg dst, Width width) {
    const auto terms = unfold({dst, at + 1}, width, at, true, 0);
    if (!terms || terms->base.reg == dst) return;
    if (terms->index && terms->index->reg == dst && terms->shift == 0) return;
    graph_.replace(at, with(*terms, Sum{.width = width, .dst = dst, .base = terms->base.reg}));
  }

  /// A 64-bit shift goes where its result is for additions only: they scale.
  void scale_readers(Label at, const Alu& shift) {
    constexpr Label kReach = 24;
    const Reg reg = shift.dst;
    std::vector<Label> readers;
    Label next = at;
    do {
      if (++next == graph_.size() || next > at + kReach || graph_.is_target(next)) return;
      if (contains(graph_.effects(next).reads, reg)) {
        if (!adds(next, reg)) return;
        readers.push_back(next);
      }
      const Label* target = target_of(graph_.op(next));
      if (target != nullptr && contains(graph_.live_before(*target), reg)) return;
    } while (!contains(graph_.effects(next).writes, reg) && !graph_.dead_after(next, reg));
    if (readers.empty()) return;
    for (const Label reader : readers) {
      const Alu& add = *graph_.get<Alu>(reader);
      const Reg other = add.dst == reg ? std::get<Reg>(add.src) : add.dst;
      graph_.replace(
          reader,
          Sum{.width = add.width, .dst = add.dst, .base = other, .offset = 0, .index = reg, .shift = scale_of(shift)});
    }
    graph_.replace(at, Nop{});
  }
  /// The register to another one, or another one to it.
  [[nodiscard]] bool adds(Label at, Reg reg) const {
    const Alu* add = graph_.get<Alu>(at);
    const Reg* src = add != nullptr && add->op == AluOp::kAdd ? std::get_if<Reg>(&add->src) : nullptr;
    return src != nullptr && !(*src == add->dst) && (*src == reg || add->dst == reg);
  }

  Graph& graph_;
  Lookback back_;
  std::array<std::optional<std::int32_t>, kRegs> places_{};  // Distances from r10 that registers hold.
  LastWritten begun_;                                        // By what may begin a sum, additions left out.
};

}  // namespace

void address(Graph& graph) { Addresses(graph).run(); }

}  // namespace skep::lower::passes
