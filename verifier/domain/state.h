// SPDX-License-Identifier: Apache-2.0
// The abstract machine: registers and stack of every active frame, references held, and where on which path it stands.
// A State never owns memory: the live one lies in a LiveState, saved ones in a block of a StatePool.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "skep/insn.h"
#include "verifier/domain/value.h"

namespace skep::verifier {

using isa::InsnIndex;

inline constexpr std::uint32_t kRegs = 11;
inline constexpr std::uint32_t kMaxFrames = 8;
inline constexpr std::uint32_t kStackBytes = 512;
inline constexpr std::uint32_t kSlotBytes = 8;
inline constexpr std::uint32_t kStackSlots = kStackBytes / kSlotBytes;
inline constexpr std::uint32_t kMaxReferences = 32;
inline constexpr InsnIndex kNoInsn = ~InsnIndex{0};

/// What one byte of the stack holds. kSpill: a byte of the register in Slot::value. The last three: a byte of the
/// object that Slot::value describes.
enum class ByteKind : std::uint8_t { kInvalid, kSpill, kMisc, kZero, kDynptr, kIterator, kIrqFlag };

/// Eight bytes of stack. `bytes[0]` is the byte at the lowest address. Slot i of a frame is r10-8*(i+1) .. r10-8*i-1.
struct Slot {
  Value value;
  std::array<ByteKind, kSlotBytes> bytes{};

  /// A register (or the low part of a scalar one) lies here, starting at the lowest address.
  [[nodiscard]] bool is_spill() const { return bytes[0] == ByteKind::kSpill; }
  [[nodiscard]] bool is_scalar_spill() const { return is_spill() && value.is_scalar(); }
  [[nodiscard]] bool is_full_spill() const { return bytes[7] == ByteKind::kSpill && is_spill(); }
  /// Part of a dynptr, an iterator or saved IRQ flags, which `value` describes.
  [[nodiscard]] bool is_object() const { return bytes[0] > ByteKind::kZero; }
  /// `value` means nothing: no register and no object lies here.
  [[nodiscard]] bool is_plain() const;
  /// Bytes of the spilled register that lie here.
  [[nodiscard]] std::uint32_t spill_size() const;
};
static_assert(std::is_trivially_copyable_v<Slot>);

/// What runs the frame: a call, or a helper that calls it back.
enum class FrameRole : std::uint8_t {
  kCall,
  kLoopCallback,
  kForEachCallback,
  kFindVmaCallback,
  kUserRingBufCallback,
  kTreeLessCallback,  ///< bpf_rbtree_add's comparison.
  kAsyncCallback,     ///< A timer or work queue runs it later, on a stack of its own.
  kExceptionCallback,
};

struct Frame {
  std::array<Value, kRegs> regs{};
  Slot* stack = nullptr;
  /// Saved frames: where in `stack` each slot lies. Plain slots of equal bytes share one place (they are most, and a
  /// Slot is big); the first place holds an untouched slot. nullptr: slot i is stack[i].
  std::uint8_t* places = nullptr;
  std::uint16_t slots = 0;       ///< In use; slots above were never touched and are kInvalid.
  std::uint16_t subprogram = 0;  ///< Index into Layout::subprograms.
  InsnIndex callsite = kNoInsn;  ///< The call that made this frame.
  FrameRole role = FrameRole::kCall;
  std::uint32_t callback_depth = 0;  ///< How often a callback was entered from this frame at the current call.

  /// Precondition: index < slots. Of a saved frame, only the value of a slot that is not plain may be changed.
  [[nodiscard]] Slot& slot(std::uint32_t index) { return stack[places == nullptr ? index : places[index]]; }
  [[nodiscard]] const Slot& slot(std::uint32_t index) const { return stack[places == nullptr ? index : places[index]]; }
  /// Of a saved frame: the slot is as if it had never been touched.
  void drop_slot(std::uint32_t index) { places[index] = 0; }
};

/// A resource that must be given back before the program ends.
enum class ReferenceKind : std::uint8_t { kObject, kLock, kResilientLock, kResilientLockIrq, kIrqFlag };
struct Reference {
  std::uint32_t id = 0;  ///< Locks: of the map value or object that the lock lies in.
  InsnIndex at = 0;      ///< Where it was acquired.
  ReferenceKind kind{};
  std::uint32_t key = 0;  ///< Locks: in what they lie (transfer/lock.cc).
};

/// One remembered step of the path through a state: jumps, and accesses to spilled registers (for precision).
struct HistoryEntry {
  InsnIndex at = 0;
  InsnIndex previous = 0;
  bool stack_access = false;  ///< `slot` of `frame` was filled from or spilled to here.
  std::uint8_t frame = 0;
  std::uint8_t slot = 0;
  std::uint8_t linked_count = 0;         ///< Registers and slots that shared a scalar id here.
  std::array<std::uint8_t, 6> linked{};  ///< Register number, or kRegs + slot.
  std::array<std::uint8_t, 6> linked_frame{};
};
static_assert(std::is_trivially_copyable_v<HistoryEntry>);

struct State {
  std::array<Frame*, kMaxFrames> frames{};
  std::uint32_t current = 0;  ///< Index of the active frame.

