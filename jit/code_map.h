// SPDX-License-Identifier: Apache-2.0
// Where machine code came from, and how to find the caller's frame from each place in it: for listings, debuggers and
// profilers. Emitters fill it when they are asked to.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "lower/code.h"

namespace skep::jit {

/// One step of what DWARF calls call frame instructions, in force from `offset` on. Registers have DWARF's numbers.
struct FrameStep {
  enum class Kind : std::uint8_t {
    kCfa,       ///< The caller's stack pointer is reg + bytes.
    kSaved,     ///< The caller's `reg` lies `bytes` below the caller's stack pointer.
    kRestored,  ///< `reg` is the caller's again.
    kRemember,  ///< What holds now ...
    kResume,    ///< ... holds again.
  };
  std::uint32_t offset = 0;
  Kind kind{};
  std::uint8_t reg = 0;
  std::int32_t bytes = 0;
};

/// What belongs to no op: prologues, epilogues of runs that end early, the code for Env::invoke.
inline constexpr lower::Label kNoOp = ~lower::Label{0};

/// All rows are sorted by offset.
struct CodeMap {
  /// The code from `offset` up to the next row is that of `op`: nothing for ops whose work another one does.
  struct Row {
    std::uint32_t offset = 0;
    lower::Label op = kNoOp;
    friend bool operator==(Row, Row) = default;
  };
  std::vector<Row> rows;
  std::vector<std::uint32_t> functions;  ///< Offset of each of Code::functions.
  std::vector<FrameStep> frames;         ///< At the start of a function: as at a call.
  std::optional<std::uint32_t> invoke;   ///< Where the code for Env::invoke begins, up to the end.
};

enum class Mapping : std::uint8_t { kOff, kOn };

/// An emitter's pen for a CodeMap; writes nothing unless it is asked to. `offset` is where the code is at.
class Mapper {
 public:
  explicit Mapper(Mapping mapping) : on_(mapping == Mapping::kOn) {}

  void function(std::size_t offset) {
    if (on_) map_.functions.push_back(narrow(offset));
  }
  void row(std::size_t offset, lower::Label op) {
    if (on_) map_.rows.push_back({.offset = narrow(offset), .op = op});
  }
  void frame(std::size_t offset, FrameStep::Kind kind, std::uint32_t reg = 0, std::int32_t bytes = 0) {
    if (!on_) return;
    map_.frames.push_back(
        {.offset = narrow(offset), .kind = kind, .reg = static_cast<std::uint8_t>(reg), .bytes = bytes});
  }
  void invoke(std::size_t offset) {
    if (on_) map_.invoke = narrow(offset);
  }
  CodeMap take() { return std::move(map_); }

 private:
  static std::uint32_t narrow(std::size_t offset) { return static_cast<std::uint32_t>(offset); }

  bool on_;
  CodeMap map_;
};

}  // namespace skep::jit
