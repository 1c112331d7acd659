// SPDX-License-Identifier: Apache-2.0
// Dynptrs as arguments of kernel functions.
#include "verifier/transfer/dynptr.h"

#include "base/try.h"
#include "verifier/require/kfunc.h"

namespace skep::verifier {
namespace {

bool is_dynptr_pointer(const Value& value) {
  return value.kind == ValueKind::kStack || value.kind == ValueKind::kDynptr;
}

}  // namespace

Check check_slice_writable(Run& run, const Value& dynptr) {
  if (!is_packet_dynptr(dynptr) || check_packet_write(run).has_value()) return Check::ok();
  run.rejection.reset();
  return run.reject(DiagCode::kDynptrPacketWrite);
}

Check check_kfunc_dynptr(Run& run, KfuncCall& call, std::uint32_t index) {
  const KfuncParameter& parameter = call.kfunc.parameters[index];
  const std::uint32_t reg = index + 1;
  if (!is_dynptr_pointer(run.reg(reg)))
    return reject_argument(run, index, "expected pointer to stack or const struct bpf_dynptr");
  if (run.reg(reg).kind == ValueKind::kDynptr) TRY_OK(check_unmodified(run, reg));
  if (parameter.uninitialized) {
    if (run.reg(reg).kind == ValueKind::kDynptr) return run.reject(DiagCode::kDynptrNoRoom);
    call.made = run.reg(reg);
    return check_room_for_dynptr(run, reg);
  }
  const Value* const dynptr = find_dynptr(run, reg);
  if (dynptr == nullptr) return run.reject(DiagCode::kDynptrExpected, std::uint64_t{index});
  if (!call.dynptr) call.dynptr = *dynptr;
  return Check::ok();
}

}  // namespace skep::verifier
