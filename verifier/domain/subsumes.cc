// SPDX-License-Identifier: Apache-2.0
#include "verifier/domain/subsumes.h"

#include "base/unreachable.h"
#include "verifier/engine/run.h"

namespace skep::verifier {
namespace {

/// Ids name values within one state; two states agree when their ids map to each other one to one.
class IdMap {
 public:
  bool match(std::uint32_t old_id, std::uint32_t current_id) {
    if ((old_id == 0) != (current_id == 0)) return false;
    if (old_id == 0) return true;
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (old_[i] == old_id) return current_[i] == current_id;
      if (current_[i] == current_id) return false;
    }
    if (count_ == old_.size()) return false;
    old_[count_] = old_id;
    current_[count_++] = current_id;
    return true;
  }
  /// A scalar without an id is linked to nothing: as good as one whose id nobody shares.
  bool match_scalar(std::uint32_t old_id, std::uint32_t current_id) {
    if (old_id == 0 && current_id == 0) return true;
    if (old_id == 0) old_id = --fresh_;
    if (current_id == 0) current_id = --fresh_;
    return match(old_id, current_id);
  }

 private:
  static constexpr std::size_t kMaxIds = 600;
  std::array<std::uint32_t, kMaxIds> old_, current_;
  std::uint32_t count_ = 0;
  std::uint32_t fresh_ = kIdPlusOffset32 - 1;
};

bool same_kind(const Value& a, const Value& b) {
  return a.kind == b.kind && a.maybe_null == b.maybe_null && a.read_only == b.read_only && a.flags == b.flags &&
         a.detail == b.detail;
}

/// Equal but for ids.
bool same_but_ids(const Value& a, const Value& b) {
  if (!same_kind(a, b) || a.frame != b.frame || a.extent != b.extent || a.target != b.target) return false;
  return a.offset == b.offset && a.scalar == b.scalar;
}

bool exact(const Value& old, const Value& current, IdMap& ids) {
  if (old.kind == ValueKind::kNotInit && current.kind == ValueKind::kNotInit) return true;
  return same_but_ids(old, current) && ids.match(old.id & ~kIdFlags, current.id & ~kIdFlags) &&
         (old.id & kIdFlags) == (current.id & kIdFlags) && ids.match(old.reference, current.reference) &&
         ids.match(old.map_uid, current.map_uid);
}

bool covers_scalar(const Value& old, const Value& current, IdMap& ids, Compare how) {
  if (!old.precise && how == Compare::kPrecise) return true;
  const std::uint32_t plus = old.id & kIdFlags;
  if (old.id != 0 && plus != (current.id & kIdFlags)) return false;
  if (plus != 0 && old.offset != current.offset) return false;
  return current.scalar.leq(old.scalar) && ids.match_scalar(old.id & ~kIdFlags, current.id & ~kIdFlags);
}

bool covers_memory(const Value& old, const Value& current, IdMap& ids) {
  return old.extent == current.extent && old.target == current.target && old.offset == current.offset &&
         current.scalar.leq(old.scalar) && ids.match(old.id, current.id) &&
         ids.match(old.reference, current.reference) && ids.match(old.map_uid, current.map_uid);
}

bool covers_packet(const Value& old, const Value& current, IdMap& ids) {
  return old.extent <= current.extent && old.offset == current.offset && ids.match(old.id, current.id) &&
         current.scalar.leq(old.scalar);
}

bool covers(const Value& old, const Value& current, IdMap& ids, Compare how) {
  if (how == Compare::kExact) return exact(old, current, ids);
  if (old.kind == ValueKind::kNotInit && (how == Compare::kPrecise || current.kind == ValueKind::kNotInit)) return true;
  if (!same_kind(old, current)) return false;
  switch (old.kind) {
    case ValueKind::kScalar:
      return covers_scalar(old, current, ids, how);
    case ValueKind::kMapValue:
    case ValueKind::kMapKey:
    case ValueKind::kMemory:
    case ValueKind::kBuffer:
    case ValueKind::kTpBuffer:
    case ValueKind::kBtf:
      return covers_memory(old, current, ids);
    case ValueKind::kArena:
      return true;
    case ValueKind::kPacket:
    case ValueKind::kPacketMeta:
      return covers_packet(old, current, ids);
    case ValueKind::kNotInit:
    case ValueKind::kContext:
    case ValueKind::kMap:
    case ValueKind::kStack:
    case ValueKind::kPacketEnd:
    case ValueKind::kFlowKeys:
    case ValueKind::kSocket:
    case ValueKind::kSockCommon:
    case ValueKind::kTcpSock:
    case ValueKind::kXdpSock:
    case ValueKind::kFunction:
    case ValueKind::kDynptr:
    case ValueKind::kIterator:
    case ValueKind::kIrqFlag:
      return exact(old, current, ids);
  }
  unreachable();
}

/// The scalar that an 8-byte read of the slot gives; nullptr: it is no scalar as a whole.
const Value* whole_scalar(const Slot& slot, const Value& unknown) {
  if (slot.is_full_spill() && slot.value.is_scalar()) return &slot.value;
  for (const ByteKind byte : slot.bytes)
    if (byte != ByteKind::kMisc && byte != ByteKind::kInvalid) return nullptr;
  return &unknown;
}

bool covers_bytes(const Slot& old, const Slot& current) {
  for (std::uint32_t i = 0; i < kSlotBytes; ++i) {
    if (old.bytes[i] == ByteKind::kInvalid || old.bytes[i] == ByteKind::kMisc) continue;
    if (old.bytes[i] != current.bytes[i]) return false;
  }
  return true;
}

/// Dynptrs, iterators and IRQ flags. The depth of an iterator tells only loops apart.
bool covers_object(const Value& old, const Value& current, IdMap& ids) {
  return same_kind(old, current) && old.target == current.target && old.offset == current.offset &&
         ids.match(old.id, current.id) && ids.match(old.reference, current.reference);
}

bool covers_slot(const Slot& old, const Slot& current, IdMap& ids, Compare how) {
  static const Value unknown = unknown_scalar();
  if (how != Compare::kPrecise && old.bytes != current.bytes) return false;
  bool untouched = true;
  for (const ByteKind byte : old.bytes) untouched = untouched && byte == ByteKind::kInvalid;
  if (untouched) return true;
  if (old.is_object() || current.is_object())
    return old.bytes == current.bytes && covers_object(old.value, current.value, ids);
  const Value* const old_scalar = whole_scalar(old, unknown);
  const Value* const current_scalar = whole_scalar(current, unknown);
  if (old_scalar != nullptr && current_scalar != nullptr) return covers(*old_scalar, *current_scalar, ids, how);
  if (!covers_bytes(old, current)) return false;
  return !old.is_spill() || covers(old.value, current.value, ids, how);
}

bool covers_stack(const Frame& old, const Frame& current, IdMap& ids, Compare how) {
  static const Slot never_touched{};
  for (std::uint32_t i = 0; i < old.slots; ++i) {
    if (i >= current.slots && how != Compare::kPrecise) return false;
    if (!covers_slot(old.slot(i), i < current.slots ? current.slot(i) : never_touched, ids, how)) return false;
  }
  return true;
}

/// What may be done depends on the sections that the program is in.
bool same_sections(const State& old, const State& current, IdMap& ids) {
  return old.rcu_locks == current.rcu_locks && old.preempt_locks == current.preempt_locks &&
         old.active_locks == current.active_locks && old.sleepable == current.sleepable &&
         ids.match(old.active_irq, current.active_irq);
}

bool covers_references(const State& old, const State& current, IdMap& ids) {
  if (old.reference_count != current.reference_count) return false;
  for (std::uint32_t i = 0; i < old.reference_count; ++i)
    if (old.references[i].kind != current.references[i].kind || old.references[i].key != current.references[i].key ||
        !ids.match(old.references[i].id, current.references[i].id))
      return false;
  return true;
}

}  // namespace

