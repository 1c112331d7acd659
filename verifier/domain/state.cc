// SPDX-License-Identifier: Apache-2.0
#include "verifier/domain/state.h"

#include <algorithm>
#include <memory>
#include <new>

namespace skep::verifier {

std::uint32_t Slot::spill_size() const {
  std::uint32_t size = 0;
  while (size < kSlotBytes && bytes[size] == ByteKind::kSpill) ++size;
  return size;
}

void erase_reference(State& state, std::uint32_t index) {
  const auto begin = state.references.begin();
  std::copy(begin + index + 1, begin + state.reference_count, begin + index);
  --state.reference_count;
}

bool forget_reference(State& state, std::uint32_t id) {
  for (std::uint32_t i = 0; i < state.reference_count; ++i) {
    if (state.references[i].id != id || state.references[i].kind != ReferenceKind::kObject) continue;
    erase_reference(state, i);
    return true;
  }
  return false;
}

LiveState::LiveState() : frames_(kMaxFrames), slots_(std::size_t{kMaxFrames} * kStackSlots), history_(64) {
  for (std::uint32_t i = 0; i < kMaxFrames; ++i) {
    frames_[i].stack = &slots_[std::size_t{i} * kStackSlots];
    state_.frames[i] = &frames_[i];
  }
  state_.history = history_.data();
}

void LiveState::reset() {
  const auto frames = state_.frames;
  state_ = State{};
  state_.frames = frames;
  state_.history = history_.data();
  Slot* const stack = frames_[0].stack;
  frames_[0] = Frame{};
  frames_[0].stack = stack;
}

void LiveState::restore(const State& from) {
  if (history_.size() < from.history_count) history_.resize(from.history_count * std::size_t{2});
  std::copy_n(from.history, from.history_count, history_.data());
  for (std::uint32_t i = 0; i <= from.current; ++i) {
    Slot* const stack = frames_[i].stack;
    frames_[i] = *from.frames[i];
    frames_[i].stack = stack;
    std::copy_n(from.frames[i]->stack, from.frames[i]->slots, stack);
  }
  const auto frames = state_.frames;
  state_ = from;
  state_.frames = frames;
  state_.history = history_.data();
}

void LiveState::push_history(const HistoryEntry& entry) {
  if (state_.history_count == history_.size()) {
    history_.resize(history_.size() * 2);
    state_.history = history_.data();
  }
  history_[state_.history_count++] = entry;
}

Frame& LiveState::push_frame() {
  Frame& frame = frames_[++state_.current];
  Slot* const stack = frame.stack;
  frame = Frame{};
  frame.stack = stack;
  return frame;
}

std::size_t packed_size(const State& state) {
  std::size_t size = sizeof(State) + state.history_count * sizeof(HistoryEntry);
  for (std::uint32_t i = 0; i <= state.current; ++i) size += sizeof(Frame) + state.frames[i]->slots * sizeof(Slot);
  return size;
}

namespace {
/// Copies `count` objects to `at` and moves `at` behind them.
template <class T>
T* place(const T* from, std::size_t count, std::byte*& at) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8 && sizeof(T) % 8 == 0);
  T* const first = static_cast<T*>(static_cast<void*>(at));
  std::uninitialized_copy_n(from, count, first);
  at += count * sizeof(T);
  return first;
}
}  // namespace

State* pack(const State& state, std::byte* block) {
  State* const copy = place(&state, 1, block);
  for (std::uint32_t i = 0; i <= state.current; ++i) {
    copy->frames[i] = place(state.frames[i], 1, block);
    copy->frames[i]->stack = place(state.frames[i]->stack, state.frames[i]->slots, block);
  }
  copy->history = place(state.history, state.history_count, block);
  return copy;
}

}  // namespace skep::verifier
