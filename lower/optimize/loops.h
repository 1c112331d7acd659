// SPDX-License-Identifier: Apache-2.0
// What holds at the head of a loop whichever iteration it is, for passes that go through code once from its beginning.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "lower/optimize/graph.h"

namespace skep::lower {

/// The ops from the head of a loop to the last one that goes back into them: control comes in from before the head,
/// by branches or from the op before it, and in no other way (functions lie apart: lower/flow.cc).
struct Extent {
  Label head = 0, last = 0;
  RegSet written = 0;
};

/// A register that an iteration steps by the same number, once, or leaves alone.
struct Stepper {
  Label at = 0;
  std::int64_t step = 0;  ///< 0: it is none.
  isa::Width width{};
};
/// A loop with one way back to its head, its last op. `tested` is a stepper that each iteration does step, compared
/// there with `limit`.
struct Count {
  std::array<Stepper, kRegs> steppers{};
  Reg tested;
  isa::JmpOp op{};
  std::int64_t limit = 0;

  /// How often it is run, if the tested register is `start` when it is entered; nullopt: unknown.
  [[nodiscard]] std::optional<std::uint64_t> trips(std::uint64_t start) const;
};

class Loops {
 public:
  explicit Loops(Graph& graph);

  [[nodiscard]] bool begins(Label at) const { return last_[at] != 0; }
  /// Of the loop that begins there; nullopt: looking at so many nested loops would take too long.
  [[nodiscard]] std::optional<Extent> extent(Label head);
  /// nullopt: it is not of that form. Ways in behind the head are for the caller to rule out.
  [[nodiscard]] std::optional<Count> count(const Extent& loop) const;

 private:
  Graph& graph_;
  std::vector<Label> last_;  // By label: 1 + the last op that goes back there, or 0.
  std::size_t looked_at_ = 0;
};

}  // namespace skep::lower