bool subsumes(const Run& run, const State& old, const State& current, Compare how) {
  if (old.current != current.current) return false;
  IdMap ids;
  if (!same_sections(old, current, ids) || !covers_references(old, current, ids)) return false;
  for (std::uint32_t i = 0; i <= old.current; ++i) {
    const Frame& was = *old.frames[i];
    const Frame& is = *current.frames[i];
    if (was.callsite != is.callsite || was.role != is.role || was.callback_depth > is.callback_depth) return false;
    const std::uint32_t live = run.layout.insns[frame_insn(old, i)].live_before;
    for (std::uint32_t reg = 0; reg < kRegs - 1; ++reg)
      if ((live >> reg & 1) != 0 && !covers(was.regs[reg], is.regs[reg], ids, how)) return false;
    if (!covers_stack(was, is, ids, how)) return false;
  }
  return true;
}

bool maybe_looping(const State& old, const State& current) {
  if (old.current != current.current) return false;
  const Frame& was = old.frame();
  const Frame& is = current.frame();
  for (std::uint32_t reg = 0; reg < kRegs - 1; ++reg) {
    const Value& a = was.regs[reg];
    const Value& b = is.regs[reg];
    if (!same_but_ids(a, b) || a.id != b.id || a.reference != b.reference) return false;
  }
  return true;
}

}  // namespace skep::verifier
