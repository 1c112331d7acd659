// SPDX-License-Identifier: Apache-2.0
// Which stack slots may still be read. Reads and whole-slot writes are collected while paths are explored, per function
// instance (one chain of calls); liveness is then plain backward data flow over each instance, kept up to date by
// following only what changed, and what a callee reads of its callers' frames counts at the call. Slots that are not
// live take no part in comparing states.
#pragma once
#include <array>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <vector>

#include "verifier/domain/state.h"
#include "verifier/engine/layout.h"

namespace skep::verifier {

class StackLiveness {
 public:
  StackLiveness(const isa::Insns& insns, const Layout& layout);

  /// Called around each instruction, so that only what is written on every visit counts as written.
  void begin(const State& state, InsnIndex at) {
    if (!is_current(state)) current_ = find(state, state.current);
    at_ = at;
  }
  void read(std::uint32_t frame, std::uint32_t slot) {
    touched_ = true;
    access_[frame].read |= std::uint64_t{1} << slot;
  }
  void write(std::uint32_t frame, std::uint32_t slot) {
    touched_ = true;
    access_[frame].written |= std::uint64_t{1} << slot;
  }
  void commit() {
    const Instance& instance = instances_[current_];
    constexpr std::uint8_t kNothingToDo = kVisited;
    if (!touched_ && instance.flags[at_ - instance.first] == kNothingToDo) return;
    commit_accesses();
  }

  /// Slots of frame `frame` that may be read from where `state` stands (bit n: slot n).
  std::uint64_t live(const State& state, std::uint32_t frame);

 private:
  /// What one instruction does with one frame's slots, and which are live before it.
  struct Masks {
    std::uint64_t may_read = 0, must_write = 0, live = 0;
  };
  struct Access {
    std::uint64_t read = 0, written = 0;
  };
  static constexpr std::uint8_t kVisited = 1, kWrites = 2;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Instance {
    std::array<InsnIndex, kMaxFrames> callsites{};  // Of frames 1 to depth.
    std::uint32_t depth = 0;
    std::uint32_t subprogram = 0;
    std::uint32_t caller = kNone;  // Index of the instance of the calling frame; always smaller than this one's.
    InsnIndex first = 0;
    std::vector<Masks> masks{};  // depth + 1 of them an instruction.
    std::vector<std::uint8_t> flags{};
    std::vector<InsnIndex> changed{};  // Instructions whose liveness is to be computed again.
    [[nodiscard]] Masks& at(InsnIndex insn, std::uint32_t frame) {
      return masks[std::size_t{insn - first} * (depth + 1) + frame];
    }
  };
  /// Bits of one frame that are no longer live before `insn` unless something else keeps them.
  struct Withdrawal {
    InsnIndex insn = 0;
    std::uint32_t frame = 0;
    std::uint64_t bits = 0;
  };

  [[nodiscard]] bool is_current(const State& state) const {
    if (current_ >= instances_.size()) return false;
    const Instance& instance = instances_[current_];
    if (instance.depth != state.current || instance.subprogram != state.frame().subprogram) return false;
    for (std::uint32_t i = 1; i <= instance.depth; ++i)
      if (instance.callsites[i] != state.frames[i]->callsite) return false;
    return true;
  }
  std::uint32_t find(const State& state, std::uint32_t depth);
  void commit_accesses();
  void changed(std::uint32_t index, InsnIndex insn);
  void withdraw(Instance& instance, Withdrawal first);
  void update(std::uint32_t index);
  bool flow(Instance& instance, InsnIndex at);
  template <class F>
  void for_each_predecessor(InsnIndex at, F f) const {
    for (std::uint32_t i = first_predecessor_[at]; i < first_predecessor_[at + 1]; ++i) f(predecessors_[i]);
  }

  const Layout& layout_;
  std::vector<InsnIndex> next_, target_;          // By instruction; kNoInsn: control does not go there.
  std::vector<std::uint32_t> first_predecessor_;  // predecessors_[first_predecessor_[i]...] are those of i.
  std::vector<InsnIndex> predecessors_;
  std::vector<Instance> instances_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> children_;  // By caller and call site.
  std::set<std::uint32_t> dirty_;                                           // Instances with something in `changed`.
  std::vector<Withdrawal> withdrawals_;
  std::uint32_t current_ = kNone;
  InsnIndex at_ = 0;
  bool touched_ = false;
  std::array<Access, kMaxFrames> access_{};
};

}  // namespace skep::verifier
