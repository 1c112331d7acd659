// SPDX-License-Identifier: Apache-2.0
// What must hold when the program ends, and of all paths together.
#include <algorithm>
#include <string>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/require/require.h"

namespace skep::verifier {
Check check_references_released(Run& run, DiagCode code) {
  if (run.state.reference_count == 0) return Check::ok();
  for (std::uint32_t i = 0; i < run.state.reference_count; ++i)
    run.explain("Unreleased reference id=", std::to_string(run.state.references[i].id),
                " alloc_insn=", std::to_string(run.state.references[i].at));
  const Reference& first = run.state.references[0];
  return run.reject(code, std::uint64_t{first.id}, std::uint64_t{first.at});
}

Check check_return_value(Run& run) {
  const bool entry = run.frame().subprogram == 0;
  if (entry && run.traced && run.traced->returns_nothing) return Check::ok();
  TRY_OK(check_readable(run, 0));
  if (!entry) {
    const Value& result = run.reg(isa::kR0);
    if (result.is_scalar()) return Check::ok();
    return run.reject(DiagCode::kSubprogramReturnKind, kind_name(result));
  }
  // Checked before exploration: the hook exists.
  const Hook hook = *find_hook(run.program.type, run.program.attach_type);
  ReturnRange range{.low = hook.low, .high = hook.high};
  if (run.traced && run.traced->returns) range = *run.traced->returns;
  if (range.low == Hook::kLeast && range.high == Hook::kMost) return Check::ok();
  const Value& result = run.reg(isa::kR0);
  if (!result.is_scalar()) return run.reject(DiagCode::kReturnKind, kind_name(result));
  run.mark_precise(0);
  if (result.scalar.smin >= range.low && result.scalar.smax <= range.high) return Check::ok();
  return run.reject(DiagCode::kReturnRange, print_range(result.scalar), range.low, range.high);
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

/// Walks all chains of calls. Recursion, even where it is bounded, runs out of frames here.
class DepthWalk {
 public:
  explicit DepthWalk(Run& run) : run_(run), private_stacks_(has_private_stacks(run)) {}

  Check visit(std::uint32_t index, std::uint32_t above, std::uint32_t frames) {
    const Subprogram& sub = run_.layout.subprograms[index];
    if (sub.has_tail_call && above >= kMaxTailCallBytes)
      return run_.reject(DiagCode::kTailCallStack, std::uint64_t{above});
    const std::uint32_t depth = above + frame_bytes(sub);
    if (depth > kMaxChainBytes && !private_stacks_)
      return run_.reject(DiagCode::kStackTooDeep, std::uint64_t{frames}, std::uint64_t{depth});
    if (frames > kMaxFrames) return run_.reject(DiagCode::kCallChainTooDeep, std::uint64_t{kMaxFrames});
    run_.stats.stack_depth = std::max(run_.stats.stack_depth, depth);
    for (InsnIndex at = sub.first; at < sub.end; ++at) {
      const auto target = callee(run_.program.insns, at);
      if (!target) continue;
      const auto found = run_.layout.find_subprogram(static_cast<InsnIndex>(*target));
      if (found) TRY_OK(visit(*found, depth, frames + 1));
    }
    return Check::ok();
  }

 private:
  Run& run_;
  const bool private_stacks_;
};

}  // namespace

Check check_stack_depth(Run& run) { return DepthWalk(run).visit(0, 0, 1); }

}  // namespace skep::verifier
