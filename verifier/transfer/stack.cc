// SPDX-License-Identifier: Apache-2.0
// What lies on the stack, byte by byte: spilled registers, zeros, data.
#include <algorithm>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/transfer/alu.h"
#include "verifier/transfer/stack_object.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

std::uint32_t slot_of(std::int32_t offset) { return static_cast<std::uint32_t>(-offset - 1) / kSlotBytes; }
std::uint32_t byte_of(std::int32_t offset) {
  return static_cast<std::uint32_t>(offset + std::int32_t{kStackBytes}) % 8;
}

/// The log shows the slots of the current frame that an instruction used.
void log_slots(Run& run, const Value& base, const StackRange& range) {
  if (!run.log.on() || base.frame != run.state.current) return;
  for (std::int32_t i = range.first; i < range.last; ++i) run.log.touch_slot(slot_of(i));
}

ByteKind kind_at(const Frame& frame, std::int32_t offset) {
  const std::uint32_t slot = slot_of(offset);
  return slot < frame.slots ? frame.slot(slot).bytes[byte_of(offset)] : ByteKind::kInvalid;
}

/// Registers were spilled here: what remains of them is data. Zeros and bytes never written stay what they are.
void scrub(Slot& slot) {
  for (ByteKind& byte : slot.bytes)
    if (byte == ByteKind::kSpill) byte = ByteKind::kMisc;
}

bool all_zero(const Frame& frame, const StackRange& range) {
  for (std::int32_t i = range.first; i < range.last; ++i)
    if (kind_at(frame, i) != ByteKind::kZero) return false;
  return true;
}

HistoryEntry access_of(const Value& base, std::uint32_t slot) {
  return {.stack_access = true, .frame = base.frame, .slot = static_cast<std::uint8_t>(slot)};
}

/// A load of bytes that do not make up a spilled register; those of a spilled zero are zero all the same, and that they
/// are hangs on the slot.
void load_bytes(Run& run, const Value& base, const Frame& frame, const StackRange& range, std::uint32_t size,
                std::uint32_t dst) {
  const Slot* const slot = slot_of(range.first) < frame.slots ? &frame.slot(slot_of(range.first)) : nullptr;
  bool spilled_zero = slot != nullptr && slot->is_spill() && slot->value.is_null();
  for (std::uint32_t i = 0; spilled_zero && i < size; ++i)
    spilled_zero = slot->bytes[byte_of(range.first) + i] == ByteKind::kSpill;
  if (spilled_zero) run.remember(access_of(base, slot_of(range.first)));
  const bool zero = spilled_zero || all_zero(frame, range);
  run.reg(dst) = zero ? constant_scalar(0) : unknown_scalar();
}

Check load_spill(Run& run, const Value& base, Slot& slot, const StackRange& range, std::uint32_t size,
                 std::uint32_t dst) {
  const std::uint32_t spilled = slot.spill_size();
  const bool whole = size == kSlotBytes && spilled == kSlotBytes;
  if (!whole && slot.value.is_pointer()) return run.reject(DiagCode::kInvalidFillSize);
  if (whole) {
    give_id(run, slot.value);
    run.reg(dst) = slot.value;
  } else if (byte_of(range.first) == 0 && size <= spilled) {
    const bool fits = slot.value.scalar.umax <= (size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1);
    if (size == 4 && spilled == 4 && fits) give_id(run, slot.value);
    Value& to = run.reg(dst);
    to = slot.value;
    if (!fits) to.id = 0, to.offset = 0;
  } else {
    load_bytes(run, base, *run.state.frames[base.frame], range, size, dst);
    return Check::ok();
  }
  run.remember(access_of(base, slot_of(range.first)));
  return Check::ok();
}

void spill(Slot& slot, const Value& value, std::uint32_t size) {
  slot.value = value;
  for (std::uint32_t i = 0; i < size; ++i) slot.bytes[i] = ByteKind::kSpill;
  for (std::uint32_t i = size; i < kSlotBytes; ++i)
    if (slot.bytes[i] == ByteKind::kSpill) slot.bytes[i] = ByteKind::kMisc;
}

std::uint32_t width_of(const Value& value) {
  return static_cast<std::uint32_t>(64 - std::countl_zero(value.scalar.umax));
}

