// SPDX-License-Identifier: Apache-2.0
// Operands in memory, which x86-64 has and eBPF has not: a load that one op is for moves into that op; a word that is
// loaded, changed and stored back is changed where it lies. Nothing that may write memory stands in between.
#include <algorithm>
#include <optional>

#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::JmpOp;
using isa::Size;
using isa::Width;

bool is_bitwise_or_sum(AluOp op) {
  return op == AluOp::kAdd || op == AluOp::kSub || op == AluOp::kAnd || op == AluOp::kOr || op == AluOp::kXor;
}

/// The comparison with its sides exchanged.
JmpOp mirrored(JmpOp op) {
  switch (op) {
    case JmpOp::kGt:
      return JmpOp::kLt;
    case JmpOp::kGe:
      return JmpOp::kLe;
    case JmpOp::kLt:
      return JmpOp::kGt;
    case JmpOp::kLe:
      return JmpOp::kGe;
    case JmpOp::kSGt:
      return JmpOp::kSLt;
    case JmpOp::kSGe:
      return JmpOp::kSLe;
    case JmpOp::kSLt:
      return JmpOp::kSGt;
    case JmpOp::kSLe:
      return JmpOp::kSGe;
    case JmpOp::kEq:
    case JmpOp::kNe:
    case JmpOp::kSet:
      return op;
  }
  return op;
}
bool is_signed(JmpOp op) { return op == JmpOp::kSGt || op == JmpOp::kSGe || op == JmpOp::kSLt || op == JmpOp::kSLe; }
std::uint32_t bits(Size size) { return 8 * isa::bytes(size); }

/// May write memory, or order what others see of it.
bool touches_memory(const Op& op) {
  if (const auto* load = std::get_if<Load>(&op)) return load->ordering != Ordering::kRelaxed;
  return !only_computes(op) && !std::holds_alternative<Nop>(op) && target_of(op) == nullptr;
}

class Operands {
 public:
  explicit Operands(Graph& graph) : graph_(graph), back_(graph) {}

  void run() {
    for (Label at = 0; at < graph_.size(); ++at) {
      if (const Alu* alu = graph_.get<Alu>(at)) {
        take(at, *alu);
      } else if (const Branch* branch = graph_.get<Branch>(at)) {
        take(at, *branch);
      } else if (const Store* store = graph_.get<Store>(at)) {
        update(at, *store);
      }
      loaded_.note(graph_.effects(at).writes, graph_.get<Load>(at) != nullptr);
    }
  }

 private:
  /// `at` is at hand: the load that gave the register its value for it only, if it can as well happen there.
  [[nodiscard]] std::optional<Label> load_for(Reg reg, Label at) const {
    if (!loaded_.has(reg) || !graph_.dead_after(at, reg)) return std::nullopt;
    const auto from = back_.def({reg, at});
    const Load* load = from ? graph_.get<Load>(*from) : nullptr;
    if (load == nullptr || load->swap || load->ordering != Ordering::kRelaxed) return std::nullopt;
    if (load->extend == isa::Extend::kSign && load->size != Size::k64) return std::nullopt;
    if (load->base == reg || load->index == reg) return std::nullopt;
    if (!back_.unread(reg, *from, at)) return std::nullopt;
    if (!back_.unwritten(load->base, *from, at)) return std::nullopt;
    if (!(load->index == kNoReg) && !back_.unwritten(load->index, *from, at)) return std::nullopt;
    for (Label between = *from + 1; between < at; ++between)
      if (touches_memory(graph_.op(between)) || graph_.branches(between)) return std::nullopt;
    return from;
  }

  void take(Label at, const Alu& op) {
    const Reg* src = std::get_if<Reg>(&op.src);
    if (src == nullptr || *src == op.dst || (!is_bitwise_or_sum(op.op) && op.op != AluOp::kMul)) return;
    // The address is read before dst is written, so that dst may be a part of it.
    const auto from = load_for(*src, at);
    if (!from) return;
    const Load load = std::get<Load>(graph_.op(*from));
    if (bits(load.size) != isa::bits(op.width)) return;
    const AluLoad merged{.op = op.op,
                         .width = op.width,
                         .dst = op.dst,
                         .base = load.base,
                         .offset = load.offset,
                         .index = load.index,
                         .shift = load.shift};
    graph_.replace(at, merged);
    graph_.replace(*from, Nop{});
  }

