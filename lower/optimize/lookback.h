// SPDX-License-Identifier: Apache-2.0
// Looking back from an op over the straight line that leads to it. Passes match idioms from their last op backwards,
// because compilers put other ops between the parts.
#pragma once
#include <optional>

#include "lower/optimize/graph.h"

namespace skep::lower {

/// A register's value as it is just before op `at`.
struct Value {
  Reg reg;
  Label at = 0;
};

/// The registers that ops of one kind wrote last, for passes that go through code from its beginning: a quick answer to
/// whether looking back can find such an op. Where control comes from elsewhere it may name too many.
class LastWritten {
 public:
  /// An op that writes these, of that kind or not.
  void note(RegSet writes, bool by_kind) { regs_ = static_cast<RegSet>(by_kind ? regs_ | writes : regs_ & ~writes); }
  [[nodiscard]] bool has(Reg reg) const { return contains(regs_, reg); }

 private:
  RegSet regs_ = 0;
};

class Lookback {
 public:
  explicit Lookback(Graph& graph) : graph_(graph) {}

  /// The op that gave `value.reg` its value, if control comes from it in a straight line, a few ops away at most.
  [[nodiscard]] std::optional<Label> def(Value value) const {
    return graph_.last_write(value.reg, value.at, value.at > kReach ? value.at - kReach : 0);
  }
  template <class T>
  [[nodiscard]] const T* def_as(Value value) const {
    const auto at = def(value);
    return at ? graph_.get<T>(*at) : nullptr;
  }
  /// Follows copies to where the value came from; `width` 64: of 32-bit ones those whose original has no upper half.
  [[nodiscard]] Value origin(Value value, isa::Width width = isa::Width::k64) const;
  /// Whether nothing between `from` and `to` (both exclusive; in a straight line) writes, or reads, the register.
  [[nodiscard]] bool unwritten(Reg reg, Label from, Label to) const;
  [[nodiscard]] bool unread(Reg reg, Label from, Label to) const;
  /// Whether `value.reg` still holds the value just before `at`.
  [[nodiscard]] bool holds(Value value, Label at) const {
    return value.at == at || (value.at < at && writes_none(value.reg, value.at, at));
  }
  /// Whether both are the same value.
  [[nodiscard]] bool same(Value a, Value b) const {
    return a.reg == b.reg && (a.at < b.at ? holds(a, b.at) : holds(b, a.at));
  }

 private:
  static constexpr Label kReach = 24;
  /// Whether the op that gave the value its value leaves no upper half.
  [[nodiscard]] bool zero_extended(Value value) const;
  /// As unwritten, but the op at `from` counts.
  [[nodiscard]] bool writes_none(Reg reg, Label from, Label to) const;

  Graph& graph_;
};

}  // namespace skep::lower
