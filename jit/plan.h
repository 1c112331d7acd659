// SPDX-License-Identifier: Apache-2.0
// What an emitter must know before it emits the first byte: which registers a function uses, which ops are branched to,
// and how far apart ops lie at most, so that a forward branch can take its short form without a second pass.
#pragma once
#include <cstdint>
#include <vector>

#include "base/inline_visit.h"
#include "jit/harden.h"
#include "jit/options.h"
#include "lower/code.h"

namespace skep::jit {

struct FunctionPlan {
  lower::Label entry = 0;
  lower::Label end = 0;  ///< One past its last op.
  std::uint32_t stack_bytes = 0;
  std::uint16_t regs = 0;  ///< Bit n: register n occurs.
  bool calls = false;      ///< Makes a native call of any kind.
  [[nodiscard]] bool uses(lower::Reg reg) const { return (regs >> reg.index & 1) != 0; }
};

/// A tight loop is one straight line.
enum class Mark : std::uint8_t { kNone, kTarget, kLoopHead, kTightLoop };
inline bool begins_loop(Mark mark) { return mark >= Mark::kLoopHead; }

struct Plan {
  CompileOptions options;
  std::vector<FunctionPlan> functions;
  std::vector<Mark> marks;  ///< Of each op.
  /// Upper bound of the offset at which each op begins, and of the end. Differences bound distances, too.
  std::vector<std::uint32_t> position;
  std::vector<std::uint32_t> charges;  ///< Of jit/limits.h; empty: runs have no limits.
  bool uses_env = false;               ///< Some function reads the run.
  bool traps = false;                  ///< A function may return with Env::trap set.
  bool invokes = false;                ///< Something that it calls may call functions by Env::invoke.
};

/// A helper that calls back into the program, or that an embedder added, may end the run; skep's other helpers never
/// set Env::trap, so that native code tests it only after these.
bool may_trap(std::int32_t helper);

/// The part that does not depend on the architecture: all but `position`.
Plan survey(const lower::Code& code, const CompileOptions& options);

/// Adds the positions by the architecture's `bound(op)`, the most bytes that an op takes, and by what is added to a
/// function, a loop head, and an op that looks at the limits of the run.
struct Padding {
  std::uint32_t function = 0, loop_head = 0, limits = 0;
  MaskPadding mask;
};
template <class Bound>
void add_positions(Plan& plan, const lower::Code& code, Padding padding, Bound bound) {
  plan.position.resize(code.ops.size() + 1);
  std::uint32_t at = 0;
  std::size_t function = 0;
  for (std::size_t i = 0; i < code.ops.size(); ++i) {
    if (function < plan.functions.size() && plan.functions[function].entry == i) {
      at += padding.function;
      ++function;
    }
    if (begins_loop(plan.marks[i])) at += padding.loop_head;
    plan.position[i] = at;
    at += inline_visit(bound, code.ops[i]);
    if (!plan.charges.empty() && plan.charges[i] != 0) at += padding.limits;
    if (plan.options.harden.mask_speculation) at += mask_bytes(code.ops[i], plan.options.features, padding.mask);
  }
  plan.position[code.ops.size()] = at;
}

}  // namespace skep::jit
