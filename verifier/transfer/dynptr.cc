// SPDX-License-Identifier: Apache-2.0
#include "verifier/transfer/dynptr.h"

#include "base/try.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

/// Pointers to memory of the dynptr with this id become numbers.
void end_slices(State& state, std::uint32_t dynptr) {
  for_each_value(state, [&](Value& value) {
    if (value.kind == ValueKind::kMemory && value.map_uid == dynptr) make_unknown(value);
  });
}

}  // namespace

const Value* find_dynptr(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  if (value.kind == ValueKind::kDynptr) return &value;
  const auto place = stack_place(value, kDynptrSlots);
  return place ? find_object(run, *place, ByteKind::kDynptr, kDynptrSlots) : nullptr;
}

Check check_room_for_dynptr(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  const bool below = value.kind == ValueKind::kStack && value.scalar.is_constant() &&
                     value.offset + static_cast<std::int64_t>(value.scalar.value()) < -std::int64_t{kStackBytes};
  if (!below && !stack_place(value, kDynptrSlots)) return run.reject(DiagCode::kDynptrUninit);
  return overwrite_place(run, reg, kDynptrSlots);
}

void make_dynptr(Run& run, const Value& pointer_to_it, DynptrKind kind, DynptrIds ids) {
  Value dynptr = pointer(ValueKind::kDynptr);
  dynptr.detail = static_cast<std::uint8_t>(kind);
  dynptr.id = ids.id;
  dynptr.reference = ids.reference;
  dynptr.map_uid = ids.origin;
  put_object(run, *stack_place(pointer_to_it, kDynptrSlots), dynptr, ByteKind::kDynptr, kDynptrSlots);
}

Check end_dynptr(Run& run, std::uint32_t frame, std::uint32_t slot) {
  const Value dynptr = run.state.frames[frame]->slot(slot).value;
  if (dynptr.reference != 0) return run.reject(DiagCode::kDynptrOverwrite);
  const StackPlace place{.frame = static_cast<std::uint8_t>(frame),
                         .slot = slot + static_cast<std::uint32_t>(dynptr.offset)};
  for (std::uint32_t part = 0; part < kDynptrSlots; ++part) part_of(run, place, part) = Slot{};
  end_slices(run.state, dynptr.id);
  return Check::ok();
}

Value constant_dynptr(Run& run, DynptrKind kind) {
  Value dynptr = pointer(ValueKind::kDynptr);
  dynptr.detail = static_cast<std::uint8_t>(kind);
  dynptr.id = run.new_id();
  return dynptr;
}

Value slice_of_dynptr(Run& run, const Value& dynptr, std::uint64_t size) {
  Value slice = pointer(ValueKind::kMemory);
  slice.extent = static_cast<std::int32_t>(size);
  slice.detail = dynptr.detail;
  slice.map_uid = dynptr.id;
  slice.reference = dynptr.reference;
  slice.maybe_null = true;
  slice.id = run.new_id();
  return slice;
}

Check release_dynptr(Run& run, std::uint32_t reference) {
  TRY_OK(release_reference(run, reference));
  for (std::uint32_t i = 0; i <= run.state.current; ++i) {
    Frame& frame = *run.state.frames[i];
    for (std::uint32_t slot = 0; slot < frame.slots; ++slot) {
      Slot& here = frame.slot(slot);
      if (here.bytes[0] != ByteKind::kDynptr || here.value.reference != reference) continue;
      end_slices(run.state, here.value.id);
      here = Slot{};
    }
  }
  return Check::ok();
}

}  // namespace skep::verifier
