// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/graph.h"

#include "lower/optimize/dataflow.h"

namespace skep::lower {

Outline Graph::outline(const Op& op) const {
  Outline outline = outline_of(op);
  if (gave_spares_ && spares_.lost != nullptr) outline.effects.writes |= spares_.lost(op);
  return outline;
}

void Graph::give_spares() {
  gave_spares_ = true;
  if (spares_.lost == nullptr) return;
  for (Label at = 0; at < size(); ++at) outlines_[at].effects.writes |= spares_.lost(code_.ops[at]);
}

void Graph::describe() {
  outlines_.clear();
  outlines_.reserve(code_.ops.size());
  for (const Op& op : code_.ops) outlines_.push_back(outline(op));
}

void Graph::find_sources() {
  sources_.assign(code_.ops.size(), 0);
  const auto add = [&](Label at) {
    if (sources_[at] < 255) ++sources_[at];
  };
  for (Label at = 0; at < size(); ++at)
    if (outlines_[at].branches) add(*target_of(code_.ops[at]));
  for (const Function& function : code_.functions) add(function.entry);
}

void Graph::find_liveness() {
  const Region all{.code = code_, .outlines = outlines_, .begin = 0, .end = size()};
  const auto before = solve_backwards<RegSet>(all, [&](Label at, RegSet live) {
    const Effects& effects = outlines_[at].effects;
    return static_cast<RegSet>((live & ~effects.writes) | effects.reads);
  });
  live_after_.resize(code_.ops.size());
  for (Label at = 0; at < size(); ++at) live_after_[at] = all.after(before, at);
}

void Graph::replace(Label at, const Op& op) {
  const Outline after = outline(op);
  branches_changed_ = branches_changed_ || outlines_[at].branches || after.branches;
  changed_ = true;
  if (!wide_constants_.empty()) wide_constants_.erase(at);
  code_.ops[at] = op;
  outlines_[at] = after;
}

void Graph::rebuild(Rebuilt all) {
  code_ = std::move(all.code);
  outlines_ = std::move(all.outlines);
  forget();
}

void Graph::fresh() {
  if (branches_changed_) sources_.clear();
  if (changed_) live_after_.clear();
  changed_ = branches_changed_ = false;
}

void Graph::forget() {
  changed_ = branches_changed_ = true;
  wide_constants_.clear();
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
