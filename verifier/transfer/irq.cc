// SPDX-License-Identifier: Apache-2.0
// Saved interrupt flags on the stack: bpf_local_irq_save fills eight bytes that only bpf_local_irq_restore may read,
// the last saved first.
#include <optional>
#include <string>

#include "base/try.h"
#include "verifier/transfer/call_kfunc.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

struct Place {
  std::uint32_t frame = 0;
  std::int32_t offset = 0;
  [[nodiscard]] std::uint32_t slot() const { return static_cast<std::uint32_t>(-offset) / kSlotBytes - 1; }
};

/// The eight aligned bytes of stack that the register points to.
std::optional<Place> place_of(const Value& value) {
  if (!value.scalar.is_constant()) return std::nullopt;
  const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.scalar.value());
  const bool inside = offset >= -std::int64_t{kStackBytes} && offset <= -std::int64_t{kSlotBytes};
  if (!inside || offset % kSlotBytes != 0) return std::nullopt;
  return Place{.frame = value.frame, .offset = static_cast<std::int32_t>(offset)};
}

std::uint32_t flag_bytes(const Run& run, const Place& place) {
  const Frame& frame = *run.state.frames[place.frame];
  if (place.slot() >= frame.slots) return 0;
  const auto& bytes = frame.slot(place.slot()).bytes;
  return static_cast<std::uint32_t>(std::count(bytes.begin(), bytes.end(), ByteKind::kIrqFlag));
}

Check make_room(Run& run, std::uint32_t reg, const Place& place) {
  const StackRange range{.first = place.offset, .last = place.offset + std::int32_t{kSlotBytes}};
  return touch_stack(run, reg, range, AccessMode::kWrite);
}

}  // namespace

Check check_kfunc_irq_flag(Run& run, KfuncCall& call, std::uint32_t index) {
  const Value& value = run.reg(index + 1);
  if (value.kind != ValueKind::kStack) return reject_argument(run, index, "doesn't point to an irq flag on stack");
  const KfuncId id = call.kfunc.row->id;
  const bool saves = id == KfuncId::bpf_local_irq_save || id == KfuncId::bpf_res_spin_lock_irqsave;
  const auto place = place_of(value);
  if (saves) {
    if (place && flag_bytes(run, *place) == 0) return Check::ok();
    return run.reject(DiagCode::kIrqFlagInitialized, std::uint64_t{index});
  }
  if (place && flag_bytes(run, *place) == kSlotBytes) return Check::ok();
  return run.reject(DiagCode::kIrqFlagUninitialized, std::uint64_t{index});
}

Check save_flags(Run& run, std::uint32_t reg, IrqFamily family) {
  const Place place = *place_of(run.reg(reg));
  TRY_OK(make_room(run, reg, place));
  const std::uint32_t id = acquire_reference(run, ReferenceKind::kIrqFlag);
  if (id == 0) return Check::rejected();
  Slot& slot = run.state.frames[place.frame]->slot(place.slot());
  slot.value = pointer(ValueKind::kIrqFlag);
  slot.value.reference = id;
  slot.value.detail = static_cast<std::uint8_t>(family);
  slot.bytes.fill(ByteKind::kIrqFlag);
  run.state.active_irq = id;
  return Check::ok();
}

Check restore_flags(Run& run, std::uint32_t reg, IrqFamily family) {
  const Place place = *place_of(run.reg(reg));
  State& state = run.state;
  run.stack_liveness.read(place.frame, place.slot());
  Slot& slot = state.frames[place.frame]->slot(place.slot());
  if (slot.value.detail != static_cast<std::uint8_t>(family)) {
    const auto name = [](bool lock) { return std::string(lock ? "lock" : "native"); };
    return run.reject(DiagCode::kIrqFamily, name(family == IrqFamily::kNative), name(family == IrqFamily::kLock));
  }
  std::uint32_t before = 0;
  for (std::uint32_t i = 0; i < state.reference_count; ++i) {
    const Reference& held = state.references[i];
    if (held.kind != ReferenceKind::kIrqFlag) continue;
    if (held.id != state.active_irq) {
      before = held.id;
      continue;
    }
    if (held.id != slot.value.reference)
      return run.reject(DiagCode::kIrqOutOfOrder, std::uint64_t{held.id}, std::uint64_t{held.at});
    erase_reference(state, i);
    break;
  }
  state.active_irq = before;
  slot = Slot{};
  return Check::ok();
}

}  // namespace skep::verifier
