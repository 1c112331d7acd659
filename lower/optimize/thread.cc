// SPDX-License-Identifier: Apache-2.0
// Control flow: jumps that lead to jumps, branches over jumps (which is how LLVM ends loops: `if c goto out; goto
// top`), code that nothing leads to.
#include "lower/optimize/invert.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

Label skip_nops(const Graph& graph, Label at) {
  while (at < graph.size() && graph.get<Nop>(at) != nullptr) ++at;
  return at;
}

/// Where control that goes to `target` ends up.
Label destination(const Graph& graph, Label target) {
  constexpr int kMost = 16;  // Jumps may lead in a circle.
  for (int i = 0; i < kMost; ++i) {
    const Label at = skip_nops(graph, target);
    const Jump* jump = at < graph.size() ? graph.get<Jump>(at) : nullptr;
    if (jump == nullptr) return target;
    target = jump->target;
  }
  return target;
}

void redirect(Graph& graph) {
  for (Label at = 0; at < graph.size(); ++at) {
    if (!graph.branches(at)) continue;
    const Label* target = target_of(graph.op(at));
    const Label to = destination(graph, *target);
    if (to == *target) continue;
    Op op = graph.op(at);
    *target_of(op) = to;
    graph.replace(at, op);
  }
}

void invert(Graph& graph) {
  for (Label at = 0; at + 1 < graph.size(); ++at) {
    if (!graph.branches(at)) continue;
    const Branch* branch = graph.get<Branch>(at);
    if (branch == nullptr || branch->unless) continue;
    const Label next = skip_nops(graph, at + 1);
    const Jump* jump = next < graph.size() ? graph.get<Jump>(next) : nullptr;
    if (jump == nullptr || graph.is_target(next)) continue;
    const bool skips = skip_nops(graph, branch->target) == skip_nops(graph, next + 1) && branch->target > at;
    const bool ends_loop = branch->target > at && jump->target <= at;
    if (!skips && !ends_loop) continue;
    const Branch turned = inverted(*branch, jump->target);
    const Jump onward{branch->target};
    graph.replace(at, turned);
    if (skips) {
      graph.replace(next, Nop{});
    } else {
      graph.replace(next, onward);
    }
  }
}

/// Jumps to what comes next anyway.
void drop_idle_jumps(Graph& graph) {
  for (Label at = 0; at < graph.size(); ++at) {
    if (!graph.branches(at)) continue;
    const Label* target = target_of(graph.op(at));
    if (*target > at && skip_nops(graph, at + 1) >= *target) graph.replace(at, Nop{});
  }
}

void drop_unreachable(Graph& graph) {
  std::vector<std::uint8_t> reached(graph.size(), 0);
  std::vector<Label> work;
  for (const Function& function : graph.code().functions) work.push_back(function.entry);
  while (!work.empty()) {
    Label at = work.back();
    work.pop_back();
    while (at < graph.size() && reached[at] == 0) {
      reached[at] = 1;
      if (graph.branches(at)) work.push_back(*target_of(graph.op(at)));
      if (!graph.continues(at)) break;
      ++at;
    }
  }
  for (Label at = 0; at < graph.size(); ++at)
    if (reached[at] == 0 && graph.get<Nop>(at) == nullptr) graph.replace(at, Nop{});
}

}  // namespace

void thread(Graph& graph) {
  redirect(graph);
  invert(graph);
  drop_idle_jumps(graph);
  drop_unreachable(graph);
}

}  // namespace skep::lower::passes
