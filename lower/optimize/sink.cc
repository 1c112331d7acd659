// SPDX-License-Identifier: Apache-2.0
// Where one register is moved on by constants several times in a straight line (an unrolled loop, a parser's cursor),
// the additions sink: accesses on the way take them up in their displacements, and one addition remains where the
// register's value itself is needed. A branch out of the line leads over a stub that catches up.
#include <array>
#include <bit>
#include <optional>

#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

/// The constant that a 64-bit op adds to its own register.
std::optional<std::int64_t> step_of(const Op& op) {
  const auto* alu = std::get_if<Alu>(&op);
  if (alu == nullptr || alu->width != Width::k64 || (alu->op != AluOp::kAdd && alu->op != AluOp::kSub))
    return std::nullopt;
  const auto* imm = std::get_if<Imm>(&alu->src);
  if (imm == nullptr) return std::nullopt;
  return alu->op == AluOp::kAdd ? imm->value : -imm->value;
}

/// Registers that are moved on more than once between `begin` and the end of its straight line.
RegSet movers_from(Graph& graph, Label begin) {
  RegSet once = 0, twice = 0;
  for (Label at = begin; at < graph.size() && (at == begin || !graph.is_target(at)); ++at) {
    if (step_of(graph.op(at))) {
      const RegSet reg = graph.effects(at).writes;
      twice |= once & reg;
      once |= reg;
    }
    if (!graph.continues(at)) break;
  }
  return twice;
}
bool worth_it(Graph& graph) {
  for (Label at = 0; at < graph.size(); ++at)
    if (graph.is_target(at) && movers_from(graph, at) != 0) return true;
  return false;
}

class Sinking {
 public:
  explicit Sinking(Graph& graph) : graph_(graph), out_(graph) {}

  void run() {
    std::size_t function = 0;
    for (Label at = 0; at < graph_.size(); ++at) {
      if (function < graph_.code().functions.size() && graph_.code().functions[function].entry == at) {
        emit_stubs();
        ++function;
      }
      if (graph_.is_target(at)) {
        catch_up(kEvery, at == 0 ? 0 : at - 1);
        eligible_ = movers_from(graph_, at);
      }
      sink(at, graph_.op(at));
    }
    emit_stubs();
    graph_.rebuild(out_.finish());
  }

 private:
  static constexpr RegSet kEvery = 0xffff;

  /// A branch that was taken out of a line in which additions were pending.
  struct Stub {
    Label branch = 0;  // In the new code.
    Label target = 0;  // In the old.
    InsnIndex origin = 0;
    std::array<std::int64_t, kRegs> pending{};
    RegSet live = 0;
  };

  [[nodiscard]] std::int64_t pending(Reg reg) const { return reg == kNoReg ? 0 : pending_[reg.index]; }

  void sink(Label at, const Op& op) {
    if (due_ == 0 && (graph_.effects(at).writes & eligible_) == 0) return out_.keep(at);
    out_.place(at);
    if (eligible_ != 0 && step_of(op) && contains(eligible_, std::get<Alu>(op).dst)) {
      const Reg moved = std::get<Alu>(op).dst;
      std::int64_t& sum = pending_[moved.index];
      if (fits_int32(sum + *step_of(op))) {
        sum += *step_of(op);
        due_ = static_cast<RegSet>(sum == 0 ? due_ & ~set_of(moved) : due_ | set_of(moved));
        return;
      }
    }
    if (due_ == 0) return out_.keep(at);
    const Effects effects = graph_.effects(at);
    Op moved = op;
    catch_up(static_cast<RegSet>(effects.reads & ~absorb(moved)), at);
    clear(effects.writes);
    if (const Label* target = target_of(moved)) return leave(at, moved, *target);
    if (!graph_.continues(at)) catch_up(kEvery, at);
    out_.emit(moved, graph_.code().origin[at]);
  }

