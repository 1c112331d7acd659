// SPDX-License-Identifier: Apache-2.0
// Division and modulo by a constant. A divider takes 15 to 40 cycles, a multiplication by the reciprocal 5 to 8. How is
// the emitters' affair, because the high half of a product is an instruction of the machine and not of this code; here
// it is only said where.
#include "lower/optimize/passes.h"

namespace skep::lower::passes {

void divide(Graph& graph) {
  for (Label at = 0; at < graph.size(); ++at) {
    const Alu* alu = graph.get<Alu>(at);
    const Imm* imm = alu != nullptr && divides(alu->op) ? std::get_if<Imm>(&alu->src) : nullptr;
    if (imm == nullptr || imm->value == 0) continue;
    Alu marked = *alu;
    marked.divisor = Divisor::kConstant;
    graph.replace(at, marked);
  }
}

}  // namespace skep::lower::passes
