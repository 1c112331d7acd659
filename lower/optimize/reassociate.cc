// SPDX-License-Identifier: Apache-2.0
// Sums put together so that what is late is added last. A hash, h = h * 31 + term, waits for a multiplication and an
// addition; h * 31 is (h << 5) - h, so that h waits for a shift, at the time of term - h, and an addition. And a
// pointer that moves on by what was loaded through it, plus a constant, adds the constant while it waits for the load.
// Constants among the terms of other 32-bit sums are added first.
#include <bit>
#include <optional>

#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

/// Most that a register holds is looked for so many ops back.
constexpr int kDepth = 6;
/// A factor of 3, 5 or 9 is an addition of a scaled register for x86-64, one of 7 hardly worth three ops.
constexpr std::uint64_t kLeastFactor = 15;

/// factor = (1 << shift) + 1, or - 1: the operation that makes the rest of the product.
struct Factor {
  std::uint32_t shift = 0;
  AluOp rest = AluOp::kAdd;
};
std::optional<Factor> factor_of(const Operand& operand) {
  const Imm* imm = std::get_if<Imm>(&operand);
  if (imm == nullptr || imm->value < static_cast<std::int64_t>(kLeastFactor)) return std::nullopt;
  const auto factor = static_cast<std::uint64_t>(imm->value);
  for (const auto& [power, rest] : {std::pair{factor - 1, AluOp::kAdd}, std::pair{factor + 1, AluOp::kSub}})
    if (std::has_single_bit(power))
      return Factor{.shift = static_cast<std::uint32_t>(std::countr_zero(power)), .rest = rest};
  return std::nullopt;
}

class Reassociation {
 public:
  explicit Reassociation(Graph& graph) : graph_(graph), back_(graph) {}

  void run() {
    for (Label at = 0; at < graph_.size(); ++at) constant_first(at);
    insert(graph_, sums_);
    sums_.clear();
    for (Label at = 0; at < graph_.size(); ++at) {
      const Alu* add = graph_.get<Alu>(at);
      const Reg* term = add != nullptr && add->op == AluOp::kAdd ? std::get_if<Reg>(&add->src) : nullptr;
      if (term == nullptr || *term == add->dst || !graph_.dead_after(at, *term)) continue;
      if (!hash(at, *add, add->dst, *term) && !hash(at, *add, *term, add->dst)) advance(at, *add, *term);
    }
    insert(graph_, sums_);
  }

 private:
  /// acc += a; acc += b; acc += constant: the constant is there first. Addresses (64 bits) take it up anyway.
  void constant_first(Label at) {
    const Alu* add = graph_.get<Alu>(at);
    if (add == nullptr || add->op != AluOp::kAdd || add->width != Width::k32 || !std::holds_alternative<Imm>(add->src))
      return;
    Label first = at;
    while (const auto before = only_for({add->dst, first})) {
      const Alu* other = graph_.get<Alu>(*before);
      const Reg* term = other != nullptr && other->op == AluOp::kAdd ? std::get_if<Reg>(&other->src) : nullptr;
      if (term == nullptr || other->width != Width::k32 || *term == add->dst) break;
      first = *before;
    }
    if (first == at || (!sums_.empty() && sums_.back().before >= first)) return;
    sums_.push_back({.before = first, .ops = {*add}});
    graph_.replace(at, Nop{});
  }

  /// product = h * factor; dst = product + term.
  bool hash(Label at, const Alu& add, Reg product, Reg term) {
    const auto made = only_for({product, at});
    const Alu* multiply = made ? graph_.get<Alu>(*made) : nullptr;
    if (multiply == nullptr || multiply->op != AluOp::kMul || multiply->width != add.width) return false;
    const auto factor = factor_of(multiply->src);
    if (!factor || factor->shift >= isa::bits(add.width)) return false;
    const Alu rest{.op = factor->rest, .width = add.width, .divisor = {}, .dst = term, .src = product};
    const Alu shift{
        .op = AluOp::kLsh, .width = add.width, .divisor = {}, .dst = product, .src = Imm{std::int64_t{factor->shift}}};
    graph_.replace(*made, Nop{});
    sums_.push_back({.before = at, .ops = {rest, shift}});
    return true;
  }

