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

bool Slot::is_plain() const {
  bool plain = true;
  for (const ByteKind byte : bytes) plain = plain && byte != ByteKind::kSpill && byte <= ByteKind::kZero;
  return plain;
}

void erase_reference(State& state, std::uint32_t index) {
  Reference* const begin = state.references;
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
  state_.references = references_.data();
  state_.history = history_.data();
}

void LiveState::reset() {
  const auto frames = state_.frames;
  state_ = State{};
  state_.frames = frames;
  state_.references = references_.data();
  state_.history = history_.data();
  Slot* const stack = frames_[0].stack;
  frames_[0] = Frame{};
  frames_[0].stack = stack;
}

void LiveState::restore(const State& from) {
  if (history_.size() < from.history_count) history_.resize(from.history_count * std::size_t{2});
  std::copy_n(from.history, from.history_count, history_.data());
  std::copy_n(from.references, from.reference_count, references_.data());
  for (std::uint32_t i = 0; i <= from.current; ++i) {
    Slot* const stack = frames_[i].stack;
    const Frame& saved = *from.frames[i];
    frames_[i] = saved;
    frames_[i].stack = stack;
    frames_[i].places = nullptr;
    for (std::uint32_t slot = 0; slot < saved.slots; ++slot) stack[slot] = saved.slot(slot);
  }
  const auto frames = state_.frames;
  state_ = from;
  state_.frames = frames;
  state_.references = references_.data();
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

namespace {

/// Objects in a block begin at multiples of 8.
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 7) / 8 * 8; }

/// Copies `count` objects to `at` and moves `at` behind them.
template <class T>
T* place(const T* from, std::size_t count, std::byte*& at) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);
  T* const first = static_cast<T*>(static_cast<void*>(at));
  std::uninitialized_copy_n(from, count, first);
  at += aligned(count * sizeof(T));
  return first;
}

std::uint64_t word_of(const std::array<ByteKind, kSlotBytes>& bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), sizeof word);
  return word;
}

}  // namespace

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): places of frames that are not in use are not looked at.
Packing::Packing(const State& state) : state_(state) {
  bytes_ = aligned(sizeof(State)) + aligned(state.reference_count * sizeof(Reference)) +
           aligned(state.history_count * sizeof(HistoryEntry));
  for (std::uint32_t i = 0; i <= state.current; ++i) {
    const Frame& frame = *state.frames[i];
    assign(frame, places_[i]);
    bytes_ += aligned(sizeof(Frame)) + places_[i].count * aligned(sizeof(Slot)) + aligned(frame.slots);
  }
}

void Packing::assign(const Frame& frame, Places& places) {
  std::array<std::uint64_t, kStackSlots + 1> plain;  // Bytes of the plain slots so far, and their places.
  std::array<std::uint8_t, kStackSlots + 1> place_of_plain;
  plain[0] = 0;
  place_of_plain[0] = 0;
  std::uint32_t plain_count = 1;
  places.count = frame.slots == 0 ? 0 : 1;
  for (std::uint32_t i = 0; i < frame.slots; ++i) {
    const Slot& slot = frame.slot(i);
    const bool is_plain = slot.is_plain();
    const std::uint64_t word = word_of(slot.bytes);
    if (is_plain) {
      const auto* const known = std::find(plain.begin(), plain.begin() + plain_count, word);
      if (known != plain.begin() + plain_count) {
        places.of[i] = place_of_plain[static_cast<std::size_t>(known - plain.begin())];
        continue;
      }
      plain[plain_count] = word;
      place_of_plain[plain_count++] = static_cast<std::uint8_t>(places.count);
    }
    places.holders[places.count] = static_cast<std::uint8_t>(i);
    places.of[i] = static_cast<std::uint8_t>(places.count++);
  }
}

State* Packing::copy_to(std::byte* block) const {
  State* const copy = place(&state_, 1, block);
  for (std::uint32_t i = 0; i <= state_.current; ++i) {
    const Frame& frame = *state_.frames[i];
    const Places& places = places_[i];
    copy->frames[i] = place(&frame, 1, block);
    if (frame.slots == 0) continue;
    const Slot untouched{};
    copy->frames[i]->stack = place(&untouched, 1, block);
    for (std::uint32_t at = 1; at < places.count; ++at) place(&frame.slot(places.holders[at]), 1, block);
    copy->frames[i]->places = place(places.of.data(), frame.slots, block);
  }
  copy->references = place(state_.references, state_.reference_count, block);
  copy->history = place(state_.history, state_.history_count, block);
  return copy;
}

}  // namespace skep::verifier
