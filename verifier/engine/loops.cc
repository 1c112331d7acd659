// SPDX-License-Identifier: Apache-2.0
// Loops whose iterations converge (callbacks, may_goto): a path that comes back to a state still being explored ends
// there, but what the rest of that exploration needs precisely is known only later. The paths that ended so are kept
// and get those marks when the loop's first state is done.
#include "verifier/engine/run.h"

namespace skep::verifier {

LoopVisit* Run::find_loop(const State& of, bool create) {
  LoopVisit key;
  for (std::uint32_t i = 0; i <= of.current; ++i) {
    const InsnIndex insn = frame_insn(of, i);
    key.frames = i;
    key.scc = layout.insns[insn].scc;
    if (key.scc != 0) break;
    if (i == of.current) return nullptr;
    key.callsites[i] = insn;
  }
  for (LoopVisit& visit : loops_)
    if (visit.scc == key.scc && visit.frames == key.frames && visit.callsites == key.callsites) return &visit;
  if (!create) return nullptr;
  loops_.push_back(std::move(key));
  return &loops_.back();
}

bool Run::marks_incomplete(const State& saved) {
  const LoopVisit* const visit = find_loop(saved, false);
  return visit != nullptr && !visit->back_edges.empty();
}

void Run::leave_loop(State& ended) {
  LoopVisit* const visit = find_loop(ended, false);
  if (visit == nullptr || visit->entry != &ended) return;
  log.loop("exit", std::span(visit->callsites).first(visit->frames), visit->scc);
  for (bool changed = true; changed;) {
    changed = false;
    for (const BackEdge& edge : visit->back_edges) propagate_precision(*edge.equal, *edge.state, false, &changed);
  }
  for (const BackEdge& edge : visit->back_edges) release(edge.state, edge.size);
  visit->back_edges.clear();
  visit->entry = nullptr;
  std::erase_if(evicted_, [&](const Pending& old) {
    if (marks_incomplete(*old.state)) return false;
    release(old.state, old.size);
    return true;
  });
}

}  // namespace skep::verifier