  /// step += constant; pointer += step.
  void advance(Label at, const Alu& add, Reg step) {
    if (add.width != Width::k64) return;
    const auto made = only_for({step, at});
    const Alu* plus = made ? graph_.get<Alu>(*made) : nullptr;
    const Imm* constant = plus != nullptr && plus->op == AluOp::kAdd ? std::get_if<Imm>(&plus->src) : nullptr;
    if (constant == nullptr || !waits_for({step, *made}, {add.dst, at})) return;
    if (plus->width == Width::k32 && !stays_short({step, *made}, constant->value)) return;
    const Alu early{.op = AluOp::kAdd, .width = Width::k64, .divisor = {}, .dst = add.dst, .src = *constant};
    graph_.replace(*made, Nop{});
    sums_.push_back({.before = at, .ops = {early}});
  }

  /// The op that made the value, if nobody else reads it.
  [[nodiscard]] std::optional<Label> only_for(Value value) const {
    const auto made = back_.def(value);
    return made && back_.unread(value.reg, *made, value.at) ? made : std::nullopt;
  }

  /// Whether the value was computed from what was loaded through the pointer.
  [[nodiscard]] bool waits_for(Value value, Value pointer) const {
    for (int depth = 0; depth < kDepth; ++depth) {
      const auto made = back_.def(value);
      if (!made) return false;
      if (const Load* load = graph_.get<Load>(*made))
        return load->index == kNoReg && back_.same(back_.origin({load->base, *made}), back_.origin(pointer));
      const Alu* alu = graph_.get<Alu>(*made);
      if (alu == nullptr && graph_.get<ByteSwap>(*made) == nullptr) return false;
      const Reg* copied = alu != nullptr && alu->op == AluOp::kMov ? std::get_if<Reg>(&alu->src) : nullptr;
      value = {copied != nullptr ? *copied : value.reg, *made};
    }
    return false;
  }
  /// Whether value + constant, of which the low halves are added, carries nothing into the upper one.
  [[nodiscard]] bool stays_short(Value value, std::int64_t constant) const {
    const auto most = at_most(value, kDepth);
    return most && constant >= 0 && *most + static_cast<std::uint64_t>(constant) <= 0xffffffff;
  }
  [[nodiscard]] std::optional<std::uint64_t> at_most(Value value, int depth) const {
    const auto made = back_.def(value);
    if (!made || depth == 0) return std::nullopt;
    if (const Load* load = graph_.get<Load>(*made)) {
      const bool is_short = load->extend == isa::Extend::kZero && isa::bytes(load->size) <= 2;
      return is_short ? std::optional((std::uint64_t{1} << 8 * isa::bytes(load->size)) - 1) : std::nullopt;
    }
    const Alu* alu = graph_.get<Alu>(*made);
    if (alu == nullptr) return std::nullopt;
    if (const Reg* from = std::get_if<Reg>(&alu->src))
      return alu->op == AluOp::kMov ? at_most({*from, *made}, depth - 1) : std::nullopt;
    const std::int64_t imm = std::get<Imm>(alu->src).value;
    if (alu->op == AluOp::kAnd && imm >= 0) return static_cast<std::uint64_t>(imm);
    if (alu->op != AluOp::kLsh || imm < 0 || imm > 16) return std::nullopt;
    const auto before = at_most({alu->dst, *made}, depth - 1);
    return before ? std::optional(*before << imm) : std::nullopt;
  }

  Graph& graph_;
  Lookback back_;
  std::vector<Insertion> sums_;  // What comes before an addition.
};

}  // namespace

void reassociate(Graph& graph) { Reassociation(graph).run(); }

}  // namespace skep::lower::passes
