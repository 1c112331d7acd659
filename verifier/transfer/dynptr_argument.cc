// SPDX-License-Identifier: Apache-2.0
// Dynptrs as arguments of helpers, and the memory that they tell of as a result.
#include <string>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/transfer/dynptr.h"
#include "verifier/transfer/helper_call.h"

namespace skep::verifier {
namespace {

Check check_room(Run& run, std::uint32_t reg, const Arguments& seen) {
  if (seen.is(HelperId::dynptr_from_mem) && run.reg(1).kind != ValueKind::kMapValue)
    return run.reject(DiagCode::kDynptrFromMem, kind_name(run.reg(1)));
  return check_room_for_dynptr(run, reg);
}

Check make(Run& run, const Arguments& seen) {
  for (std::uint32_t reg = 1; reg <= 5; ++reg) {
    const Arg& arg = seen.proto.args[reg - 1];
    if (arg.kind != ArgKind::PtrToUninitDynptr) continue;
    const std::uint32_t id = run.new_id();
    const bool acquires = seen.proto.has(kAcquires);
    const std::uint32_t reference = acquires ? acquire_reference(run, ReferenceKind::kObject) : 0;
    if (acquires && reference == 0) return Check::rejected();
    make_dynptr(run, run.reg(reg), arg.dynptr, {.id = id, .reference = reference});
  }
  return Check::ok();
}

}  // namespace

Check check_dynptr_argument(Run& run, std::uint32_t reg, const Arg& arg, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (value.kind != ValueKind::kStack && value.kind != ValueKind::kDynptr)
    return wrong_type(run, reg, "fp, dynptr_ptr");
  const bool constant = value.kind == ValueKind::kDynptr;
  if (constant) TRY_OK(check_unmodified(run, reg));
  if (arg.kind == ArgKind::PtrToUninitDynptr) return check_room(run, reg, seen);
  const Value* const dynptr = find_dynptr(run, reg);
  if (arg.released && constant) return run.reject(DiagCode::kDynptrUnowned);
  if (arg.released && (dynptr == nullptr || dynptr->reference == 0))
    return run.reject(DiagCode::kUnacquiredReference, std::uint64_t{reg});
  if (dynptr == nullptr) return run.reject(DiagCode::kDynptrExpected, std::uint64_t{reg - 1});
  seen.dynptr = *dynptr;
  if (arg.dynptr == DynptrKind::Any || static_cast<DynptrKind>(dynptr->detail) == arg.dynptr) return Check::ok();
  return run.reject(DiagCode::kDynptrType, std::string(dynptr_name(static_cast<std::uint8_t>(arg.dynptr))),
                    std::uint64_t{reg - 1});
}

Check use_dynptr(Run& run, const Arguments& seen) {
  TRY_OK(make(run, seen));
  if (!seen.dynptr) return Check::ok();
  if (seen.is(HelperId::ringbuf_submit_dynptr) || seen.is(HelperId::ringbuf_discard_dynptr))
    return release_dynptr(run, seen.dynptr->reference);
  if (seen.is(HelperId::dynptr_write) && write_moves_packet(*seen.dynptr)) forget_packet(run.state);
  return Check::ok();
}

Check return_dynptr_memory(Run& run, const Arguments& seen) {
  run.reg(isa::kR0) = slice_of_dynptr(run, *seen.dynptr, seen.size);
  return Check::ok();
}

Check dynptr_for_callback(Run& run, Value& value) {
  value = constant_dynptr(run, DynptrKind::Local);
  return Check::ok();
}

}  // namespace skep::verifier
