// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/lookback.h"

namespace skep::lower {

Value Lookback::origin(Value value, isa::Width width) const {
  constexpr int kMostCopies = 64;  // Longer chains are made to be long.
  for (int copies = 0; copies < kMostCopies; ++copies) {
    const auto at = def(value);
    const Alu* copy = at ? graph_.get<Alu>(*at) : nullptr;
    if (copy == nullptr || copy->op != isa::AluOp::kMov) return value;
    const Reg* from = std::get_if<Reg>(&copy->src);
    if (from == nullptr) return value;
    const bool whole = copy->width == isa::Width::k64 || zero_extended({*from, *at});
    if (!whole && width == isa::Width::k64) return value;
    value = {*from, *at};
  }
  return value;
}

bool Lookback::zero_extended(Value value) const {
  const auto at = def(value);
  if (!at) return false;
  if (const Alu* alu = graph_.get<Alu>(*at)) return alu->width == isa::Width::k32;
  if (const Sum* sum = graph_.get<Sum>(*at)) return sum->width == isa::Width::k32;
  const Load* load = graph_.get<Load>(*at);
  return load != nullptr && load->extend == isa::Extend::kZero && load->size != isa::Size::k64;
}

bool Lookback::unwritten(Reg reg, Label from, Label to) const { return writes_none(reg, from + 1, to); }

bool Lookback::unread(Reg reg, Label from, Label to) const {
  for (Label at = from + 1; at < to; ++at) {
    if (contains(graph_.effects(at).reads, reg)) return false;
    // What runs where the branch goes may read it.
    if (graph_.branches(at) && contains(graph_.live_after(at), reg)) return false;
  }
  return true;
}

bool Lookback::writes_none(Reg reg, Label from, Label to) const {
  for (Label at = from; at < to; ++at)
    if (contains(graph_.effects(at).writes, reg)) return false;
  return true;
}

}  // namespace skep::lower
