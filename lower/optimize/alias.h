// SPDX-License-Identifier: Apache-2.0
// Which bytes an op touches, and whether two accesses can meet: the question behind every pass that moves or drops
// accesses to memory.
#pragma once
#include <optional>

#include "lower/optimize/lookback.h"

namespace skep::lower {

/// `bytes` bytes at base + offset. The base is a value, not a register: two ranges compare only where the bases do.
struct Range {
  Value base;
  std::int64_t offset = 0;
  std::uint32_t bytes = 0;
  MemoryKind kind = MemoryKind::kUnknown;

  [[nodiscard]] std::int64_t end() const { return offset + bytes; }
};

class Alias {
 public:
  explicit Alias(Graph& graph) : graph_(graph), back_(graph) {}

  /// Of the load or store at `at`; nullopt where it has an index.
  template <class Access>
  [[nodiscard]] std::optional<Range> range(const Access& access, Label at) const {
    if (!(access.index == kNoReg)) return std::nullopt;
    return range(access.base, access.offset, isa::bytes(access.size), at);
  }
  [[nodiscard]] Range range(Reg base, std::int64_t offset, std::uint32_t bytes, Label at) const;

  /// Whether both lie at constant distances from one value.
  [[nodiscard]] bool same_base(const Range& a, const Range& b) const;
  /// Whether they are known to share no byte. Bases lie in one straight line.
  [[nodiscard]] bool apart(const Range& a, const Range& b) const;

  /// Whether the op at `at` may write bytes of `range`, or must not be moved past.
  [[nodiscard]] bool may_write(Label at, const Range& range) const;
  /// Whether it may read or write them.
  [[nodiscard]] bool may_touch(Label at, const Range& range) const;

 private:
  Graph& graph_;
  Lookback back_;
};

}  // namespace skep::lower