/// Data that is no register: zeros are remembered as such.
void store_data(Run& run, Frame& frame, const StackRange& range, const StoredValue& value) {
  const bool is_reg = value.reg < kRegs;
  const bool zero = is_reg ? run.reg(value.reg).is_null() : value.constant == 0;
  Slot& slot = frame.slot(slot_of(range.first));
  scrub(slot);
  slot.value.kind = ValueKind::kNotInit;
  if (zero && is_reg) run.mark_precise(value.reg);
  for (std::int32_t i = range.first; i < range.last; ++i)
    frame.slot(slot_of(i)).bytes[byte_of(i)] = zero ? ByteKind::kZero : ByteKind::kMisc;
}

Check store_fixed(Run& run, const Value& base, Frame& frame, const StackRange& range, std::uint32_t size,
                  const StoredValue& value) {
  const std::uint32_t number = slot_of(range.first);
  Slot& slot = frame.slot(number);
  const bool at_start = byte_of(range.first) == 0;
  if (size == kSlotBytes) run.stack_liveness.write(base.frame, number);
  Value* const src = value.reg < kRegs ? &run.reg(value.reg) : nullptr;
  if (at_start && src != nullptr && src->is_scalar()) {
    const bool fits = width_of(*src) <= 8 * size;
    if (fits) give_id(run, *src);
    spill(slot, *src, size);
    if (!fits) slot.value.id = 0, slot.value.offset = 0;
  } else if (at_start && src == nullptr && value.constant) {
    spill(slot, constant_scalar(static_cast<std::uint64_t>(std::int64_t{*value.constant})), size);
  } else if (src != nullptr && src->is_pointer()) {
    if (size != kSlotBytes) return run.reject(DiagCode::kInvalidSpillSize);
    if (base.frame != run.state.current && src->kind == ValueKind::kStack) return run.reject(DiagCode::kSpillToCaller);
    spill(slot, *src, size);
  } else {
    store_data(run, frame, range, value);
    return Check::ok();
  }
  run.remember(access_of(base, number));
  return Check::ok();
}

/// Any of the bytes may have been written, none needs to have been.
void store_variable(Run& run, Frame& frame, const StackRange& range, const StoredValue& value) {
  const bool is_reg = value.reg < kRegs;
  const bool zero = is_reg ? run.reg(value.reg).is_null() : value.constant == 0;
  bool used = false;
  for (std::int32_t i = range.first; i < range.last; ++i) {
    Slot& slot = frame.slot(slot_of(i));
    ByteKind& byte = slot.bytes[byte_of(i)];
    if (zero && byte == ByteKind::kSpill && slot.is_spill() && slot.value.is_null()) {
      used = true;
      continue;
    }
    if (slot.is_spill()) {
      scrub(slot);
      slot.value.kind = ValueKind::kNotInit;
    }
    used = used || (zero && byte == ByteKind::kZero);
    byte = zero && byte == ByteKind::kZero ? ByteKind::kZero : ByteKind::kMisc;
  }
  if (used && is_reg) run.mark_precise(value.reg);
}

/// Dynptrs and iterators are not data.
Check check_no_object(Run& run, std::uint32_t base_reg, const StackRange& range, Accessor who) {
  const Value& base = run.reg(base_reg);
  const auto found = first_object_byte(*run.state.frames[base.frame], range);
  if (!found) return Check::ok();
  const std::int64_t index = *found - range.first;
  const auto size = static_cast<std::uint64_t>(range.last - range.first);
  if (!range.fixed) {
    const auto bytes = size - (base.scalar.umax - base.scalar.umin);
    return run.reject(DiagCode::kStackObjectReadVariable, std::uint64_t{base_reg}, print_bits(base.scalar.bits), index,
                      bytes);
  }
  if (who == Accessor::kInsn) return run.reject(DiagCode::kStackObjectRead, std::int64_t{range.first}, index, size);
  return run.reject(DiagCode::kStackObjectReadBy, std::uint64_t{base_reg}, std::int64_t{range.first}, index, size);
}

/// A helper that writes would end a dynptr unseen.
Check check_no_dynptr(Run& run, const Frame& frame, const StackRange& range) {
  for (std::int32_t i = range.first; i < range.last; ++i)
    if (kind_at(frame, i) == ByteKind::kDynptr) return run.reject(DiagCode::kDynptrHelperWrite, std::int64_t{i});
  return Check::ok();
}

}  // namespace

