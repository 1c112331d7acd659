// SPDX-License-Identifier: Apache-2.0
// The oracle: an interpreter that executes isa::Insn one by one, slowly and simply, knows nothing of lowering, and
// checks every access against the memory that the program may touch. FOR TESTS ONLY: nothing in production may use it.
// A program that the verifier accepts and that traps with kMemory, kStack or kIllegal here shows that the verifier is
// unsound; a result that differs from an engine's shows that lowering or the engine is wrong.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "skep/env.h"
#include "skep/helper.h"
#include "skep/program.h"
#include "skep/vm.h"

namespace skep::reference {

inline constexpr std::uint32_t kFrames = 8;
inline constexpr std::uint32_t kFrameBytes = 512;
/// may_goto of one frame jumps after it was passed so many times (Linux: BPF_MAX_LOOPS).
inline constexpr std::uint64_t kMayGotoLimit = 8u << 20;

/// r0 to r10.
using Registers = std::array<std::uint64_t, 11>;

/// The state before an instruction.
struct Step {
  const Program& program;
  InsnIndex at = 0;
  std::uint32_t frame = 0;  ///< 0: the entry function.
  const Registers& registers;
};

struct Options {
  std::uint64_t budget = 10'000'000;  ///< Instructions; 0: no limit.
  /// What the context is. kXdp, kSkBuff: the bytes are an XdpContext or SkbContext, the program sees the UAPI structure
  /// in its place, and the packet may be touched. Others: plain memory.
  ContextKind context = ContextKind::kNone;
  std::span<const Region> regions{};               ///< Other memory that the program may touch.
  std::function<HelperFn(std::int32_t)> helper{};  ///< nullptr: there is no such helper.
  std::vector<std::uint64_t> maps{};               ///< Address of each Map, by the program's map index.
  std::vector<std::uint64_t> map_values{};         ///< Map::direct_value() of each, or 0.
  /// The program in slot `index` of the prog_array at address `map`, or nullptr.
  std::function<const Program*(std::uint64_t map, std::uint32_t index)> tail_call{};
  std::function<void(const Step&)> observer{};
  Env* env = nullptr;  ///< For helpers; null: one without host.
};

/// Runs the program with r1 = the context's address and r2 = its size, as Image::run does.
RunResult run(const Program& program, std::span<std::byte> context, const Options& options = {});

}  // namespace skep::reference
