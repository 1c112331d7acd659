// SPDX-License-Identifier: Apache-2.0
#include "verifier/engine/stack_liveness.h"

#include <algorithm>

namespace skep::verifier {

StackLiveness::StackLiveness(const isa::Insns& insns, const Layout& layout)
    : layout_(layout),
      next_(insns.size(), kNoInsn),
      target_(insns.size(), kNoInsn),
      first_predecessor_(insns.size() + 1) {
  const auto count = static_cast<InsnIndex>(insns.size());
  for (InsnIndex at = 0; at < count; ++at) {
    const Successors to = successors(insns, at);
    if (to.falls_through && at + to.width < count) next_[at] = at + to.width;
    if (to.target) target_[at] = static_cast<InsnIndex>(*to.target);
  }
  const auto for_each_edge = [&](auto f) {
    for (InsnIndex at = 0; at < count; ++at) {
      if (next_[at] != kNoInsn) f(at, next_[at]);
      if (target_[at] != kNoInsn) f(at, target_[at]);
    }
  };
  for_each_edge([&](InsnIndex, InsnIndex to) { ++first_predecessor_[to + 1]; });
  for (InsnIndex at = 0; at < count; ++at) first_predecessor_[at + 1] += first_predecessor_[at];
  predecessors_.resize(first_predecessor_[count]);
  std::vector<std::uint32_t> filled(first_predecessor_.begin(), first_predecessor_.end() - 1);
  for_each_edge([&](InsnIndex from, InsnIndex to) { predecessors_[filled[to]++] = from; });
}

std::uint32_t StackLiveness::find(const State& state, std::uint32_t depth) {
  const std::uint32_t caller = depth > 0 ? find(state, depth - 1) : kNone;
  const std::uint64_t callsite = depth > 0 ? state.frames[depth]->callsite : 0;
  const std::uint32_t subprogram = state.frames[depth]->subprogram;
  std::vector<std::uint32_t>& children = children_[std::uint64_t{caller} << 32 | callsite];
  for (const std::uint32_t child : children)
    if (instances_[child].subprogram == subprogram) return child;
  const Subprogram& sub = layout_.subprograms[subprogram];
  Instance made{.depth = depth, .subprogram = subprogram, .caller = caller, .first = sub.first};
  for (std::uint32_t i = 1; i <= depth; ++i) made.callsites[i] = state.frames[i]->callsite;
  made.masks.resize(std::size_t{sub.end - sub.first} * (depth + 1));
  made.flags.resize(sub.end - sub.first);
  instances_.push_back(std::move(made));
  children.push_back(static_cast<std::uint32_t>(instances_.size() - 1));
  return children.back();
}

void StackLiveness::changed(std::uint32_t index, InsnIndex insn) {
  Instance& instance = instances_[index];
  if (instance.changed.empty()) dirty_.insert(index);
  if (instance.changed.empty() || instance.changed.back() != insn) instance.changed.push_back(insn);
}

void StackLiveness::commit_accesses() {
  Instance& instance = instances_[current_];
  std::uint8_t& flags = instance.flags[at_ - instance.first];
  const bool visited = (flags & kVisited) != 0;
  flags = kVisited;
  for (std::uint32_t i = 0; i <= instance.depth; ++i) {
    Masks& masks = instance.at(at_, i);
    const std::uint64_t reads = masks.may_read | access_[i].read;
    const std::uint64_t writes = visited ? masks.must_write & access_[i].written : access_[i].written;
    access_[i] = {};
    if (writes != 0) flags |= kWrites;
    if (reads == masks.may_read && writes == masks.must_write) continue;
    const std::uint64_t killed = writes & ~masks.must_write & ~reads;
    masks.may_read = reads;
    masks.must_write = writes;
    if (killed != 0) withdraw(instance, {.insn = at_, .frame = i, .bits = killed});
    changed(current_, at_);
  }
  touched_ = false;
}

/// Bits were live before an instruction only because of what comes after it, and now it overwrites them. Takes them
/// away from it and from everything that had them from it; who has them from elsewhere too gets them back in update().
void StackLiveness::withdraw(Instance& instance, Withdrawal first) {
  const auto index = static_cast<std::uint32_t>(&instance - instances_.data());
  withdrawals_.assign(1, first);
  while (!withdrawals_.empty()) {
    const Withdrawal taken = withdrawals_.back();
    withdrawals_.pop_back();
    Masks& masks = instance.at(taken.insn, taken.frame);
    const std::uint64_t bits = taken.bits & masks.live & ~masks.may_read;
    if (bits == 0) continue;
    masks.live &= ~bits;
    changed(index, taken.insn);
    for_each_predecessor(taken.insn, [&](InsnIndex before) {
      withdrawals_.push_back({.insn = before, .frame = taken.frame, .bits = bits});
    });
  }
}

bool StackLiveness::flow(Instance& instance, InsnIndex at) {
  const InsnIndex next = next_[at], target = target_[at];
  bool grown = false;
  for (std::uint32_t i = 0; i <= instance.depth; ++i) {
    std::uint64_t live = 0;
    if (next != kNoInsn) live |= instance.at(next, i).live;
    if (target != kNoInsn) live |= instance.at(target, i).live;
    Masks& masks = instance.at(at, i);
    live = (live & ~masks.must_write) | masks.may_read;
    if (live == masks.live) continue;
    masks.live = live;
    grown = true;
  }
  return grown;
}

void StackLiveness::update(std::uint32_t index) {
  Instance& instance = instances_[index];
  std::vector<InsnIndex>& work = instance.changed;
  while (!work.empty()) {
    const InsnIndex at = work.back();
    work.pop_back();
    if (flow(instance, at)) for_each_predecessor(at, [&](InsnIndex before) { work.push_back(before); });
  }
  if (instance.depth == 0) return;
  Instance& caller = instances_[instance.caller];
  const InsnIndex call = instance.callsites[instance.depth];
  for (std::uint32_t i = 0; i < instance.depth; ++i) {
    Masks& masks = caller.at(call, i);
    const std::uint64_t reads = masks.may_read | instance.at(instance.first, i).live;
    if (reads == masks.may_read) continue;
    masks.may_read = reads;
    changed(instance.caller, call);
  }
}

std::uint64_t StackLiveness::live(const State& state, std::uint32_t frame) {
  std::uint64_t result = 0;
  for (std::uint32_t i = state.current + 1; i-- > frame;) {
    const std::uint32_t index = find(state, i);
    // Callees first: what they read of this frame counts at their call sites.
    while (!dirty_.empty()) {
      const std::uint32_t last = *dirty_.rbegin();
      dirty_.erase(last);
      update(last);
    }
    Instance& instance = instances_[index];
    InsnIndex at = frame_insn(state, i);
    // A plain call has been made already; a helper that calls back may do so again.
    if (i != state.current && !layout_.insns[at].callback_call) ++at;
    if (at - instance.first < instance.flags.size()) result |= instance.at(at, frame).live;
  }
  return result;
}

}  // namespace skep::verifier