  std::uint32_t reference_count = 0;
  Reference* references = nullptr;  ///< Of the live state: room for kMaxReferences.

  std::uint32_t rcu_locks = 0;      ///< Nesting of RCU read-side sections.
  std::uint32_t preempt_locks = 0;  ///< Nesting of sections that cannot be preempted.
  std::uint32_t active_locks = 0;   ///< Locks among the references.
  std::uint32_t active_irq = 0;     ///< Id of the innermost saved IRQ flags; 0: interrupts are on.
  bool sleepable = false;           ///< The code at hand may sleep (a callback of a timer may not).

  std::uint32_t may_goto_depth = 0;
  std::uint32_t callback_unroll_depth = 0;
  std::uint32_t async_entries = 0;  ///< Callbacks, each set by the one before, that led here.

  // The path. A parent is the checkpoint that this state descends from.
  State* parent = nullptr;
  std::uint32_t branches = 1;       ///< Paths that start here and have not ended; the state itself counts.
  std::uint32_t depth = 0;          ///< Checkpoints between the entry and this state.
  InsnIndex insn = 0;               ///< Next instruction.
  InsnIndex first = 0;              ///< First instruction since the parent.
  InsnIndex last = kNoInsn;         ///< Instruction executed before `insn`.
  HistoryEntry* history = nullptr;  ///< Oldest first.
  std::uint32_t history_count = 0;
  bool cleaned = false;            ///< Dead registers and slots were already dropped.
  std::uint32_t evicted_size = 0;  ///< Not 0: no longer compared with; bytes to free when no path needs it.

  [[nodiscard]] Frame& frame() { return *frames[current]; }
  [[nodiscard]] const Frame& frame() const { return *frames[current]; }
};
static_assert(std::is_trivially_copyable_v<State> && std::is_trivially_copyable_v<Frame>);

constexpr bool is_lock(ReferenceKind kind) {
  return kind >= ReferenceKind::kLock && kind <= ReferenceKind::kResilientLockIrq;
}
/// Drops the reference to an object; false: it is not held.
bool forget_reference(State& state, std::uint32_t id);
/// Drops entry `index`.
void erase_reference(State& state, std::uint32_t index);

/// The instruction at which frame `index` of `state` stands: `insn`, or the call of the frame above it.
inline InsnIndex frame_insn(const State& state, std::uint32_t index) {
  return index == state.current ? state.insn : state.frames[index + 1]->callsite;
}

/// The state being executed: all frames with full stacks.
class LiveState {
 public:
  LiveState();
  LiveState(const LiveState&) = delete;
  LiveState& operator=(const LiveState&) = delete;
  [[nodiscard]] State& state() { return state_; }
  /// One empty frame; nothing has been executed.
  void reset();
  /// Makes this state a copy of `from` (a saved one).
  void restore(const State& from);
  void push_history(const HistoryEntry& entry);
  void clear_history() { state_.history_count = 0; }
  /// Makes the frame above the current one current and resets it.
  Frame& push_frame();

 private:
  State state_;
  std::vector<Frame> frames_;
  std::vector<Slot> slots_;
  std::array<Reference, kMaxReferences> references_{};
  std::vector<HistoryEntry> history_;
};

/// How a copy of a state is laid out in one block. The state must not change in between.
class Packing {
 public:
  explicit Packing(const State& state);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Makes the copy. Precondition: bytes() bytes at `block`, aligned to 8.
  State* copy_to(std::byte* block) const;

 private:
  struct Places {
    std::array<std::uint8_t, kStackSlots> of;           // Of each slot.
    std::array<std::uint8_t, kStackSlots + 1> holders;  // Of each place but the first: the slot that is copied there.
    std::uint32_t count;
  };
  static void assign(const Frame& frame, Places& places);

  const State& state_;
  std::array<Places, kMaxFrames> places_;  // Of the state's frames.
  std::size_t bytes_ = 0;
};

/// Applies `f(Value&)` to every register and every spilled register of every frame.
template <class StateRef, class F>
void for_each_value(StateRef& state, F f) {
  for (std::uint32_t i = 0; i <= state.current; ++i) {
    auto& frame = *state.frames[i];
    for (std::uint32_t reg = 0; reg < kRegs - 1; ++reg) f(frame.regs[reg]);
    for (std::uint32_t slot = 0; slot < frame.slots; ++slot)
      if (frame.slot(slot).is_spill()) f(frame.slot(slot).value);
  }
}

/// Applies `f(Value&)` to the description in each slot of a dynptr, an iterator or saved IRQ flags.
template <class F>
void for_each_object(State& state, F f) {
  for (std::uint32_t i = 0; i <= state.current; ++i)
    for (std::uint32_t slot = 0; slot < state.frames[i]->slots; ++slot)
      if (state.frames[i]->slot(slot).is_object()) f(state.frames[i]->slot(slot).value);
}

}  // namespace skep::verifier
