// SPDX-License-Identifier: Apache-2.0
// Programs test what a lookup gave. The inlined lookup knows the answer before it is asked, and goes on right there.
#include "lower/inline/inline.h"

namespace skep::lower {

std::optional<NullTest> find_null_test(const Source& source, InsnIndex at) {
  const InsnIndex next = at + 1;
  const auto* branch = std::get_if<isa::Branch>(&source.program.insns[next]);
  if (branch == nullptr || branch->dst != isa::kR0 || branch->width != isa::Width::k64) return std::nullopt;
  const auto* imm = std::get_if<isa::Imm>(&branch->src);
  const bool equal = branch->op == isa::JmpOp::kEq;
  if (imm == nullptr || imm->value != 0 || (!equal && branch->op != isa::JmpOp::kNe)) return std::nullopt;
  const auto target = static_cast<InsnIndex>(successors(source.program.insns, next).target);
  const NullTest test{.if_null = equal ? target : next + 1,
                      .otherwise = equal ? next + 1 : target,
                      .from_call_only = source.flow.jumped_to[next] == 0};
  if (source.flow.reachable[test.if_null] == 0 || source.flow.reachable[test.otherwise] == 0) return std::nullopt;
  return test;
}

}  // namespace skep::lower
