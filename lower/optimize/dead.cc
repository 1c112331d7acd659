// SPDX-License-Identifier: Apache-2.0
// Dead code: ops that only compute a register that nobody reads before it is written again.
#include "lower/optimize/dataflow.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

bool copies_itself(const Op& op) {
  const auto* alu = std::get_if<Alu>(&op);
  return alu != nullptr && alu->op == isa::AluOp::kMov && alu->width == isa::Width::k64 &&
         alu->src == Operand(alu->dst);
}

}  // namespace

void dead(Graph& graph) {
  const Region all{.code = graph.code(), .outlines = graph.outlines(), .begin = 0, .end = graph.size()};
  const auto goes = [&](Label at, RegSet live) {
    return graph.is_pure(at) && ((graph.effects(at).writes & live) == 0 || copies_itself(graph.op(at)));
  };
  // What only such ops read is not live.
  const auto before = solve_backwards<RegSet>(all, [&](Label at, RegSet live) {
    if (goes(at, live)) return live;
    const Effects effects = graph.effects(at);
    return static_cast<RegSet>((live & ~effects.writes) | effects.reads);
  });
  for (Label at = graph.size(); at-- > 0;)
    if (goes(at, all.after(before, at))) graph.replace(at, Nop{});
}

}  // namespace skep::lower::passes
