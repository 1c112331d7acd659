// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/graph.h"

namespace skep::lower {

Graph::Shape Graph::shape_of(const Op& op) {
  return {.effects = effects_of(op),
          .continues = !never_continues(op),
          .branches = target_of(op) != nullptr,
          .pure = only_computes(op)};
}

void Graph::describe() {
  shapes_.resize(code_.ops.size());
  for (std::size_t at = 0; at < shapes_.size(); ++at) shapes_[at] = shape_of(code_.ops[at]);
}

void Graph::find_targets() {
  targets_.assign(code_.ops.size(), 0);
  for (Label at = 0; at < size(); ++at)
    if (shapes_[at].branches) targets_[*target_of(code_.ops[at])] = 1;
  for (const Function& function : code_.functions) targets_[function.entry] = 1;
}

bool Graph::is_target(Label at) {
  if (targets_.empty()) find_targets();
  return targets_[at] != 0;
}

/// Backwards until nothing changes; only edges that lead backwards in the code make another round necessary.
void Graph::find_liveness() {
  const std::size_t count = code_.ops.size();
  live_after_.assign(count, 0);
  std::vector<RegSet> live_before(count + 1, 0);
  for (bool again = true; again;) {
    again = false;
    for (std::size_t at = count; at-- > 0;) {
      const Shape& shape = shapes_[at];
      RegSet live = shape.continues ? live_before[at + 1] : RegSet{0};
      if (shape.branches) live |= live_before[*target_of(code_.ops[at])];
      live_after_[at] = live;
      const auto before = static_cast<RegSet>((live & ~shape.effects.writes) | shape.effects.reads);
      // A loop's head that became live earlier than its end was looked at.
      if (before != live_before[at] && targets_[at] != 0) again = true;
      live_before[at] = before;
    }
  }
}

RegSet Graph::live_after(Label at) {
  if (live_after_.empty()) {
    if (targets_.empty()) find_targets();
    find_liveness();
  }
  return live_after_[at];
}

RegSet Graph::live_before(Label at) {
  return static_cast<RegSet>((live_after(at) & ~shapes_[at].effects.writes) | shapes_[at].effects.reads);
}

void Graph::replace(Label at, const Op& op) {
  code_.ops[at] = op;
  shapes_[at] = shape_of(op);
  changed_ = true;
}

void Graph::rebuild(Code code) {
  code_ = std::move(code);
  describe();
  targets_.clear();
  live_after_.clear();
  changed_ = false;
}

void Graph::fresh() {
  if (!changed_) return;
  targets_.clear();
  live_after_.clear();
  changed_ = false;
}

Code Graph::take() && {
  drop_nops();
  return std::move(code_);
}

void Graph::compact() {
  if (!drop_nops()) return;
  describe();
  targets_.clear();
  live_after_.clear();
}

bool Graph::drop_nops() {
  std::vector<Label> moved(code_.ops.size() + 1);
  Label kept = 0;
  for (Label at = 0; at < size(); ++at) {
    moved[at] = kept;
    if (!std::holds_alternative<Nop>(code_.ops[at])) ++kept;
  }
  moved[code_.ops.size()] = kept;
  if (kept == size()) return false;
  for (Label at = 0; at < size(); ++at) {
    Op& op = code_.ops[at];
    if (std::holds_alternative<Nop>(op)) continue;
    if (Label* target = target_of(op)) *target = moved[*target];
    if (auto* call = std::get_if<CallLocal>(&op)) call->target = moved[call->target];
    if (auto* symbol = std::get_if<LoadSymbol>(&op); symbol != nullptr && symbol->kind == SymbolKind::kFunction)
      symbol->index = moved[symbol->index];
    code_.origin[moved[at]] = code_.origin[at];
    if (moved[at] != at) code_.ops[moved[at]] = op;
  }
  code_.ops.resize(kept);
  code_.origin.resize(kept);
  for (Function& function : code_.functions) function.entry = moved[function.entry];
  return true;
}

}  // namespace skep::lower
