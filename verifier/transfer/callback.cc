// SPDX-License-Identifier: Apache-2.0
// Helpers that call back. How often is not known: one more iteration is explored from every state in which the helper
// is entered, until that state is covered by an earlier one; the helper's own return is explored from each as well.
#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/transfer/helper_call.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

void set_loop_arguments(Frame& frame, const Frame& caller) {
  frame.regs[1] = unknown_scalar();
  frame.regs[2] = caller.regs[3];
  frame.role = FrameRole::kLoopCallback;
}

void set_for_each_arguments(Frame& frame, const Frame& caller, std::uint32_t map) {
  frame.regs[1] = caller.regs[1];
  frame.regs[2] = pointer(ValueKind::kMapKey);
  frame.regs[2].target = map;
  frame.regs[3] = pointer(ValueKind::kMapValue);
  frame.regs[3].target = map;
  frame.regs[4] = caller.regs[3];
  frame.role = FrameRole::kForEachCallback;
}

Check set_find_vma_arguments(Run& run, Frame& frame, const Frame& caller) {
  const auto vma = kernel_object(run, "vm_area_struct");
  if (!vma) return run.reject(DiagCode::kUnsupported, std::string("bpf_find_vma without the kernel's BTF"));
  frame.regs[1] = caller.regs[1];
  frame.regs[2] = *vma;
  frame.regs[3] = caller.regs[4];
  frame.role = FrameRole::kFindVmaCallback;
  return Check::ok();
}

Check set_user_ringbuf_arguments(Run& run, Frame& frame, const Frame& caller) {
  frame.regs[2] = caller.regs[3];
  frame.role = FrameRole::kUserRingBufCallback;
  return dynptr_for_callback(run, frame.regs[1]);
}

Check set_arguments(Run& run, Frame& frame, const Frame& caller, const Arguments& seen) {
  if (seen.is(HelperId::find_vma)) return set_find_vma_arguments(run, frame, caller);
  if (seen.is(HelperId::user_ringbuf_drain)) return set_user_ringbuf_arguments(run, frame, caller);
  if (seen.is(HelperId::loop)) {
    set_loop_arguments(frame, caller);
  } else {
    set_for_each_arguments(frame, caller, seen.map);
  }
  return Check::ok();
}

/// A copy of the live state enters the callback, whose arguments and role `set` fills in; the live one goes on behind
/// the call.
template <class F>
Check push_callback(Run& run, std::uint32_t subprogram, F set) {
  if (run.state.current + 1 >= kMaxFrames) return run.reject(DiagCode::kTooManyFrames, std::uint64_t{kMaxFrames + 1});
  Frame& caller = run.frame();
  Frame& frame = run.live.push_frame();
  TRY_OK(set(frame, caller));
  run.layout.subprograms[subprogram].callback = true;
  frame.regs[10] = stack_pointer(static_cast<std::uint8_t>(run.state.current));
  frame.subprogram = static_cast<std::uint16_t>(subprogram);
  frame.callsite = run.at;
  ++caller.callback_depth;
  ++run.state.callback_unroll_depth;
  run.log.touch_everything();
  const State* const saved = run.push_branch(run.layout.subprograms[subprogram].first);
  --run.state.current;
  --run.state.callback_unroll_depth;
  caller.callback_depth = 0;
  return saved == nullptr ? Check::rejected() : Check::ok();
}

}  // namespace

Check enter_callback(Run& run, const Arguments& seen) {
  return push_callback(run, seen.callback,
                       [&](Frame& frame, const Frame& caller) { return set_arguments(run, frame, caller, seen); });
}

Check enter_tree_callback(Run& run, std::uint32_t subprogram, const Value& node) {
  return push_callback(run, subprogram, [&](Frame& frame, const Frame&) {
    frame.role = FrameRole::kTreeLessCallback;
    for (std::uint32_t reg = 1; reg <= 2; ++reg) {
      frame.regs[reg] = node;
      frame.regs[reg].set(PointerFlag::kNonOwning);
    }
    return Check::ok();
  });
}

Check leave_callback(Run& run) {
  const Value& result = run.reg(isa::kR0);
  TRY_OK(check_readable(run, 0));
  if (!result.is_scalar()) return run.reject(DiagCode::kCallbackReturnKind);
  run.mark_precise(0);
  if (result.scalar.smin < 0 || result.scalar.smax > 1)
    return run.reject(DiagCode::kCallbackReturn, print_range(result.scalar), std::int64_t{0}, std::int64_t{1});
  run.next = run.frame().callsite;
  const Value returned = result;
  run.log.leave_function(run, run.next);
  --run.state.current;
  run.reg(isa::kR0) = returned;
  run.log.caller(run);
  run.widen(run.state, run.next, run.state.depth);
  return Check::ok();
}

}  // namespace skep::verifier
