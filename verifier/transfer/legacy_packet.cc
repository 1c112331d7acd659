// SPDX-License-Identifier: Apache-2.0
// Legacy packet loads: r0 = data at a checked offset; outside the packet they end the program.
#include "base/try.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

Check transfer(Run& run, const isa::LoadPacket& insn) {
  constexpr ProgramTypeSet kTypes = kTcTypes | set_of(ProgramType::kSocketFilter);
  if (!contains(kTypes, run.program.type)) return run.reject(DiagCode::kLegacyLoadType);
  TRY_OK(check_references_released(run, DiagCode::kLegacyLoadReference));
  if (insn.mode == isa::PacketMode::kIndirect) TRY_OK(check_readable(run, insn.src.index));
  if (run.reg(6).kind != ValueKind::kContext) return run.reject(DiagCode::kLegacyLoadContext);
  TRY_OK(check_unmodified(run, 6));
  if (run.state.current != 0)
    return run.reject(DiagCode::kUnsupported, std::string("BPF_LD_[ABS|IND] in a subprogram"));
  clobber_arguments(run);
  run.reg(isa::kR0) = unknown_scalar();
  return Check::ok();
}

}  // namespace skep::verifier
