// SPDX-License-Identifier: Apache-2.0
// Calls of kernel functions: arguments are checked by require/kfunc.cc, then the call's effects on references, sections
// and registers take place.
#include "verifier/transfer/call_kfunc.h"
#include "base/try.h"
#include "verifier/require/kfunc.h"

namespace skep::verifier {
namespace {

Check release_argument(Run& run, const KfuncCall& call) {
  if (!call.has(KfuncFlag::kRelease)) return Check::ok();
  if (call.released == 0) return run.reject(DiagCode::kKfuncRelease, std::string(call.kfunc.name));
  return release_reference(run, call.args[call.released].reference);
}

Check return_object(Run& run, const KfuncCall& call, TypeId type) {
  Value result = pointer(ValueKind::kBtf);
  result.target = type;
  if (call.has(KfuncFlag::kAcquire)) {
    result.reference = acquire_reference(run, ReferenceKind::kObject);
    if (result.reference == 0) return Check::rejected();
  } else {
    result.set(PointerFlag::kUntrusted);
  }
  result.maybe_null = call.has(KfuncFlag::kRetNull);
  if (result.maybe_null) result.id = result.reference != 0 ? result.reference : run.new_id();
  run.reg(isa::kR0) = result;
  return Check::ok();
}

Check return_pointer(Run& run, const KfuncCall& call, TypeId target) {
  const Btf& kernel = *run.program.target_btf;
  if (kernel.find<btf::Composite>(target) != nullptr) return return_object(run, call, target);
  return run.reject(DiagCode::kUnsupported, "the result of " + std::string(call.kfunc.name));
}

Check set_result(Run& run, const KfuncCall& call) {
  const Btf& kernel = *run.program.target_btf;
  clobber_arguments(run);
  if (call.kfunc.returns == 0) return Check::ok();
  if (const auto* result = kernel.find<btf::Pointer>(call.kfunc.returns))
    return return_pointer(run, call, kernel.resolve(result->target));
  run.reg(isa::kR0) = unknown_scalar();
  return Check::ok();
}

}  // namespace

Check call_kfunc(Run& run, const isa::Call& insn) {
  if (insn.imm == 0 && insn.offset == 0) return run.reject(DiagCode::kKfuncNotEliminated);
  KfuncCall call{.kfunc = *run.layout.find_kfunc(insn.imm)};
  TRY_OK(check_kfunc_available(run, call.kfunc));
  TRY_OK(check_kfunc_sections(run, call));
  for (std::uint32_t reg = 1; reg <= 5; ++reg) call.args[reg] = run.reg(reg);
  for (std::uint32_t index = 0; index < call.kfunc.parameters.size(); ++index)
    TRY_OK(check_kfunc_argument(run, call, index));
  TRY_OK(release_argument(run, call));
  if (call.has(KfuncFlag::kChangesPacket)) forget_packet(run.state);
  if (const auto done = call_object_kfunc(run, call)) return *done;
  if (const auto done = call_cast(run, call)) return *done;
  return set_result(run, call);
}

}  // namespace skep::verifier