  /// Takes what is pending up in the op's displacements; the registers for which that is done.
  RegSet absorb(Op& op) const {
    if (auto* load = std::get_if<Load>(&op)) return displace(*load);
    if (auto* sum = std::get_if<Sum>(&op)) return displace(*sum);
    if (auto* store = std::get_if<Store>(&op)) return static_cast<RegSet>(displace(*store) & ~set_of(store->src));
    if (const auto* copy = std::get_if<Alu>(&op); copy != nullptr && copy->op == AluOp::kMov &&
                                                  copy->width == Width::k64 && std::holds_alternative<Reg>(copy->src)) {
      const Reg from = std::get<Reg>(copy->src);
      if (pending(from) == 0) return 0;
      op = Sum{.width = Width::k64, .dst = copy->dst, .base = from, .offset = static_cast<std::int32_t>(pending(from))};
      return set_of(from);
    }
    return 0;
  }
  /// Access: Load, Store or Sum.
  template <class Access>
  RegSet displace(Access& op) const {
    const std::int64_t scaled = static_cast<std::int64_t>(static_cast<std::uint64_t>(pending(op.index)) << op.shift);
    const std::int64_t moved = op.offset + pending(op.base) + scaled;
    if (!fits_int32(moved) || (pending(op.base) == 0 && scaled == 0)) return 0;
    if constexpr (requires { op.src; })
      if (const Reg* src = std::get_if<Reg>(&op.src); src != nullptr && (*src == op.base || *src == op.index)) return 0;
    op.offset = static_cast<std::int32_t>(moved);
    return static_cast<RegSet>(set_of(op.base) | set_of(op.index));
  }

  /// Emits the pending additions to these registers.
  void catch_up(RegSet regs, Label at) {
    for (RegSet due = regs & due_; due != 0; due &= static_cast<RegSet>(due - 1)) {
      const Reg reg{static_cast<std::uint8_t>(std::countr_zero(due))};
      out_.emit(addition(reg, pending(reg)), graph_.code().origin[at]);
      clear(set_of(reg));
    }
  }
  void clear(RegSet regs) {
    for (RegSet due = regs & due_; due != 0; due &= static_cast<RegSet>(due - 1))
      pending_[static_cast<std::size_t>(std::countr_zero(due))] = 0;
    due_ &= static_cast<RegSet>(~regs);
  }
  static Op addition(Reg reg, std::int64_t value) {
    return Alu{.op = AluOp::kAdd, .width = Width::k64, .divisor = {}, .dst = reg, .src = Imm{value}};
  }

  /// A Branch or Jump. What reads are due has been caught up with.
  void leave(Label at, const Op& op, Label target) {
    const InsnIndex origin = graph_.code().origin[at];
    const auto live = static_cast<RegSet>(due_ == 0 ? 0 : graph_.live_before(target) & due_);
    const bool ends = std::holds_alternative<Jump>(op) || target <= at;
    if (live != 0 && !ends) {
      stubs_.push_back({.branch = out_.next(), .target = target, .origin = origin, .pending = pending_, .live = live});
    } else if (ends) {
      catch_up(kEvery, at);
    }
    out_.emit(op, origin);
    if (std::holds_alternative<Jump>(op)) clear(kEvery);
  }

  void emit_stubs() {
    for (const Stub& stub : stubs_) {
      out_.set_target(stub.branch, out_.next());
      for (std::uint8_t reg = 0; reg < kRegs; ++reg)
        if (stub.pending[reg] != 0 && contains(stub.live, Reg{reg}))
          out_.emit(addition(Reg{reg}, stub.pending[reg]), stub.origin);
      out_.emit(Jump{stub.target}, stub.origin);
    }
    stubs_.clear();
  }

  Graph& graph_;
  Rebuild out_;
  RegSet eligible_ = 0;
  std::array<std::int64_t, kRegs> pending_{};
  RegSet due_ = 0;  // Registers for which something is pending.
  std::vector<Stub> stubs_;
};

}  // namespace

void sink(Graph& graph) {
  if (worth_it(graph)) Sinking(graph).run();
}

}  // namespace skep::lower::passes
