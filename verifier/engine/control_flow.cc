// SPDX-License-Identifier: Apache-2.0
// Every slot must be reachable by following jumps, whatever their conditions; on the way, the places are marked where
// exploration compares states. Depth first, falling through before jumping, as Linux walks, so that the first fault
// found is the same.
#include <algorithm>
#include <variant>

#include "verifier/engine/layout.h"

namespace skep::verifier {
namespace {

class Walk {
 public:
  Walk(const Program& program, const Platform& platform, Layout& layout)
      : insns_(program.insns), platform_(platform), layout_(layout), next_edge_(insns_.size(), kUnseen) {}

  std::optional<Diagnostic> run() {
    enter(0);
    if (layout_.exception_callback) enter_exception_callback();
    while (!stack_.empty()) {
      const InsnIndex at = stack_.back();
      const std::uint8_t edge = next_edge_[at]++;
      if (edge == 0) {
        mark(at);
        if (auto found = follow_fall_through(at)) return found;
      } else if (edge == 1) {
        if (auto found = follow_jump(at)) return found;
      } else {
        stack_.pop_back();
      }
    }
    return check_coverage();
  }

 private:
  static constexpr std::uint8_t kUnseen = 255;

  void enter(std::int64_t at) {
    if (next_edge_[static_cast<std::size_t>(at)] != kUnseen) return;
    next_edge_[static_cast<std::size_t>(at)] = 0;
    stack_.push_back(static_cast<InsnIndex>(at));
  }

  /// Nobody calls it.
  void enter_exception_callback() {
    const InsnIndex first = layout_.subprograms[*layout_.exception_callback].first;
    layout_.insns[first].prune = true;
    enter(first);
  }

  void mark(InsnIndex at) {
    const isa::Insn& insn = insns_[at];
    const CallbackUse use = callback_use(insn, platform_, layout_);
    if (use == CallbackUse::kLater) layout_.insns[at].prune = true;
    if (use == CallbackUse::kNow) {
      layout_.insns[at].callback_call = layout_.insns[at].checkpoint = true;
      layout_.insns[at].prune = layout_.insns[at].jump = true;
    }
    const Kfunc* const kfunc = layout_.find_kfunc(insn);
    if (kfunc != nullptr && kfunc->row != nullptr && kfunc->row->has(KfuncFlag::kIterNext)) {
      layout_.insns[at].iterator_next = layout_.insns[at].checkpoint = true;
      layout_.insns[at].prune = layout_.insns[at].jump = true;
    }
    if (std::holds_alternative<isa::Branch>(insn)) layout_.insns[at].prune = true;
    if (std::holds_alternative<isa::MayGoto>(insn)) layout_.insns[at].prune = layout_.insns[at].checkpoint = true;
    if (callee(insns_, at)) layout_.insns[at].prune = true;
  }
  void mark_target(std::int64_t at) {
    layout_.insns[static_cast<std::size_t>(at)].prune = layout_.insns[static_cast<std::size_t>(at)].jump = true;
  }
  [[nodiscard]] bool in_program(std::int64_t at) const {
    return at >= 0 && at < static_cast<std::int64_t>(insns_.size());
  }
  static Diagnostic out_of_range(InsnIndex at, std::int64_t to) {
    return {.code = DiagCode::kJumpOutOfRange, .at = at, .args = {std::uint64_t{at}, to}};
  }

  std::optional<Diagnostic> follow_fall_through(InsnIndex at) {
    const Successors next = successors(insns_, at);
    if (!next.falls_through) return std::nullopt;
    const std::int64_t to = std::int64_t{at} + next.width;
    if (!in_program(to)) return out_of_range(at, to);
    if (std::holds_alternative<isa::Call>(insns_[at]) || callee(insns_, at)) mark_target(to);
    enter(to);
    return std::nullopt;
  }
  std::optional<Diagnostic> follow_jump(InsnIndex at) {
    const Successors next = successors(insns_, at);
    const auto to = next.target ? next.target : callee(insns_, at);
    if (!to) return std::nullopt;
    if (!in_program(*to)) return out_of_range(at, *to);
    mark_target(*to);
    enter(*to);
    return std::nullopt;
  }

