// SPDX-License-Identifier: Apache-2.0
// What must hold when the program ends, and of all paths together.
#include <algorithm>
#include <string>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

/// What a timer's callback returns is for later use: it must be 0.
Check check_async_return(Run& run) {
  const Value& result = run.reg(isa::kR0);
  if (!result.is_scalar()) return run.reject(DiagCode::kAsyncReturnKind, kind_name(result));
  run.mark_precise(0);
  if (result.is_null()) return Check::ok();
  return run.reject(DiagCode::kAsyncReturn, print_range(result.scalar), std::int64_t{0}, std::int64_t{0});
}

}  // namespace

Check check_return_value(Run& run) {
  const bool entry = run.frame().subprogram == 0 || run.frame().role == FrameRole::kExceptionCallback;
  if (entry && run.traced && run.traced->returns_nothing) return Check::ok();
  TRY_OK(check_readable(run, 0));
  if (run.frame().role == FrameRole::kAsyncCallback) return check_async_return(run);
  if (!entry) {
    const Value& result = run.reg(isa::kR0);
    if (result.is_scalar()) return Check::ok();
    return run.reject(DiagCode::kSubprogramReturnKind, kind_name(result));
  }
  return check_result(run, 0);
}

Check check_result(Run& run, std::uint32_t reg) {
  // Checked before exploration: the hook exists.
  const Hook hook = *find_hook(run.program.type, run.program.attach_type);
  ReturnRange range{.low = hook.low, .high = hook.high};
  if (run.traced && run.traced->returns) range = *run.traced->returns;
  if (range.low == Hook::kLeast && range.high == Hook::kMost) return Check::ok();
  const Value& result = run.reg(reg);
  if (!result.is_scalar())
    return run.reject(reg == 0 ? DiagCode::kReturnKind : DiagCode::kThrowKind, kind_name(result));
  run.mark_precise(reg);
  if (result.scalar.smin >= range.low && result.scalar.smax <= range.high) return Check::ok();
  return run.reject(reg == 0 ? DiagCode::kReturnRange : DiagCode::kThrowRange, print_range(result.scalar), range.low,
                    range.high);
}

namespace {

constexpr std::uint32_t kMaxChainBytes = 512, kMaxTailCallBytes = 256;

/// As the kernel's JIT lays frames out.
std::uint32_t frame_bytes(const Subprogram& sub) { return (sub.stack_bytes + 15) / 16 * 16; }

/// Programs that may interrupt one another on deep kernel stacks get memory of their own for each frame, unless they do
/// tail calls. Then chains may be as deep as there are frames.
bool has_private_stacks(const Run& run) {
  constexpr std::uint32_t kRawTracepoint = 23;  // BPF_TRACE_RAW_TP
  constexpr ProgramTypeSet kTypes =
      set_of(ProgramType::kKprobe, ProgramType::kTracepoint, ProgramType::kPerfEvent, ProgramType::kRawTracepoint);
  const bool traces = run.program.type == ProgramType::kTracing && run.program.attach_type == kRawTracepoint;
  if (!contains(kTypes, run.program.type) && !traces) return false;
  return std::none_of(run.layout.subprograms.begin(), run.layout.subprograms.end(),
                      [](const Subprogram& sub) { return sub.has_tail_call; });
}

enum class Caller : std::uint8_t { kProgram, kCallback };

/// Walks all chains of calls. Recursion, even where it is bounded, runs out of frames here.
class DepthWalk {
 public:
  explicit DepthWalk(Run& run) : run_(run), private_stacks_(has_private_stacks(run)) {}

  Check visit(std::uint32_t index, std::uint32_t above, std::uint32_t frames, Caller caller) {
    const Subprogram& sub = run_.layout.subprograms[index];
    if (sub.callback) caller = Caller::kCallback;
    if (sub.has_tail_call && above >= kMaxTailCallBytes)
      return run_.reject(DiagCode::kTailCallStack, std::uint64_t{above});
    const std::uint32_t depth = above + frame_bytes(sub);
    if (depth > kMaxChainBytes && !private_stacks_)
      return run_.reject(DiagCode::kStackTooDeep, std::uint64_t{frames}, std::uint64_t{depth});
    if (frames > kMaxFrames) return run_.reject(DiagCode::kCallChainTooDeep, std::uint64_t{kMaxFrames});
    run_.stats.stack_depth = std::max(run_.stats.stack_depth, depth);
    for (InsnIndex at = sub.first; at < sub.end; ++at) {
      if (caller == Caller::kCallback && throws(at))
        return run_.reject(DiagCode::kThrowInCallback, std::uint64_t{at}, std::uint64_t{index});
      const auto target = callee(run_.program.insns, at);
      if (!target) continue;
      const auto found = run_.layout.find_subprogram(static_cast<InsnIndex>(*target));
      if (found && *found == run_.layout.exception_callback)
        return run_.reject(DiagCode::kExceptionCallbackCall, std::uint64_t{at});
      // A callback that runs later has the stack for itself, unless it is called as well.
      const bool called = std::holds_alternative<isa::Call>(run_.program.insns[at]);
      if (found && (called || !run_.layout.subprograms[*found].async)) TRY_OK(visit(*found, depth, frames + 1, caller));
    }
    return Check::ok();
  }

 private:
  [[nodiscard]] bool throws(InsnIndex at) const {
    const Kfunc* const kfunc = run_.layout.find_kfunc(run_.program.insns[at]);
    return kfunc != nullptr && kfunc->row != nullptr && kfunc->row->id == KfuncId::bpf_throw;
  }

  Run& run_;
  const bool private_stacks_;
};

}  // namespace

Check check_stack_depth(Run& run) {
  for (std::uint32_t i = 0; i < run.layout.subprograms.size(); ++i)
    if (i == 0 || i == run.layout.exception_callback || run.layout.subprograms[i].async)
      TRY_OK(DepthWalk(run).visit(i, 0, 1, Caller::kProgram));
  return Check::ok();
}

}  // namespace skep::verifier
