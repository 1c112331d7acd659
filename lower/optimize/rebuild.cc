// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/rebuild.h"

#include <cassert>
#include <numeric>

#include "lower/effects.h"

namespace skep::lower {

Rebuild::Rebuild(const Graph& old) : old_(old), places_(old.size() + 1, kNowhere) {
  const std::size_t likely = old.size() + old.size() / 4;
  code_.ops.reserve(likely);
  outlines_.reserve(likely);
  code_.origin.reserve(likely);
  is_new_.reserve(likely);
}

void Rebuild::emit_to(const Op& op, InsnIndex origin, Label target) {
  emit(op, origin);
  set_target(next() - 1, target);
}

void Rebuild::set_target(Label at, Label target) {
  *target_of(code_.ops[at]) = target;
  is_new_[at] = 1;
}

void Rebuild::keep(Label from, Label to) {
  const auto append = [&](auto& end, const auto& old) { end.insert(end.end(), old.begin() + from, old.begin() + to); };
  std::iota(places_.begin() + from, places_.begin() + to, next());
  append(code_.ops, old_.code().ops);
  append(code_.origin, old_.code().origin);
  append(outlines_, old_.outlines());
  is_new_.resize(code_.ops.size());
}

Rebuilt Rebuild::finish() {
  places_.back() = next();
  const auto move = [this](Label& label) {
    assert(places_[label] != kNowhere);
    label = places_[label];
  };
  for (Label at = 0; at < next(); ++at) {
    if (outlines_[at].branches && is_new_[at] == 0) move(*target_of(code_.ops[at]));
    if (outlines_[at].refers) move(*function_of(code_.ops[at]));
  }
  for (const Function& function : old_.code().functions) {
    if (places_[function.entry] == kNowhere) continue;
    code_.functions.push_back(function);
    move(code_.functions.back().entry);
  }
  code_.helpers = old_.code().helpers;
  code_.helper_maps = old_.code().helper_maps;
  return {.code = std::move(code_), .outlines = std::move(outlines_)};
}

void insert(Graph& graph, std::span<const Insertion> insertions) {
  if (insertions.empty()) return;
  Rebuild out(graph);
  Label done = 0;
  for (const Insertion& insertion : insertions) {
    const Label at = insertion.before;
    const InsnIndex origin = graph.code().origin[at];
    out.keep(done, at);
    out.place(at);
    for (const Op& op : insertion.ops) out.emit(op, origin);
    out.emit(graph.op(at), origin);
    done = at + 1;
  }
  out.keep(done, graph.size());
  graph.rebuild(out.finish());
}

}  // namespace skep::lower
