// SPDX-License-Identifier: Apache-2.0
// Where one register is moved on by constants several times in a straight line (an unrolled loop, a parser's cursor),
// the additions sink: accesses on the way take them up in their displacements, and one addition remains where the
// register's value itself is needed. A branch out of the line leads over a stub that catches up.
#include <array>
#include <optional>

#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

bool fits_int32(std::int64_t value) { return value == static_cast<std::int32_t>(value); }

/// The constant that a 64-bit op adds to its own register.
std::optional<std::int64_t> step_of(const Op& op) {
  const auto* alu = std::get_if<Alu>(&op);
  if (alu == nullptr || alu->width != Width::k64 || (alu->op != AluOp::kAdd && alu->op != AluOp::kSub))
    return std::nullopt;
  const auto* imm = std::get_if<Imm>(&alu->src);
  if (imm == nullptr) return std::nullopt;
  return alu->op == AluOp::kAdd ? imm->value : -imm->value;
}

class Sinking {
 public:
  explicit Sinking(Graph& graph) : graph_(graph), out_(graph.code()) {}

  void run() {
    if (!worth_it()) return;
    std::size_t function = 0;
    for (Label at = 0; at < graph_.size(); ++at) {
      if (function < graph_.code().functions.size() && graph_.code().functions[function].entry == at) {
        emit_stubs();
        ++function;
      }
      if (graph_.is_target(at)) {
        catch_up(kEvery, at == 0 ? 0 : at - 1);
        eligible_ = movers_from(at);
      }
      out_.place(at);
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

  bool worth_it() {
    for (Label at = 0; at < graph_.size(); ++at)
      if (graph_.is_target(at) && movers_from(at) != 0) return true;
    return false;
  }
  /// Registers that are moved on more than once between `begin` and the end of its straight line.
  RegSet movers_from(Label begin) {
    RegSet once = 0, twice = 0;
    for (Label at = begin; at < graph_.size() && (at == begin || !graph_.is_target(at)); ++at) {
      const Op& op = graph_.op(at);
      if (step_of(op)) {
        const RegSet reg = set_of(std::get<Alu>(op).dst);
        twice |= once & reg;
        once |= reg;
      }
      if (never_continues(op)) break;
    }
    return twice;
  }

  [[nodiscard]] std::int64_t pending(Reg reg) const { return reg == kNoReg ? 0 : pending_[reg.index]; }

  void sink(Label at, Op op) {
    const InsnIndex origin = graph_.code().origin[at];
    if (const auto step = step_of(op); step && contains(eligible_, std::get<Alu>(op).dst)) {
      std::int64_t& sum = pending_[std::get<Alu>(op).dst.index];
      if (fits_int32(sum + *step)) {
        sum += *step;
        return;
      }
    }
    const Effects effects = effects_of(op);
    catch_up(static_cast<RegSet>(effects.reads & ~absorb(op)), at);
    for (std::uint8_t reg = 0; reg < kRegs; ++reg)
      if (contains(effects.writes, Reg{reg})) pending_[reg] = 0;
    if (const Label* target = target_of(op)) return leave(at, op, *target);
    if (never_continues(op)) catch_up(kEvery, at);
    out_.emit(op, origin);
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
  /// Access: Load, Store or Sum. Ordered accesses have no displacement to spare on every host.
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
    for (std::uint8_t reg = 0; reg < kRegs; ++reg) {
      if (pending_[reg] == 0 || !contains(regs, Reg{reg})) continue;
      out_.emit(addition(Reg{reg}, pending_[reg]), graph_.code().origin[at]);
      pending_[reg] = 0;
    }
  }
  static Op addition(Reg reg, std::int64_t value) {
    return Alu{.op = AluOp::kAdd, .width = Width::k64, .divisor = {}, .dst = reg, .src = Imm{value}};
  }

  /// A Branch or Jump. What reads are due has been caught up with.
  void leave(Label at, const Op& op, Label target) {
    const InsnIndex origin = graph_.code().origin[at];
    const RegSet live = graph_.live_before(target);
    bool any = false;
    for (std::uint8_t reg = 0; reg < kRegs; ++reg) any |= pending_[reg] != 0 && contains(live, Reg{reg});
    const bool ends = std::holds_alternative<Jump>(op) || target <= at;
    if (any && !ends) {
      stubs_.push_back({.branch = out_.next(), .target = target, .origin = origin, .pending = pending_, .live = live});
    } else if (ends) {
      catch_up(kEvery, at);
    }
    out_.emit(op, origin);
    if (std::holds_alternative<Jump>(op)) pending_.fill(0);
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
  std::vector<Stub> stubs_;
};

}  // namespace

void sink(Graph& graph) { Sinking(graph).run(); }

}  // namespace skep::lower::passes
