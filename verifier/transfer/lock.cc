// SPDX-License-Identifier: Apache-2.0
// Spin locks in map values and allocated objects. A lock is known by the pointer to what it lies in: values that were
// looked up each have an id of their own, global variables have none, objects have the id of their reference.
#include <string>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

bool has_lock(const FieldRecord& record) {
  return record.has(SpecialKind::kSpinLock) || record.has(SpecialKind::kResilientSpinLock);
}

/// In what a lock lies: a map, or objects of the program's types.
std::uint32_t key_of(const Value& value) { return value.kind == ValueKind::kMapValue ? value.target + 1 : 0; }

bool is_held(const Reference& lock, const Value& holder, ReferenceKind kind) {
  return lock.kind == kind && lock.key == key_of(holder) && lock.id == holder.id;
}

struct LockName {
  std::string_view lock, unlock;
};
constexpr LockName name_of(ReferenceKind kind) {
  if (kind == ReferenceKind::kLock) return {"bpf_spin_lock", "bpf_spin_unlock"};
  if (kind == ReferenceKind::kResilientLock) return {"bpf_res_spin_lock", "bpf_res_spin_unlock"};
  return {"bpf_res_spin_lock_irqsave", "bpf_res_spin_unlock_irqrestore"};
}

SpecialKind field_of(ReferenceKind kind) {
  return kind == ReferenceKind::kLock ? SpecialKind::kSpinLock : SpecialKind::kResilientSpinLock;
}

}  // namespace

bool in_tree_callback(const Run& run) {
  for (std::uint32_t i = 0; i <= run.state.current; ++i)
    if (run.state.frames[i]->role == FrameRole::kTreeLessCallback) return true;
  return false;
}

Check find_place(Run& run, std::uint32_t reg, std::string_view field, FieldPlace& place) {
  const Value& value = run.reg(reg);
  if (!value.scalar.is_constant())
    return run.reject(DiagCode::kFieldOffsetVariable, std::uint64_t{reg}, std::string(field));
  place.offset = value.offset + static_cast<std::int64_t>(value.scalar.value());
  if (value.kind == ValueKind::kMapValue) {
    const MapSpec& map = run.map_of(value);
    place.holder = "map";
    place.name = map.name;
    place.record = &fields_of_map(run, value.target);
    if (map.btf != nullptr) return Check::ok();
    return run.reject(DiagCode::kFieldMapWithoutBtf, map.name, std::string(field));
  }
  place.holder = "local";
  place.name = "kptr";
  place.record = &fields_of_type(run, value.target);
  return Check::ok();
}

Check check_single_field(Run& run, std::uint32_t reg, SpecialKind kind) {
  const std::string name(info(kind).name);
  FieldPlace place;
  TRY_OK(find_place(run, reg, name, place));
  const SpecialField* const field = place.record->first(kind);
  if (field == nullptr) return run.reject(DiagCode::kFieldMissing, std::string(place.holder), place.name, name);
  if (place.offset == std::int64_t{field->offset}) return Check::ok();
  return run.reject(DiagCode::kFieldElsewhere, place.offset, name, std::uint64_t{field->offset});
}

bool may_hold_lock(Run& run, const Value& value) {
  if (value.kind == ValueKind::kMapValue) return has_lock(fields_of_map(run, value.target));
  const bool object = value.kind == ValueKind::kBtf && value.has(PointerFlag::kAlloc);
  return object && !value.has(PointerFlag::kUntrusted) && has_lock(fields_of_type(run, value.target));
}

Check take_lock(Run& run, std::uint32_t reg, ReferenceKind kind) {
  if (in_tree_callback(run)) return run.reject(DiagCode::kLockInTreeCallback);
  TRY_OK(check_single_field(run, reg, field_of(kind)));
  State& state = run.state;
  const Value& holder = run.reg(reg);
  for (std::uint32_t i = 0; i < state.reference_count; ++i) {
    const Reference& held = state.references[i];
    if (!is_lock(held.kind)) continue;
    if (kind == ReferenceKind::kLock) return run.reject(DiagCode::kLockHeldTwice);
    if (held.key == key_of(holder) && held.id == holder.id) return run.reject(DiagCode::kLockDeadlock);
  }
  if (state.reference_count == kMaxReferences)
    return run.reject(DiagCode::kUnsupported, std::string("more than 32 references at once"));
  state.references[state.reference_count++] = {.id = holder.id, .at = run.at, .kind = kind, .key = key_of(holder)};
  ++state.active_locks;
  return Check::ok();
}

Check give_back_lock(Run& run, std::uint32_t reg, ReferenceKind kind) {
  if (in_tree_callback(run)) return run.reject(DiagCode::kLockInTreeCallback);
  TRY_OK(check_single_field(run, reg, field_of(kind)));
  State& state = run.state;
  const std::string name(name_of(kind).unlock);
  if (state.active_locks == 0) return run.reject(DiagCode::kLockNotHeld, name);
  const Value& holder = run.reg(reg);
  std::uint32_t last_lock = 0, match = kMaxReferences;
  for (std::uint32_t i = 0; i < state.reference_count; ++i) {
    if (is_lock(state.references[i].kind)) last_lock = i;
    if (is_held(state.references[i], holder, kind)) match = i;
  }
  if (match == kMaxReferences) return run.reject(DiagCode::kLockOther, name);
  if (match != last_lock) return run.reject(DiagCode::kLockOutOfOrder, name);
  erase_reference(state, match);
  --state.active_locks;
  forget_non_owning(run);
  return Check::ok();
}

Check check_lock_held(Run& run, const Value& holder, const FieldRecord& record, std::string_view for_what) {
  const bool resilient = record.has(SpecialKind::kResilientSpinLock);
  const SpecialField* const lock = record.first(resilient ? SpecialKind::kResilientSpinLock : SpecialKind::kSpinLock);
  if (lock == nullptr) return run.reject(DiagCode::kUnsupported, std::string("a list or tree without a lock"));
  const State& state = run.state;
  for (std::uint32_t i = 0; i < state.reference_count; ++i)
    if (is_lock(state.references[i].kind) && state.references[i].key == key_of(holder) &&
        state.references[i].id == holder.id)
      return Check::ok();
  return run.reject(DiagCode::kLockRequired, std::string(info(lock->kind).name), std::uint64_t{lock->offset},
                    std::string(for_what));
}

void forget_non_owning(Run& run) {
  for_each_value(run.state, [](Value& value) {
    if (value.kind == ValueKind::kBtf && value.has(PointerFlag::kNonOwning)) make_unknown(value);
  });
}

}  // namespace skep::verifier