  void take(Label at, const Branch& op) {
    const Reg* src = std::get_if<Reg>(&op.src);
    if (src != nullptr && *src == op.dst) return;
    // Either side; the immediate may be the right one only.
    if (const auto from = load_for(op.dst, at)) {
      if (replace_branch(at, op, op.op, op.src, *from)) return;
    }
    if (src == nullptr) return;
    if (const auto from = load_for(*src, at)) replace_branch(at, op, mirrored(op.op), op.dst, *from);
  }
  bool replace_branch(Label at, const Branch& op, JmpOp condition, const Operand& other, Label from) {
    const Load load = std::get<Load>(graph_.op(from));
    const std::uint32_t loaded = bits(load.size);
    if (loaded > isa::bits(op.width)) return false;
    if (loaded < isa::bits(op.width) && (is_signed(condition) || !fits(other, at, load.size))) return false;
    const BranchLoad merged{.op = condition,
                            .size = load.size,
                            .base = load.base,
                            .offset = load.offset,
                            .src = other,
                            .target = op.target,
                            .index = load.index,
                            .shift = load.shift,
                            .unless = op.unless};
    graph_.replace(at, merged);
    graph_.replace(from, Nop{});
    return true;
  }
  /// Whether the other side is a number of that size, so that comparing more bits changes nothing.
  [[nodiscard]] bool fits(const Operand& other, Label at, Size size) const {
    if (const Imm* imm = std::get_if<Imm>(&other)) return imm->value >= 0 && imm->value >> bits(size) == 0;
    const Load* load = back_.def_as<Load>({std::get<Reg>(other), at});
    return load != nullptr && load->extend == isa::Extend::kZero && isa::bytes(load->size) <= isa::bytes(size);
  }

  /// r = *p; r op= x; *p = r.
  void update(Label at, const Store& store) {
    const Reg* stored = std::get_if<Reg>(&store.src);
    if (stored == nullptr || store.swap || store.ordering != Ordering::kRelaxed) return;
    if (*stored == store.base || *stored == store.index || !graph_.dead_after(at, *stored)) return;
    const auto changed = back_.def({*stored, at});
    const Alu* alu = changed ? graph_.get<Alu>(*changed) : nullptr;
    if (alu == nullptr || !is_bitwise_or_sum(alu->op) || isa::bits(alu->width) < std::min(bits(store.size), 32u))
      return;
    if (store.size == Size::k64 && alu->width != Width::k64) return;
    if (!back_.unread(*stored, *changed, at)) return;
    if (const Reg* by = std::get_if<Reg>(&alu->src);
        by != nullptr && (*by == *stored || !back_.unwritten(*by, *changed, at)))
      return;
    const auto loaded = back_.def({*stored, *changed});
    const Load* load = loaded ? graph_.get<Load>(*loaded) : nullptr;
    if (load == nullptr || load->swap || load->ordering != Ordering::kRelaxed || load->size != store.size) return;
    if (!back_.unread(*stored, *loaded, *changed) || !same_place(*load, *loaded, store, at)) return;
    for (Label between = *loaded + 1; between < at; ++between)
      if (touches_memory(graph_.op(between)) || graph_.branches(between)) return;
    const Update merged{.op = alu->op,
                        .size = store.size,
                        .base = store.base,
                        .offset = store.offset,
                        .src = alu->src,
                        .index = store.index,
                        .shift = store.shift};
    const Label load_at = *loaded, alu_at = *changed;
    graph_.replace(load_at, Nop{});
    graph_.replace(alu_at, Nop{});
    graph_.replace(at, with_sum(merged, at));
  }
  /// Now that nothing is loaded over its terms, the sum that is for this address only may be a part of it.
  [[nodiscard]] Update with_sum(Update update, Label at) const {
    const auto sum_at = back_.def({update.base, at});
    const Sum* sum = sum_at && update.index == kNoReg ? graph_.get<Sum>(*sum_at) : nullptr;
    if (sum == nullptr || sum->width != Width::k64 || !fits_int32(std::int64_t{sum->offset} + update.offset))
      return update;
    if (!graph_.dead_after(at, update.base) || !back_.unread(update.base, *sum_at, at)) return update;
    if (update.src == Operand(update.base) || !back_.holds({sum->base, *sum_at}, at)) return update;
    if (!(sum->index == kNoReg) && !back_.holds({sum->index, *sum_at}, at)) return update;
    update.base = sum->base;
    update.offset += sum->offset;
    update.index = sum->index;
    update.shift = sum->shift;
    return update;
  }
  [[nodiscard]] bool same_place(const Load& load, Label load_at, const Store& store, Label store_at) const {
    const auto same = [&](Reg a, Reg b) {
      if (a == kNoReg || b == kNoReg) return a == b;
      return back_.same({a, load_at}, {b, store_at});
    };
    return same(load.base, store.base) && same(load.index, store.index) && load.shift == store.shift &&
           load.offset == store.offset;
  }

  Graph& graph_;
  Lookback back_;
  LastWritten loaded_;  // By loads.
};

}  // namespace

void operands(Graph& graph) { Operands(graph).run(); }

}  // namespace skep::lower::passes