void grow_stack(Run& run, Frame& frame, std::int32_t offset) {
  const auto slots = static_cast<std::uint16_t>(slot_of(offset) + 1);
  for (; frame.slots < slots; ++frame.slots) frame.slot(frame.slots) = Slot{};
  Subprogram& sub = run.layout.subprograms[frame.subprogram];
  sub.stack_bytes = std::max(sub.stack_bytes, static_cast<std::uint32_t>(-offset));
}

Check load_stack(Run& run, std::uint32_t base_reg, const StackRange& range, std::uint32_t size, std::uint32_t dst) {
  const Value base = run.reg(base_reg);
  Frame& frame = *run.state.frames[base.frame];
  for (std::int32_t i = range.first; i < range.last; ++i) run.stack_liveness.read(base.frame, slot_of(i));
  log_slots(run, base, range);
  grow_stack(run, frame, range.first);
  TRY_OK(check_no_object(run, base_reg, range, Accessor::kInsn));
  if (!range.fixed) {
    TRY_OK(touch_stack(run, base_reg, range, AccessMode::kRead));
    run.reg(dst) = all_zero(frame, range) ? constant_scalar(0) : unknown_scalar();
    return Check::ok();
  }
  Slot& slot = frame.slot(slot_of(range.first));
  if (slot.is_spill()) return load_spill(run, base, slot, range, size, dst);
  load_bytes(run, base, frame, range, size, dst);
  return Check::ok();
}

Check store_stack(Run& run, std::uint32_t base_reg, const StackRange& range, std::uint32_t size,
                  const StoredValue& value) {
  const Value base = run.reg(base_reg);
  Frame& frame = *run.state.frames[base.frame];
  grow_stack(run, frame, range.first);
  log_slots(run, base, range);
  TRY_OK(end_objects(run, base.frame, range));
  if (range.fixed) return store_fixed(run, base, frame, range, size, value);
  store_variable(run, frame, range, value);
  return Check::ok();
}

Check touch_stack(Run& run, std::uint32_t base_reg, const StackRange& range, AccessMode mode) {
  const Value base = run.reg(base_reg);
  Frame& frame = *run.state.frames[base.frame];
  if (range.first == range.last) return Check::ok();
  grow_stack(run, frame, range.first);
  if (mode != AccessMode::kRead) log_slots(run, base, range);
  if (mode == AccessMode::kWrite && range.fixed) {
    TRY_OK(check_no_dynptr(run, frame, range));
    TRY_OK(end_objects(run, base.frame, range));
  } else {  // An object would not be ended for certain.
    TRY_OK(check_no_object(run, base_reg, range, Accessor::kHelper));
  }
  for (std::int32_t i = range.first; i < range.last; ++i) {
    run.stack_liveness.read(base.frame, slot_of(i));
    if (mode == AccessMode::kRead) continue;
    Slot& slot = frame.slot(slot_of(i));
    if (slot.is_spill()) {
      scrub(slot);
      slot.value = unknown_scalar();
    }
    slot.bytes[byte_of(i)] = ByteKind::kMisc;
  }
  return Check::ok();
}

std::optional<std::uint64_t> constant_on_stack(Run& run, std::uint32_t frame_number, std::int32_t offset,
                                               std::uint32_t size) {
  const Frame& frame = *run.state.frames[frame_number];
  const auto bytes_of = [&](ByteKind kind) {
    std::uint32_t count = 0;
    while (byte_of(offset) + count < kSlotBytes && kind_at(frame, offset + static_cast<std::int32_t>(count)) == kind)
      ++count;
    return count;
  };
  if (bytes_of(ByteKind::kZero) >= size) return 0;
  const std::uint32_t number = slot_of(offset);
  if (number >= frame.slots) return std::nullopt;
  const Slot& slot = frame.slot(number);
  const bool known = slot.is_scalar_spill() && slot.value.scalar.is_constant();
  if (!known || bytes_of(ByteKind::kSpill) != size) return std::nullopt;
  run.mark_slot_precise(frame_number, number);
  return slot.value.scalar.value();
}

}  // namespace skep::verifier
