// SPDX-License-Identifier: Apache-2.0
// Which stack slots may still be read. Reads and whole-slot writes are collected while paths are explored, per function
// instance (one chain of calls); liveness is then plain backward data flow over each instance, and what a callee reads
// of its callers' frames counts at the call. Slots that are not live take no part in comparing states.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "verifier/domain/state.h"
#include "verifier/engine/layout.h"

namespace skep::verifier {

class StackLiveness {
 public:
  StackLiveness(const isa::Insns& insns, const Layout& layout) : insns_(insns), layout_(layout) {}

  /// Called around each instruction, so that only what is written on every visit counts as written.
  void begin(const State& state, InsnIndex at);
  void read(std::uint32_t frame, std::uint32_t slot) { read_[frame] |= std::uint64_t{1} << slot; }
  void write(std::uint32_t frame, std::uint32_t slot) { written_[frame] |= std::uint64_t{1} << slot; }
  void commit();

  /// Slots of frame `frame` that may be read from where `state` stands (bit n: slot n).
  std::uint64_t live(const State& state, std::uint32_t frame);

 private:
  using Masks = std::array<std::uint64_t, kMaxFrames>;
  struct Node {
    Masks may_read{}, must_write{}, live{};
    bool visited = false;
  };
  struct Instance {
    std::array<InsnIndex, kMaxFrames> callsites{};  // Of frames 1 to depth.
    std::uint32_t depth = 0;
    std::uint32_t subprogram = 0;
    std::uint32_t caller = 0;  // Index of the instance of the calling frame.
    bool changed = false;
    std::vector<Node> nodes{};
  };

  std::uint32_t find(const State& state, std::uint32_t depth);
  void update(std::uint32_t index);
  bool flow(Instance& instance, InsnIndex at);

  const isa::Insns& insns_;
  const Layout& layout_;
  std::vector<Instance> instances_;
  std::uint32_t current_ = 0;
  InsnIndex at_ = 0;
  Masks read_{}, written_{};
};

}  // namespace skep::verifier
