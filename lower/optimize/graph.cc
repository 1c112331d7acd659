// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/graph.h"

#include <algorithm>

namespace skep::lower {

void Graph::describe() {
  outlines_.clear();
  outlines_.reserve(code_.ops.size());
  for (const Op& op : code_.ops) outlines_.push_back(outline_of(op));
}

void Graph::find_targets() {
  targets_.assign(code_.ops.size(), 0);
  for (Label at = 0; at < size(); ++at)
    if (outlines_[at].branches) targets_[*target_of(code_.ops[at])] = 1;
  for (const Function& function : code_.functions) targets_[function.entry] = 1;
}

/// Backwards, and again as long as what is live before a loop is not yet known to be live at its end.
void Graph::find_liveness() {
  live_after_.resize(code_.ops.size());
  std::vector<RegSet> before(code_.ops.size() + 1, 0);
  std::vector<Label> loops;  // Branches backwards, the last one first.
  for (Label at = size(); at-- > 0;)
    if (outlines_[at].branches && *target_of(code_.ops[at]) <= at) loops.push_back(at);
  const auto pass = [&](Label end) {
    for (Label at = end; at-- > 0;) {
      const Outline& op = outlines_[at];
      RegSet live = op.continues ? before[at + 1] : RegSet{0};
      if (op.branches) live |= before[*target_of(code_.ops[at])];
      live_after_[at] = live;
      before[at] = static_cast<RegSet>((live & ~op.effects.writes) | op.effects.reads);
    }
  };
  const auto grows = [&](Label loop) { return (before[*target_of(code_.ops[loop])] & ~live_after_[loop]) != 0; };
  pass(size());
  for (auto loop = std::ranges::find_if(loops, grows); loop != loops.end(); loop = std::ranges::find_if(loops, grows))
    pass(*loop + 1);
}

void Graph::replace(Label at, const Op& op) {
  const Outline after = outline_of(op);
  branches_changed_ = branches_changed_ || outlines_[at].branches || after.branches;
  changed_ = true;
  code_.ops[at] = op;
  outlines_[at] = after;
}

void Graph::rebuild(Rebuilt all) {
  code_ = std::move(all.code);
  outlines_ = std::move(all.outlines);
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
    if (outlines_[at].branches) {
      Label& target = *target_of(op);
      target = moved[target];
    } else if (outlines_[at].refers) {
      Label& function = *function_of(op);
      function = moved[function];
    }
    code_.origin[moved[at]] = code_.origin[at];
    if (moved[at] != at) code_.ops[moved[at]] = op;
  }
  code_.ops.resize(kept);
  code_.origin.resize(kept);
  for (Function& function : code_.functions) function.entry = moved[function.entry];
  return true;
}

}  // namespace skep::lower
