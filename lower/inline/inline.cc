// SPDX-License-Identifier: Apache-2.0
#include "lower/inline/inline.h"

#include <bit>
#include <limits>

namespace skep::lower {

std::optional<Lowered> inline_helper(Builder& builder, const Source& source, InsnIndex at, HelperId id) {
  // Most helpers are called: what is not named here is.
  if (id == HelperId::map_lookup_elem) return inline_array_lookup(builder, source, at);
  if (id == HelperId::redirect) {
    inline_redirect(builder, source);
    return Lowered::kCall;
  }
  if (id == HelperId::get_smp_processor_id) {
    builder.emit(LoadEnv{.field = EnvField::kCpu, .dst = isa::kR0});
    return Lowered::kCall;
  }
  // A Vm's CPUs are one NUMA node.
  if (id == HelperId::get_numa_node_id) {
    builder.emit(move(isa::kR0, Imm{0}));
    return Lowered::kCall;
  }
  return std::nullopt;
}

void emit_scale(Builder& builder, Reg dst, std::uint64_t factor, Reg spare) {
  using isa::AluOp;
  using isa::Width;
  if (std::has_single_bit(factor)) {
    if (factor != 1) builder.emit(alu(AluOp::kLsh, Width::k64, dst, Imm{std::countr_zero(factor)}));
  } else if (factor <= std::uint64_t{std::numeric_limits<std::int32_t>::max()}) {
    builder.emit(alu(AluOp::kMul, Width::k64, dst, Imm{static_cast<std::int64_t>(factor)}));
  } else {
    builder.emit(move(spare, Imm{static_cast<std::int64_t>(factor)}));
    builder.emit(alu(AluOp::kMul, Width::k64, dst, spare));
  }
}

}  // namespace skep::lower
