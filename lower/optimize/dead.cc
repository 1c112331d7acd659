// SPDX-License-Identifier: Apache-2.0
// Dead code: ops that only compute a register that nobody reads before it is written again.
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
  RegSet live = 0;  // After the op at hand, as far as kept ops read.
  for (Label at = graph.size(); at-- > 0;) {
    const Op& op = graph.op(at);
    const bool ends_block =
        at + 1 == graph.size() || graph.branches(at) || !graph.continues(at) || graph.is_target(at + 1);
    if (ends_block) live = graph.live_after(at);
    const Effects effects = graph.effects(at);
    if (graph.is_pure(at) && ((effects.writes & live) == 0 || copies_itself(op))) {
      graph.replace(at, Nop{});
      continue;
    }
    live = static_cast<RegSet>((live & ~effects.writes) | effects.reads);
  }
}

}  // namespace skep::lower::passes
