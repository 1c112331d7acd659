// SPDX-License-Identifier: Apache-2.0
// Calls of subprograms, and where a function ends.
#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

Check call_local(Run& run) {
  const auto target = callee(run.program.insns, run.at);
  const auto found = run.layout.find_subprogram(static_cast<InsnIndex>(*target));
  if (!found) return run.reject(DiagCode::kInvalidCallee);
  if (run.layout.subprograms[*found].global) return call_global(run, *found);
  if (run.state.current + 1 >= kMaxFrames) return run.reject(DiagCode::kTooManyFrames, std::uint64_t{kMaxFrames + 1});
  const Frame& caller = run.frame();
  Frame& frame = run.live.push_frame();
  for (std::uint32_t reg = 1; reg <= 5; ++reg) frame.regs[reg] = caller.regs[reg];
  frame.regs[10] = stack_pointer(static_cast<std::uint8_t>(run.state.current));
  frame.subprogram = static_cast<std::uint16_t>(*found);
  frame.callsite = run.at;
  Frame& outer = *run.state.frames[run.state.current - 1];
  for (std::uint32_t reg = 0; reg <= 5; ++reg) outer.regs[reg] = Value{};
  run.next = static_cast<InsnIndex>(*target);
  run.log.enter_function(run);
  return Check::ok();
}

}  // namespace

Check return_to_caller(Run& run) {
  const Value result = run.reg(isa::kR0);
  if (result.kind == ValueKind::kStack) return run.reject(DiagCode::kReturnsStackPointer);
  if (run.frame().role != FrameRole::kCall) return leave_callback(run);
  // A result that was never set is the caller's concern, if it reads it.
  run.next = run.frame().callsite + 1;
  run.log.leave_function(run, run.next);
  --run.state.current;
  run.reg(isa::kR0) = result;
  run.log.caller(run);
  return Check::ok();
}

void clobber_arguments(Run& run) {
  for (std::uint32_t reg = 0; reg <= 5; ++reg) run.reg(reg) = Value{};
}

Check transfer(Run& run, const isa::Call& insn) {
  TRY_OK(check_call_in_section(run, insn));
  switch (insn.kind) {
    case isa::CallKind::kHelper:
      return call_helper(run, insn.imm);
    case isa::CallKind::kLocal:
      return call_local(run);
    case isa::CallKind::kKfunc:
      return call_kfunc(run, insn);
  }
  unreachable();
}

Check transfer(Run& run, const isa::Exit&) {
  if (run.state.current != 0) return return_to_caller(run);
  TRY_OK(check_nothing_held(run, DiagCode::kUnreleasedReference, "BPF_EXIT instruction in main prog"));
  TRY_OK(check_return_value(run));
  run.path_ends = true;
  return Check::ok();
}

}  // namespace skep::verifier
