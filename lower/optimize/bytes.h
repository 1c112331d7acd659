// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a register's value come from: shifts by whole bytes, masks, byte swaps and disjoint sums only move
// bytes about. What compilers write to assemble a word from its bytes, or to take it apart, is found by looking at the
// bytes, whatever the order of the operations.
#pragma once
#include <array>
#include <optional>

#include "lower/optimize/lookback.h"

namespace skep::lower {

/// Byte `index` of a value that is not taken apart further (index 0 is the lowest), or 0.
struct Byte {
  Value of{kNoReg, 0};
  std::uint8_t index = 0;

  [[nodiscard]] bool zero() const { return of.reg == kNoReg; }
};
/// The lowest first.
using Bytes = std::array<Byte, 8>;

class ByteOrigins {
 public:
  /// kLoads: values that are put together, all of whose bytes are zeros or come from Load. kAny: values that are taken
  /// apart.
  enum class Wanted : std::uint8_t { kAny, kLoads };
  ByteOrigins(Graph& graph, Wanted wanted) : graph_(graph), back_(graph), wanted_(wanted) {}

  /// nullopt: not what is wanted, or too much to look at. The Value of a Byte that a Load made is {Load::dst, the
  /// Load's label + 1}.
  [[nodiscard]] std::optional<Bytes> find(Value value);
  /// The same of what the op at `at` leaves in `reg`, which it writes.
  [[nodiscard]] std::optional<Bytes> result(Label at, Reg reg);

 private:
  [[nodiscard]] std::optional<Bytes> walk(Value value);
  [[nodiscard]] std::optional<Bytes> walk(Label at, Reg reg);
  [[nodiscard]] std::optional<Bytes> walk(const Alu& alu, Label at);
  [[nodiscard]] std::optional<Bytes> whole(Value value) const;

  Graph& graph_;
  Lookback back_;
  Wanted wanted_;
  int left_ = 0;  // Ops that may still be looked at.
};

}  // namespace skep::lower