  std::optional<Diagnostic> check_coverage() {
    for (InsnIndex at = 0; at < insns_.size(); ++at) {
      if (next_edge_[at] == kUnseen)
        return Diagnostic{.code = DiagCode::kUnreachableInsn, .at = at, .args = {std::uint64_t{at}}};
      if (!std::holds_alternative<isa::LoadImm64>(insns_[at])) continue;
      ++at;
      if (next_edge_[at] != kUnseen)
        return Diagnostic{.code = DiagCode::kJumpIntoLoadImm64, .at = at - 1, .args = {std::uint64_t{at - 1}}};
    }
    return std::nullopt;
  }

  const isa::Insns& insns_;
  const Platform& platform_;
  Layout& layout_;
  std::vector<std::uint8_t> next_edge_;  // Edges followed so far.
  std::vector<InsnIndex> stack_;
};

/// Tarjan's strongly connected components over the edges inside subprograms, without recursion.
class Loops {
 public:
  Loops(const Program& program, Layout& layout)
      : insns_(program.insns), layout_(layout), order_(insns_.size()), low_(insns_.size()), on_stack_(insns_.size()) {}

  void run() {
    for (InsnIndex at = 0; at < insns_.size(); ++at) {
      if (std::holds_alternative<isa::Continuation>(insns_[at])) continue;
      if (order_[at] == 0) component_from(at);
    }
  }

 private:
  struct Visit {
    InsnIndex at = 0;
    std::uint8_t edge = 0;
  };

  [[nodiscard]] std::optional<InsnIndex> edge(InsnIndex at, std::uint8_t number) const {
    const Successors next = successors(insns_, at);
    if (number == 0) return next.falls_through ? std::optional<InsnIndex>{at + next.width} : std::nullopt;
    return next.target ? std::optional<InsnIndex>{static_cast<InsnIndex>(*next.target)} : std::nullopt;
  }

  void open(InsnIndex at) {
    order_[at] = low_[at] = ++counter_;
    on_stack_[at] = true;
    component_.push_back(at);
    visits_.push_back({.at = at});
  }

  void component_from(InsnIndex root) {
    open(root);
    while (!visits_.empty()) {
      Visit& visit = visits_.back();
      if (visit.edge < 2) {
        const auto to = edge(visit.at, visit.edge++);
        if (!to) continue;
        if (order_[*to] == 0) {
          open(*to);
        } else if (on_stack_[*to]) {
          low_[visit.at] = std::min(low_[visit.at], order_[*to]);
        }
        continue;
      }
      const InsnIndex at = visit.at;
      visits_.pop_back();
      if (!visits_.empty()) low_[visits_.back().at] = std::min(low_[visits_.back().at], low_[at]);
      if (low_[at] == order_[at]) close(at);
    }
  }

  void close(InsnIndex root) {
    const bool loop = component_.back() != root || edge(root, 0) == root || edge(root, 1) == root;
    if (loop) ++loops_;
    InsnIndex member = root;
    do {
      member = component_.back();
      component_.pop_back();
      on_stack_[member] = false;
      if (loop) layout_.insns[member].scc = loops_;
    } while (member != root);
  }

  const isa::Insns& insns_;
  Layout& layout_;
  std::vector<std::uint32_t> order_, low_;
  std::vector<bool> on_stack_;
  std::vector<InsnIndex> component_;
  std::vector<Visit> visits_;
  std::uint32_t counter_ = 0, loops_ = 0;
};

}  // namespace

std::optional<Diagnostic> check_control_flow(const Program& program, const Platform& platform, Layout& layout) {
  return Walk(program, platform, layout).run();
}

void compute_loops(const Program& program, Layout& layout) { Loops(program, layout).run(); }

}  // namespace skep::verifier
