// SPDX-License-Identifier: Apache-2.0
// Words of a function's stack that registers may hold, for the pass `registers`.
#pragma once
#include <bit>
#include <vector>

#include "lower/optimize/graph.h"

namespace skep::lower {

/// A register, or from kRegs on a slot of the stack.
using Var = std::uint32_t;
constexpr Var kVars = 64, kNoVar = kVars;
/// Bit n: variable n.
using Vars = std::uint64_t;
constexpr Vars bit(Var var) { return Vars{1} << var; }
template <class Visit>
void for_each_var(Vars vars, Visit visit) {
  for (; vars != 0; vars &= vars - 1) visit(static_cast<Var>(std::countr_zero(vars)));
}

/// Bytes from r10 on; high is the first one behind.
struct Bytes {
  std::int32_t low = 0, high = 0;
  [[nodiscard]] bool meets(const Bytes& other) const { return low < other.high && other.low < high; }
};

/// Finds the slots of one function that registers may hold: words of 4 or 8 bytes which nothing else touches a part of.
class Slots {
 public:
  Slots(Graph& graph, const Function& function, Label end) : graph_(graph), function_(function), end_(end) {}

  /// `weights`: how often each op of the function runs.
  void find(const std::vector<std::uint32_t>& weights);
  /// Whether r10 is needed for something else.
  [[nodiscard]] bool frame_stays() const { return frame_stays_; }
  /// kNoVar: the op is no access to one of the slots.
  [[nodiscard]] Var var_at(Label at) const;

 private:
  struct Slot {
    Bytes place;
    std::uint64_t weight = 0;
    bool kept = true;
  };

  void note(const Bytes& place, std::uint32_t weight);
  void take_what_pointers_reach();
  void take(Label at, std::uint32_t bytes);
  void choose();

  Graph& graph_;
  Function function_;
  Label end_;
  bool frame_stays_ = false, leaks_ = false;
  std::vector<Slot> slots_;
  std::vector<Bytes> taken_;
  std::vector<std::int32_t> names_;  // Offset of the slot that each variable from kRegs on is.
};

}  // namespace skep::lower
