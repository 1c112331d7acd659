// SPDX-License-Identifier: Apache-2.0
// Locks, timers and kernel pointers in map values and objects as arguments and results of helpers.
#include <string>

#include "base/try.h"
#include "verifier/transfer/helper_call.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

/// A map value, or an object of the program's own.
bool is_holder(const Value& value) {
  if (value.maybe_null) return false;
  return value.kind == ValueKind::kMapValue ||
         (value.kind == ValueKind::kBtf && value.flags == static_cast<std::uint8_t>(PointerFlag::kAlloc));
}

/// Pointers that bpf_kptr_xchg takes at all.
bool is_object(const Value& value) {
  if (value.kind != ValueKind::kBtf || value.has(PointerFlag::kUntrusted)) return false;
  if (!value.has(PointerFlag::kAlloc)) return !value.has(PointerFlag::kPerCpu) && !value.has(PointerFlag::kUser);
  return !value.has(PointerFlag::kRcu) && !value.has(PointerFlag::kNonOwning);
}

}  // namespace

Check check_field_argument(Run& run, std::uint32_t reg, ArgKind kind, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (kind == ArgKind::KptrObject) {
    if (!value.is_null() && !is_object(value)) return wrong_type(run, reg, "ptr_, trusted_ptr_, rcu_ptr_");
    return check_kptr_object(run, reg, *seen.pointer_field);
  }
  if (kind == ArgKind::Timer) {
    if (value.kind != ValueKind::kMapValue || value.maybe_null) return wrong_type(run, reg, "map_value");
    return check_deferred_field(run, reg, SpecialKind::kTimer, seen.timer);
  }
  if (!is_holder(value)) return wrong_type(run, reg, "map_value, ptr_");
  return kind == ArgKind::Kptr ? check_kptr_field(run, reg, seen.pointer_field) : Check::ok();
}

Check use_field(Run& run, const Arguments& seen) {
  if (seen.is(HelperId::spin_lock)) return take_lock(run, 1, ReferenceKind::kLock);
  if (seen.is(HelperId::spin_unlock)) return give_back_lock(run, 1, ReferenceKind::kLock);
  if (seen.is(HelperId::timer_set_callback))
    return push_async_callback(run, seen.callback, seen.timer.map, Sleep::kForbidden);
  return Check::ok();
}

Check return_kptr(Run& run, const Arguments& seen) { return exchange_kptr(run, *seen.pointer_field, 2); }

}  // namespace skep::verifier
