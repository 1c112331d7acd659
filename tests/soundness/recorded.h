// SPDX-License-Identifier: Apache-2.0
// Every state that a verification passed, and whether what a run finds in registers and on the stack lies in one of
// them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skep/program.h"
#include "skep/verify.h"
#include "tests/reference/reference.h"
#include "verifier/domain/state.h"

namespace skep::soundness {

/// Where the things are that pointers point to, in one run.
struct Places {
  std::uint64_t context = 0;
  std::span<const std::uint64_t> maps{};                   ///< Addresses of the maps.
  std::span<const std::vector<std::uint64_t>> values{};    ///< Of each map, addresses of values that may be looked up.
  std::array<std::uint64_t, reference::kFrames> frames{};  ///< r10 of each frame.
  std::uint64_t packet = 0, packet_end = 0;                ///< As the context says now.
};

class Recorded {
 public:
  /// Verifies the program, taking a state for known only when one that covers it in all ranges was seen, and keeps the
  /// states. Why it is rejected; nothing: it is not.
  std::optional<Diagnostic> verify(const Program& program);

  /// Empty: the registers that may be read, and the frame's stack, lie in a state recorded for that instruction and
  /// depth. Else what is wrong.
  [[nodiscard]] std::string mismatch(const reference::Step& step, const Places& places) const;

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Seen {
    std::uint32_t depth = 0;
    std::uint16_t live = 0;  ///< Registers.
    std::array<verifier::Value, 10> regs{};
    std::uint32_t first_slot = 0, slots = 0;  ///< In slots_.
    std::uint32_t older = kNone;              ///< Of the same instruction, in seen_.
  };
  [[nodiscard]] std::string mismatch(const Seen& seen, const reference::Step& step, const Places& places) const;

  std::vector<std::uint32_t> newest_;  // By instruction, in seen_.
  std::vector<Seen> seen_;
  std::vector<verifier::Slot> slots_;
};

}  // namespace skep::soundness
