// SPDX-License-Identifier: Apache-2.0
#include "verifier/transfer/stack_object.h"

#include <algorithm>

#include "base/try.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

std::uint32_t slot_of(std::int32_t offset) { return static_cast<std::uint32_t>(-offset - 1) / kSlotBytes; }
std::uint32_t byte_of(std::int32_t offset) {
  return static_cast<std::uint32_t>(offset + std::int32_t{kStackBytes}) % kSlotBytes;
}

bool is_whole(const Slot& slot, ByteKind kind) {
  return std::all_of(slot.bytes.begin(), slot.bytes.end(), [&](ByteKind byte) { return byte == kind; });
}

}  // namespace

std::optional<StackPlace> stack_place(const Value& pointer, std::uint32_t slots) {
  if (pointer.kind != ValueKind::kStack || !pointer.scalar.is_constant()) return std::nullopt;
  const std::int64_t offset = std::int64_t{pointer.offset} + static_cast<std::int64_t>(pointer.scalar.value());
  const std::int64_t size = std::int64_t{slots} * kSlotBytes;
  if (offset < -std::int64_t{kStackBytes} || offset + size > 0 || offset % kSlotBytes != 0) return std::nullopt;
  return StackPlace{.frame = pointer.frame, .slot = slot_of(static_cast<std::int32_t>(offset))};
}

Slot& part_of(Run& run, StackPlace place, std::uint32_t part) {
  return run.state.frames[place.frame]->slot(place.slot - part);
}

Value* find_object(Run& run, StackPlace place, ByteKind kind, std::uint32_t slots) {
  if (place.slot >= run.state.frames[place.frame]->slots) return nullptr;
  for (std::uint32_t part = 0; part < slots; ++part) {
    const Slot& slot = part_of(run, place, part);
    if (!is_whole(slot, kind) || slot.value.offset != static_cast<std::int32_t>(part)) return nullptr;
  }
  for (std::uint32_t part = 0; part < slots; ++part) run.stack_liveness.read(place.frame, place.slot - part);
  return &part_of(run, place, 0).value;
}

Check overwrite_place(Run& run, std::uint32_t reg, std::uint32_t slots) {
  for (std::uint32_t part = 0; part < slots; ++part) {
    StackRange range;
    const auto offset = static_cast<std::int32_t>(part * kSlotBytes);
    TRY_OK(check_stack_range(run, reg, offset, kSlotBytes, AccessMode::kWrite, range));
    grow_stack(run, *run.state.frames[run.reg(reg).frame], range.first);
    TRY_OK(end_objects(run, run.reg(reg).frame, range));
  }
  return Check::ok();
}

void put_object(Run& run, StackPlace place, const Value& value, ByteKind kind, std::uint32_t slots) {
  for (std::uint32_t part = 0; part < slots; ++part) {
    Slot& slot = part_of(run, place, part);
    slot.value = value;
    slot.value.offset = static_cast<std::int32_t>(part);
    slot.bytes.fill(kind);
    run.stack_liveness.write(place.frame, place.slot - part);
    if (run.log.on() && place.frame == run.state.current) run.log.touch_slot(place.slot - part);
  }
}

void remove_object(Run& run, StackPlace place, std::uint32_t slots) {
  for (std::uint32_t part = 0; part < slots; ++part) {
    part_of(run, place, part) = Slot{};
    run.stack_liveness.write(place.frame, place.slot - part);
  }
}

Check end_objects(Run& run, std::uint32_t frame_number, const StackRange& range) {
  Frame& frame = *run.state.frames[frame_number];
  for (std::int32_t i = range.first; i < range.last; ++i) {
    Slot& slot = frame.slot(slot_of(i));
    if (!slot.is_object()) continue;
    if (slot.bytes[0] == ByteKind::kDynptr) {
      TRY_OK(end_dynptr(run, frame_number, slot_of(i)));
    } else {
      slot.bytes.fill(ByteKind::kMisc);
      slot.value = unknown_scalar();
    }
  }
  return Check::ok();
}

std::optional<std::int32_t> first_object_byte(const Frame& frame, const StackRange& range) {
  for (std::int32_t i = range.first; i < range.last; ++i)
    if (slot_of(i) < frame.slots && frame.slot(slot_of(i)).bytes[byte_of(i)] > ByteKind::kZero) return i;
  return std::nullopt;
}

}  // namespace skep::verifier
