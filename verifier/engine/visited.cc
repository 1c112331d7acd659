// SPDX-License-Identifier: Apache-2.0
// Pruning: a path whose state is covered by one already explored at the same instruction ends there. When to remember
// a state, how long to keep it and how loops are treated follow Linux, because they decide how many instructions a
// verification processes.
#include <algorithm>

#include "verifier/domain/subsumes.h"
#include "verifier/engine/run.h"

namespace skep::verifier {
namespace {

void mark_imprecise(State& state) {
  for_each_value(state, [](Value& value) { value.precise = false; });
}

bool is_active(const Slot& slot) {
  return slot.bytes[0] == ByteKind::kIterator && slot.value.detail == static_cast<std::uint8_t>(IteratorState::kActive);
}

/// The pointer that next() is called with points to an iterator that may still have elements.
bool is_active_iterator(const Value& pointer, const State& state) {
  if (pointer.kind != ValueKind::kStack || !pointer.scalar.is_constant()) return false;
  const std::int64_t offset = pointer.offset + static_cast<std::int64_t>(pointer.scalar.value());
  if (offset >= 0 || offset < -std::int64_t{kStackBytes}) return false;
  const auto slot = static_cast<std::uint32_t>(-offset - 1) / kSlotBytes;
  const Frame& frame = *state.frames[pointer.frame];
  return slot < frame.slots && is_active(frame.slot(slot));
}

/// An iterator gave another element since.
bool iterators_advanced(const State& old, const State& current) {
  for (std::uint32_t i = 0; i <= current.current; ++i) {
    const Frame& was = *old.frames[i];
    const Frame& is = *current.frames[i];
    for (std::uint32_t slot = 0; slot < std::min(was.slots, is.slots); ++slot)
      if (is_active(is.slot(slot)) && was.slot(slot).bytes[0] == ByteKind::kIterator &&
          was.slot(slot).value.extent != is.slot(slot).value.extent)
        return true;
  }
  return false;
}

}  // namespace

bool Run::same_calls(const State& a, const State& b) const {
  if (a.current != b.current) return false;
  for (std::uint32_t i = 0; i <= a.current; ++i)
    if (a.frames[i]->callsite != b.frames[i]->callsite) return false;
  return true;
}

void Run::clean(State& saved) {
  saved.cleaned = true;
  for (std::uint32_t i = 0; i <= saved.current; ++i) {
    Frame& frame = *saved.frames[i];
    const std::uint32_t live_regs = layout.insns[frame_insn(saved, i)].live_before;
    for (std::uint32_t reg = 0; reg < kRegs - 1; ++reg)
      if ((live_regs >> reg & 1) == 0) frame.regs[reg].kind = ValueKind::kNotInit;
    if (frame.slots == 0) continue;
    const std::uint64_t live_slots = stack_liveness.live(saved, i);
    for (std::uint32_t slot = 0; slot < frame.slots; ++slot)
      if ((live_slots >> slot & 1) == 0) frame.drop_slot(slot);
  }
}

void Run::clean_checkpoints(std::vector<Checkpoint>& list) {
  if (watch != nullptr) return;
  for (const Checkpoint& old : list) {
    State& saved = *old.state;
    if (saved.branches != 0 || saved.cleaned || !same_calls(saved, state) || marks_incomplete(saved)) continue;
    clean(saved);
  }
}

Run::Seen Run::compare_with_unfinished(const Checkpoint& old, bool& add, bool force, bool& is_hit, bool& loop) {
  // The same code run later by a timer: no loop, but what the old state will find is not known yet either.
  if (old.state->async_entries != state.async_entries) return Seen::kNew;
  const bool may_goto = std::holds_alternative<isa::MayGoto>(program.insns[at]);
  if (may_goto && old.state->may_goto_depth != state.may_goto_depth &&
      subsumes(*this, *old.state, state, Compare::kRanges)) {
    is_hit = loop = true;
    return Seen::kEqual;
  }
  if (layout.insns[at].iterator_next) {
    // Each round asks for another element, and there are not infinitely many.
    if (is_active_iterator(state.frame().regs[1], state) && subsumes(*this, *old.state, state, Compare::kRanges)) {
      is_hit = loop = true;
      return Seen::kEqual;
    }
  } else if (layout.insns[at].callback_call) {
    if (subsumes(*this, *old.state, state, Compare::kRanges)) {
      is_hit = loop = true;
      return Seen::kEqual;
    }
  } else if (maybe_looping(*old.state, state) && old.state->may_goto_depth == state.may_goto_depth &&
             old.state->callback_unroll_depth == state.callback_unroll_depth &&
             !iterators_advanced(*old.state, state) && subsumes(*this, *old.state, state, Compare::kExact)) {
    static_cast<void>(reject(DiagCode::kInfiniteLoop, std::uint64_t{at}));
    log.infinite_loop(*this, *old.state);
    return Seen::kRejected;
  }
  // In a loop, states of successive iterations differ and seldom help: remember fewer.
  if (!force && jumps_ - jumps_before_ < 20 && stats.processed - processed_before_ < 100) add = false;
  return Seen::kNew;
}

void Run::hit(Checkpoint& old, bool loop) {
  ++old.hits;
  if (layout.insns[at].jump) remember({});
  propagate_precision(*old.state, state, true, nullptr);
  if (!loop) return;
  // What the loop still finds out must reach this path too: kept until the loop has been left.
  if (LoopVisit* const visit = find_loop(*old.state, false); visit != nullptr) {
    std::size_t size = 0;
    State* const copy = save(size);
    visit->back_edges.push_back({.state = copy, .size = size, .equal = old.state});
  }
}

void Run::add_checkpoint(std::vector<Checkpoint>& list) {
  ++stats.states;
  jumps_before_ = jumps_;
  processed_before_ = stats.processed;
  mark_imprecise(state);
  Checkpoint made;
  made.state = save(made.size);
  made.state->branches = 1;
  list.push_back(made);
  stats.max_states_per_insn = std::max(stats.max_states_per_insn, static_cast<std::uint32_t>(list.size()));
  stats.peak_states = std::max(stats.peak_states, ++kept_states_);
  if (LoopVisit* const visit = find_loop(*made.state, true); visit != nullptr && visit->entry == nullptr) {
    visit->entry = made.state;
    log.loop("enter", std::span(visit->callsites).first(visit->frames), visit->scc);
  }
  state.parent = made.state;
  state.first = at;
  state.depth = made.state->depth + 1;
  live.clear_history();
}

void Run::widen(State& returning, InsnIndex insn, std::uint32_t below_depth) {
  const State* previous_entry = nullptr;
  for (const Checkpoint& old : seen_[insn])
    if (old.state->branches != 0 && old.state->depth < below_depth && same_calls(*old.state, returning))
      previous_entry = old.state;
  if (previous_entry == nullptr) return;
  const auto widen_value = [](const Value& old, Value& now) {
    if (!old.is_scalar() || !now.is_scalar() || old.precise || now.precise) return;
    if (old.scalar == now.scalar && (old.id == 0) == (now.id == 0)) return;
    make_unknown(now);
  };
  for (std::uint32_t i = 0; i <= returning.current; ++i) {
    const Frame& was = *previous_entry->frames[i];
    Frame& is = *returning.frames[i];
    for (std::uint32_t reg = 0; reg < kRegs - 1; ++reg) widen_value(was.regs[reg], is.regs[reg]);
    for (std::uint32_t slot = 0; slot < std::min(was.slots, is.slots); ++slot)
      if (was.slot(slot).is_spill() && is.slot(slot).is_spill()) widen_value(was.slot(slot).value, is.slot(slot).value);
  }
}

Run::Seen Run::visit() {
  constexpr std::uint32_t kMaxHistory = 40;
  const InsnPlan& here = layout.insns[at];
  const bool often = (program.flags & program_flags::kTestStateFrequency) != 0;
  const bool force = often || here.checkpoint || state.history_count > kMaxHistory;
  bool add = force || (jumps_ - jumps_before_ >= 2 && stats.processed - processed_before_ >= 8);

  std::vector<Checkpoint>& list = seen_[at];
  clean_checkpoints(list);
  for (std::size_t i = list.size(); i-- > 0;) {
    Checkpoint& old = list[i];
    if (old.state->frame().callsite != state.frame().callsite) continue;
    bool is_hit = false, loop = false;
    if (old.state->branches != 0) {
      if (compare_with_unfinished(old, add, force, is_hit, loop) == Seen::kRejected) return Seen::kRejected;
    } else {
      loop = marks_incomplete(*old.state);
      is_hit = subsumes(*this, *old.state, state, loop || watch != nullptr ? Compare::kRanges : Compare::kPrecise);
    }
    if (is_hit) {
      hit(old, loop);
      return Seen::kEqual;
    }
    if (add) ++old.misses;
    const std::uint32_t patience = here.checkpoint && old.state->branches > 0 ? 64 : 3;
    if (old.misses > old.hits * patience + patience) {
      evict(*old.state, old.size);
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  if (add) add_checkpoint(list);
  return Seen::kNew;
}

}  // namespace skep::verifier
