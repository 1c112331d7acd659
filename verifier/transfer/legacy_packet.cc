// SPDX-License-Identifier: Apache-2.0
// Legacy packet loads: r0 = data at a checked offset; outside the packet they end the function.
#include "base/try.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

Check transfer(Run& run, const isa::LoadPacket& insn) {
  constexpr ProgramTypeSet kTypes = kTcTypes | set_of(ProgramType::kSocketFilter);
  if (!contains(kTypes, run.program.type)) return run.reject(DiagCode::kLegacyLoadType);
  TRY_OK(check_nothing_held(run, DiagCode::kLegacyLoadReference, "BPF_LD_[ABS|IND]"));
  if (insn.mode == isa::PacketMode::kIndirect) TRY_OK(check_readable(run, insn.src.index));
  if (run.reg(6).kind != ValueKind::kContext) return run.reject(DiagCode::kLegacyLoadContext);
  TRY_OK(check_unmodified(run, 6));
  clobber_arguments(run);
  run.reg(isa::kR0) = unknown_scalar();
  if (run.state.current == 0) return Check::ok();
  if (run.frame().role != FrameRole::kCall)
    return run.reject(DiagCode::kUnsupported, std::string("BPF_LD_[ABS|IND] in a callback"));
  // Where the packet has no such data, the subprogram returns 0 from here.
  if (run.push_branch(run.next) == nullptr) return Check::rejected();
  run.reg(isa::kR0) = constant_scalar(0);
  return return_to_caller(run);
}

}  // namespace skep::verifier
