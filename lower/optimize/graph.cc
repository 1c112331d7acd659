// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/graph.h"

namespace skep::lower {

void Graph::describe() {
  outlines_.clear();
  outlines_.reserve(code_.ops.size());
  for (const Op& op : code_.ops) outlines_.push_back(outline_of(op));
}

void Graph::find_targets() {
  targets_.assign(code_.ops.size(), Target::kNo);
  for (const Function& function : code_.functions) targets_[function.entry] = Target::kFromBefore;
  for (Label at = 0; at < size(); ++at) {
    if (!outlines_[at].branches) continue;
    const Label to = *target_of(code_.ops[at]);
    if (targets_[to] != Target::kFromBehind) targets_[to] = to <= at ? Target::kFromBehind : Target::kFromBefore;
  }
}

/// Backwards until nothing changes; only edges that lead backwards in the code make another round necessary.
void Graph::find_liveness() {
  if (targets_.empty()) find_targets();
  live_after_.resize(code_.ops.size());
  std::vector<RegSet> live_before(code_.ops.size(), 0);  // Of targets.
  for (bool again = true; again;) {
    again = false;
    RegSet next = 0;  // Before the op behind the one at hand.
    for (std::size_t at = code_.ops.size(); at-- > 0;) {
      const Outline& op = outlines_[at];
      RegSet live = op.continues ? next : RegSet{0};
      if (op.branches) live |= live_before[*target_of(code_.ops[at])];
      live_after_[at] = live;
      next = static_cast<RegSet>((live & ~op.effects.writes) | op.effects.reads);
      if (targets_[at] == Target::kNo) continue;
      // A loop's head that became live earlier than its end was looked at.
      again = again || (targets_[at] == Target::kFromBehind && next != live_before[at]);
      live_before[at] = next;
    }
  }
}

void Graph::replace(Label at, const Op& op) {
  const Outline after = outline_of(op);
  branches_changed_ = branches_changed_ || outlines_[at].branches || after.branches;
  changed_ = true;
  code_.ops[at] = op;
  outlines_[at] = after;
}

void Graph::rebuild(Code code) {
  code_ = std::move(code);
  describe();
  forget();
}

void Graph::fresh() {
  if (branches_changed_) targets_.clear();
  if (changed_) live_after_.clear();
  changed_ = branches_changed_ = false;
}

void Graph::forget() {
  changed_ = branches_changed_ = true;
  fresh();
}

Code Graph::take() && {
  drop_nops();
  return std::move(code_);
}

void Graph::compact() {
  if (!drop_nops()) return;
  describe();
  forget();
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
