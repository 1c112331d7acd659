// SPDX-License-Identifier: Apache-2.0
#include "verifier/engine/stack_liveness.h"

#include <algorithm>

namespace skep::verifier {

std::uint32_t StackLiveness::find(const State& state, std::uint32_t depth) {
  const auto same = [&](const Instance& instance) {
    if (instance.depth != depth || instance.subprogram != state.frames[depth]->subprogram) return false;
    for (std::uint32_t i = 1; i <= depth; ++i)
      if (instance.callsites[i] != state.frames[i]->callsite) return false;
    return true;
  };
  if (current_ < instances_.size() && same(instances_[current_])) return current_;
  for (std::uint32_t i = 0; i < instances_.size(); ++i)
    if (same(instances_[i])) return i;
  Instance made{.depth = depth, .subprogram = state.frames[depth]->subprogram};
  for (std::uint32_t i = 1; i <= depth; ++i) made.callsites[i] = state.frames[i]->callsite;
  if (depth > 0) made.caller = find(state, depth - 1);
  const Subprogram& sub = layout_.subprograms[made.subprogram];
  made.nodes.resize(sub.end - sub.first);
  instances_.push_back(std::move(made));
  return static_cast<std::uint32_t>(instances_.size() - 1);
}

void StackLiveness::begin(const State& state, InsnIndex at) {
  current_ = find(state, state.current);
  at_ = at;
  const std::uint32_t count = state.current + 1;
  std::fill_n(read_.begin(), count, 0);
  std::fill_n(written_.begin(), count, 0);
}

void StackLiveness::commit() {
  Instance& instance = instances_[current_];
  Node& node = instance.nodes[at_ - layout_.subprograms[instance.subprogram].first];
  for (std::uint32_t i = 0; i <= instance.depth; ++i) {
    const std::uint64_t reads = node.may_read[i] | read_[i];
    const std::uint64_t writes = node.visited ? node.must_write[i] & written_[i] : written_[i];
    if (reads == node.may_read[i] && writes == node.must_write[i]) continue;
    node.may_read[i] = reads;
    node.must_write[i] = writes;
    instance.changed = true;
  }
  node.visited = true;
}

bool StackLiveness::flow(Instance& instance, InsnIndex at) {
  const Subprogram& sub = layout_.subprograms[instance.subprogram];
  Node& node = instance.nodes[at - sub.first];
  const Successors next = successors(insns_, at);
  const Node* const fall = next.falls_through ? &instance.nodes[at + next.width - sub.first] : nullptr;
  const Node* const jump = next.target ? &instance.nodes[static_cast<InsnIndex>(*next.target) - sub.first] : nullptr;
  bool changed = false;
  for (std::uint32_t i = 0; i <= instance.depth; ++i) {
    std::uint64_t live = (fall != nullptr ? fall->live[i] : 0) | (jump != nullptr ? jump->live[i] : 0);
    live = (live & ~node.must_write[i]) | node.may_read[i];
    if (live == node.live[i]) continue;
    node.live[i] = live;
    changed = true;
  }
  return changed;
}

void StackLiveness::update(std::uint32_t index) {
  Instance& instance = instances_[index];
  if (!instance.changed) return;
  instance.changed = false;
  const Subprogram& sub = layout_.subprograms[instance.subprogram];
  for (Node& node : instance.nodes) node.live = Masks{};
  for (bool again = true; again;) {
    again = false;
    for (InsnIndex at = sub.end; at-- > sub.first;) again |= flow(instance, at);
  }
  if (instance.depth == 0) return;
  Instance& caller = instances_[instance.caller];
  Node& call = caller.nodes[instance.callsites[instance.depth] - layout_.subprograms[caller.subprogram].first];
  for (std::uint32_t i = 0; i < instance.depth; ++i) {
    const std::uint64_t reads = call.may_read[i] | instance.nodes[0].live[i];
    caller.changed |= reads != call.may_read[i];
    call.may_read[i] = reads;
  }
}

std::uint64_t StackLiveness::live(const State& state, std::uint32_t frame) {
  std::uint64_t result = 0;
  for (std::uint32_t i = state.current + 1; i-- > frame;) {
    const std::uint32_t index = find(state, i);
    // Callees first: what they read of this frame counts at their call sites.
    for (auto inner = static_cast<std::uint32_t>(instances_.size()); inner-- > 0;)
      if (instances_[inner].depth > 0) update(inner);
    update(index);
    const Instance& instance = instances_[index];
    const InsnIndex first = layout_.subprograms[instance.subprogram].first;
    InsnIndex at = frame_insn(state, i);
    // A plain call has been made already; a helper that calls back may do so again.
    if (i != state.current && !layout_.insns[at].callback_call) ++at;
    if (at - first < instance.nodes.size()) result |= instance.nodes[at - first].live[frame];
  }
  return result;
}

}  // namespace skep::verifier
