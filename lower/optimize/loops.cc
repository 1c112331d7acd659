// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/loops.h"

#include <algorithm>
#include <limits>

namespace skep::lower {

using isa::AluOp;

Loops::Loops(Graph& graph) : graph_(graph), last_(graph.size(), 0) {
  for (Label at = 0; at < graph.size(); ++at) {
    if (!graph.branches(at)) continue;
    if (const Label target = *target_of(graph.op(at)); target <= at) last_[target] = at + 1;
  }
}

std::optional<Extent> Loops::extent(Label head) {
  constexpr std::size_t kMost = 16;  // Times that an op is looked at, in the mean.
  Extent loop{.head = head, .last = head, .written = 0};
  for (Label at = head; at <= loop.last; ++at) {
    if (++looked_at_ > kMost * graph_.size()) return std::nullopt;
    if (last_[at] != 0) loop.last = std::max(loop.last, last_[at] - 1);
    loop.written |= graph_.effects(at).writes;
  }
  return loop;
}

std::optional<Count> Loops::count(const Extent& loop) const {
  const Branch* test = graph_.get<Branch>(loop.last);
  if (test == nullptr || test->target != loop.head || test->unless) return std::nullopt;
  const Imm* limit = std::get_if<Imm>(&test->src);
  if (limit == nullptr) return std::nullopt;
  Count count{.steppers = {}, .tested = test->dst, .op = test->op, .limit = limit->value};
  RegSet seen = 0, always = 0;
  Label skipped_to = 0;  // By branches so far.
  for (Label at = loop.head; at < loop.last; ++at) {
    if (graph_.branches(at)) {
      const Label target = *target_of(graph_.op(at));
      if (target == loop.head) return std::nullopt;
      if (target > at && target <= loop.last) skipped_to = std::max(skipped_to, target);
      for (Stepper& stepper : count.steppers)
        if (target <= at && stepper.at >= target) stepper.step = 0;
    }
    const RegSet writes = graph_.effects(at).writes;
    if (writes == 0) continue;
    for (std::uint8_t reg = 0; reg < kRegs; ++reg)
      if (contains(static_cast<RegSet>(writes & seen), Reg{reg})) count.steppers[reg].step = 0;
    const Alu* add = graph_.get<Alu>(at);
    const Imm* step = add != nullptr && add->op == AluOp::kAdd ? std::get_if<Imm>(&add->src) : nullptr;
    if (step != nullptr && (seen & writes) == 0) {
      count.steppers[add->dst.index] = {.at = at, .step = step->value, .width = add->width};
      if (at >= skipped_to) always |= writes;
    }
    seen |= writes;
  }
  const Stepper& tested = count.steppers[test->dst.index];
  if (tested.step == 0 || !contains(always, test->dst)) return std::nullopt;
  return count;
}

std::optional<std::uint64_t> Count::trips(std::uint64_t start) const {
  // Small numbers only: then none wraps, and signs and widths make no difference.
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() / 2;
  const std::int64_t step = steppers[tested.index].step;
  const auto from = static_cast<std::int64_t>(start);
  if (from < 0 || from > kMost || limit < 0 || limit > kMost || step > kMost || step < -kMost) return std::nullopt;
  const std::int64_t way = limit - from;
  if (op == isa::JmpOp::kNe) {
    if (way / step <= 0 || way % step != 0) return std::nullopt;
    return static_cast<std::uint64_t>(way / step);
  }
  if ((op != isa::JmpOp::kLt && op != isa::JmpOp::kSLt) || step < 0) return std::nullopt;
  return way <= step ? 1 : static_cast<std::uint64_t>((way + step - 1) / step);
}

}  // namespace skep::lower
