// SPDX-License-Identifier: Apache-2.0
// The state of one run in the interpreter: registers live in execute(), everything that outlasts a call or a callback
// lives here. A Run is made on the caller's stack and allocates nothing.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/address.h"
#include "skep/env.h"
#include "skep/map.h"
#include "skep/vm.h"
#include "vm/interpreter/compiled.h"

namespace skep::interpreter {

/// Frames of one run, over all its tail calls and callbacks. One program has at most 8, its entry included, and a tail
/// call from a subprogram or a callback begins anew.
inline constexpr std::uint32_t kRunFrames = 64;
inline constexpr std::uint32_t kFrameBytes = 520;  ///< 512, and a slot for may_goto.

inline constexpr InsnIndex kNowhere = ~InsnIndex{0};

/// What a function returns to.
struct Frame {
  const Slot* pc;
  const Compiled* code;
  const void* image;
  std::uint64_t saved[5];  ///< r6 to r10.
  std::uint64_t bottom;
};

struct Run {
  explicit Run(Env& of_run) : env(of_run) {
    env.engine = this;
    top = address_of(stack) + sizeof(stack);
    bottom = top;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Env& env;
  const Compiled* code = nullptr;  ///< Of the function that runs.
  std::uint32_t depth = 0;         ///< Frames in use.
  std::uint64_t top = 0;           ///< End of the stack, which grows downwards.
  std::uint64_t bottom = 0;        ///< r10 minus the stack of the function that runs; r10 of what it calls.
  // Policies that count.
  std::uint64_t slice = 0;   ///< Ops until next_slice() is asked.
  std::uint64_t budget = 0;  ///< Ops left behind the slice.

  InsnIndex trap_at = kNowhere;  ///< Slot that trapped.

  // Checked runs only.
  Region context;
  std::span<const Region> regions;
  bool has_packet = false;  ///< The context begins as an XdpContext does; its packet may be touched.

  // Not initialised, because clearing them would cost more than most programs do.
  std::array<Frame, kRunFrames> frames;
  alignas(16) std::byte stack[std::size_t{kRunFrames} * kFrameBytes];
};

enum class Access : std::uint8_t { kRead, kWrite };
/// Checked runs: whether the program may touch these bytes.
bool may_touch(const Run& run, std::uint64_t address, std::uint64_t size, Access access);
/// Checked runs: whether the helper may be called with these arguments, as far as its prototype says.
bool may_call(const Run& run, std::uint32_t helper, const std::array<std::uint64_t, 5>& args);

/// Makes `slice` positive, or says why the run ends.
[[gnu::noinline]] Trap next_slice(Run& run);

bool may_tail_call(const Run& run, const std::array<std::uint64_t, 5>& args);

struct Policy {
  bool checked = false;   ///< Every access is checked; helper arguments too.
  bool counted = false;   ///< `slice` and `budget` are used up, one an op, and env.stop is looked at.
  bool profiled = false;  ///< Compiled::counters count.
};
/// Runs `run.code` from its entry; sets env.trap and trap_at when it ends otherwise than by returning.
template <Policy policy>
std::uint64_t execute(Run& run, std::uint64_t r1, std::uint64_t r2);
extern template std::uint64_t execute<Policy{.checked = false, .counted = false}>(Run&, std::uint64_t, std::uint64_t);
extern template std::uint64_t execute<Policy{.checked = false, .counted = true}>(Run&, std::uint64_t, std::uint64_t);
extern template std::uint64_t execute<Policy{.checked = true, .counted = true}>(Run&, std::uint64_t, std::uint64_t);
extern template std::uint64_t execute<Policy{.checked = false, .counted = true, .profiled = true}>(Run&, std::uint64_t,
                                                                                                   std::uint64_t);
extern template std::uint64_t execute<Policy{.checked = true, .counted = true, .profiled = true}>(Run&, std::uint64_t,
                                                                                                  std::uint64_t);

}  // namespace skep::interpreter
