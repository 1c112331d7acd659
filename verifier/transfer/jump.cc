// SPDX-License-Identifier: Apache-2.0
// Branches: which way can be taken, and what each way teaches of numbers, of null pointers and of packet pointers.
#include <algorithm>
#include <variant>

#include "base/try.h"
#include "verifier/transfer/alu.h"
#include "verifier/transfer/branch.h"
#include "verifier/transfer/objects.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

using isa::JmpOp;

InsnIndex target_of(InsnIndex at, std::int32_t offset) { return static_cast<InsnIndex>(std::int64_t{at} + 1 + offset); }

// --- Numbers that share an id ---------------------------------------------------------------------------------------

/// Registers and spilled slots that carry the id of `value`, for the history.
void collect_links(Run& run, const Value& value, HistoryEntry& entry) {
  if (!value.is_scalar() || value.id == 0) return;
  const auto add = [&](const Value& other, std::uint32_t frame, std::uint32_t what) {
    if (!other.is_scalar() || ((other.id ^ value.id) & ~kIdFlags) != 0) return;
    if (entry.linked_count == entry.linked.size()) return;
    entry.linked[entry.linked_count] = static_cast<std::uint8_t>(what);
    entry.linked_frame[entry.linked_count++] = static_cast<std::uint8_t>(frame);
  };
  for (std::uint32_t i = run.state.current + 1; i-- > 0;) {
    const Frame& frame = *run.state.frames[i];
    for (std::uint32_t reg = 0; reg < kRegs - 1; ++reg) add(frame.regs[reg], i, reg);
    for (std::uint32_t slot = 0; slot < frame.slots; ++slot)
      if (frame.slot(slot).is_spill()) add(frame.slot(slot).value, i, kRegs + slot);
  }
}

/// What was learnt of `known` holds of the linked values, at their distance.
void spread(State& state, const HistoryEntry& links, const Value& known) {
  if (!known.is_scalar() || known.id == 0) return;
  const Value source = known;
  for (std::uint32_t i = 0; i < links.linked_count; ++i) {
    Frame& frame = *state.frames[links.linked_frame[i]];
    const std::uint32_t what = links.linked[i];
    Value& value = what < kRegs ? frame.regs[what] : frame.slot(what - kRegs).value;
    if (&value == &known || !value.is_scalar() || ((value.id ^ source.id) & ~kIdFlags) != 0) continue;
    const std::uint32_t plus = (value.id | source.id) & kIdFlags;
    if (plus == kIdFlags) continue;  // One moved in 32 bits, the other in 64.
    const bool both_plain = plus == 0;
    const std::int64_t distance = std::int64_t{value.offset} - source.offset;
    if (both_plain || (distance == 0 && ((value.id ^ source.id) & kIdFlags) == 0)) {
      const std::uint32_t id = value.id;
      const std::int32_t offset = value.offset;
      value = source;
      value.id = both_plain ? source.id : id;
      value.offset = offset;
      continue;
    }
    value.scalar =
        alu(isa::AluOp::kAdd, isa::Width::k64, source.scalar, Scalar::constant(static_cast<std::uint64_t>(distance)));
    if (plus == kIdPlusOffset32) value.scalar = zero_extend32(value.scalar);
  }
}

// --- Null
// --------------------------------------------------------------------------------------------------------------

/// What a lookup gives that is not the map's value: an inner map.
Value inner_map(Run& run, const Value& found) {
  const MapSpec* const inner = run.map_of(found).inner.get();
  // Behind the program's own maps, of which one may look the same (or be the model): that one is another map.
  const auto own = static_cast<std::ptrdiff_t>(run.program.maps.size());
  const auto at = std::find(run.maps.begin() + own, run.maps.end(), inner);
  Value value = pointer(ValueKind::kMap);
  value.target = static_cast<std::uint32_t>(at - run.maps.begin());
  if (at == run.maps.end()) run.maps.push_back(inner);
  if (is_tied_to_map(fields_of_map(run, value.target))) value.map_uid = found.id;
  return value;
}

/// The same of maps of sockets.
Value socket_in_map(ValueKind kind, const Value& found) {
  Value value = pointer(kind);
  value.reference = found.reference;
  return value;
}

void become_non_null(Run& run, Value& value) {
  value.maybe_null = false;
  if (value.kind == ValueKind::kMapValue) {
    const MapType type = run.map_of(value).type;
    const MapTypeInfo* const info = find_info(type);
    if (info != nullptr && info->value == MapValueKind::Map) {
      value = inner_map(run, value);
      return;
    }
    if (type == MapType::kXskMap) value = socket_in_map(ValueKind::kXdpSock, value);
    if (type == MapType::kSockMap || type == MapType::kSockHash) value = socket_in_map(ValueKind::kSocket, value);
  }
  if (!may_hold_lock(run, value)) value.id = 0;
}

enum class Nullness : std::uint8_t { kNull, kNotNull };

/// All copies of the pointer in `reg` are null, or none is.
void settle_null(Run& run, State& state, std::uint32_t reg, Nullness nullness) {
  const Value tested = state.frame().regs[reg];
  if (tested.reference != 0 && tested.reference == tested.id && nullness == Nullness::kNull)
    static_cast<void>(forget_reference(state, tested.reference));
  for_each_value(state, [&](Value& value) {
    if (!value.maybe_null || value.id != tested.id) return;
    if (nullness == Nullness::kNull) {
      value = constant_scalar(0);
    } else {
      become_non_null(run, value);
    }
  });
}

// --- Packet pointers -----------------------------------------------------------------------------------------------

/// All pointers with `good`'s id may reach at least as far as it points (and one more when the end lies beyond).
void extend_packet(State& state, const Value& good, bool strictly_below_end) {
  if (good.offset < 0 || (good.offset == 0 && strictly_below_end)) return;
  const std::uint64_t reach = good.scalar.umax + static_cast<std::uint64_t>(good.offset);
  constexpr auto kMost = static_cast<std::uint64_t>(kMaxPacketOffset);
  if (good.scalar.umax > kMost || reach > kMost) return;
  const std::int32_t range = good.offset + (strictly_below_end ? 1 : 0);
  const Value tested = good;
  for_each_value(state, [&](Value& value) {
    if (value.kind == tested.kind && value.id == tested.id) value.extent = std::max(value.extent, range);
  });
}

void mark_end(State& state, std::uint32_t reg, bool at_or_beyond) {
  Value& value = state.frame().regs[reg];
  if (value.kind != ValueKind::kPacket) return;
  value.extent = at_or_beyond ? kAtPacketEnd : kBeyondPacketEnd;
}

/// Which operand is the packet pointer; nullopt: this compares something else.
std::optional<bool> packet_is_left(const Value& dst, const Value& src) {
  const auto start = [](const Value& v) { return v.kind == ValueKind::kPacket && v.offset == 0 && v.id == 0; };
  if (dst.kind == ValueKind::kPacket && src.kind == ValueKind::kPacketEnd) return true;
  if (dst.kind == ValueKind::kPacketEnd && src.kind == ValueKind::kPacket) return false;
  if (dst.kind == ValueKind::kPacketMeta && start(src)) return true;
  if (start(dst) && src.kind == ValueKind::kPacketMeta) return false;
  return std::nullopt;
}

/// `packet op end` mirrored, when the program wrote `end op packet`.
JmpOp mirror(JmpOp op) {
  if (op == JmpOp::kGt) return JmpOp::kLt;
  if (op == JmpOp::kLt) return JmpOp::kGt;
  if (op == JmpOp::kGe) return JmpOp::kLe;
  if (op == JmpOp::kLe) return JmpOp::kGe;
  return op;
}

bool orders(JmpOp op) { return op == JmpOp::kGt || op == JmpOp::kLt || op == JmpOp::kGe || op == JmpOp::kLe; }

/// pkt + n compared with pkt_end: on the side where it lies below, n bytes exist.
void learn_packet(Run& run, const isa::Branch& insn, State& taken) {
  const std::uint32_t src = std::get<isa::Reg>(insn.src).index;
  const auto left = packet_is_left(run.reg(insn.dst), run.reg(src));
  if (!left || !orders(insn.op) || insn.width == isa::Width::k32) return;
  const std::uint32_t packet = *left ? insn.dst.index : src;
  const JmpOp op = *left ? insn.op : mirror(insn.op);
  const Value good = run.reg(packet);
  const bool below_when_taken = op == JmpOp::kLt || op == JmpOp::kLe;
  const bool strict_when_below = op == JmpOp::kLt || op == JmpOp::kGe;
  State& below = below_when_taken ? taken : run.state;
  State& above = below_when_taken ? run.state : taken;
  extend_packet(below, good, strict_when_below);
  if (good.kind == ValueKind::kPacket) mark_end(above, packet, strict_when_below);
}

/// Where a packet pointer is known to lie at or beyond the end, a second comparison is decided.
std::optional<bool> decide_packet(JmpOp op, const Value& dst, const Value& src) {
  const Value* packet = nullptr;
  if (src.kind == ValueKind::kPacketEnd && dst.kind == ValueKind::kPacket) packet = &dst;
  if (dst.kind == ValueKind::kPacketEnd && src.kind == ValueKind::kPacket) {
    packet = &src;
    op = mirror(op);
  }
  if (packet == nullptr || packet->extent >= 0) return std::nullopt;
  const bool beyond = packet->extent == kBeyondPacketEnd;
  if (op == JmpOp::kLe || op == JmpOp::kGt) {
    if (beyond) return op == JmpOp::kGt;
    return std::nullopt;
  }
  if (op == JmpOp::kLt || op == JmpOp::kGe) return op == JmpOp::kGe;
  return std::nullopt;
}

// --- The decision
// ------------------------------------------------------------------------------------------------------

/// The pointer leads to an object that is there.
bool never_null(const Value& value) {
  if (value.maybe_null || value.has(PointerFlag::kUntrusted)) return false;
  if (value.kind != ValueKind::kBtf) return info(value.kind).null == NullTest::kNever;
  constexpr auto kTrust = static_cast<std::uint8_t>(PointerFlag::kTrusted) |
                          static_cast<std::uint8_t>(PointerFlag::kAlloc) |
                          static_cast<std::uint8_t>(PointerFlag::kNonOwning);
  return value.reference != 0 || (value.flags != 0 && (value.flags & ~kTrust) == 0);
}

std::optional<bool> decide_null(JmpOp op, const Value& pointer, const Value& other) {
  // Linux compares the low half of a pointer as if it were all of it.
  if (!never_null(pointer) || !other.is_null()) return std::nullopt;
  if (op == JmpOp::kEq) return false;
  if (op == JmpOp::kNe) return true;
  return std::nullopt;
}

std::optional<bool> decide_values(const isa::Branch& insn, const Value& dst, const Value& src) {
  if (dst.is_packet_or_end() && src.is_packet_or_end())
    return insn.width == isa::Width::k64 ? decide_packet(insn.op, dst, src) : std::nullopt;
  if (dst.is_pointer() && src.is_pointer()) return std::nullopt;
  if (dst.is_pointer()) return decide_null(insn.op, dst, src);
  if (src.is_pointer()) return decide_null(insn.op, src, dst);
  return decide(insn.op, insn.width, dst.scalar, src.scalar);
}

/// `a == b` where one may be null and the other is not: neither is.
void learn_null_of_equals(Run& run, const isa::Branch& insn, State& taken) {
  const auto* src = std::get_if<isa::Reg>(&insn.src);
  if (src == nullptr || insn.width == isa::Width::k32) return;
  const Value& a = run.reg(insn.dst);
  const Value& b = run.reg(*src);
  if (!a.is_pointer() || !b.is_pointer() || a.maybe_null == b.maybe_null) return;
  // The kernel's objects may be null whatever their type says.
  if (a.kind == ValueKind::kBtf || b.kind == ValueKind::kBtf) return;
  if (insn.op != JmpOp::kEq && insn.op != JmpOp::kNe) return;
  State& equal = insn.op == JmpOp::kEq ? taken : run.state;
  become_non_null(run, equal.frame().regs[a.maybe_null ? insn.dst.index : src->index]);
}

void learn_null(Run& run, const isa::Branch& insn, State& taken) {
  const auto* imm = std::get_if<isa::Imm>(&insn.src);
  const bool tests = imm != nullptr && imm->value == 0 && insn.width == isa::Width::k64 &&
                     (insn.op == JmpOp::kEq || insn.op == JmpOp::kNe) && run.reg(insn.dst).maybe_null;
  if (!tests) return;
  const bool null_when_taken = insn.op == JmpOp::kEq;
  settle_null(run, run.state, insn.dst.index, null_when_taken ? Nullness::kNotNull : Nullness::kNull);
  settle_null(run, taken, insn.dst.index, null_when_taken ? Nullness::kNull : Nullness::kNotNull);
}

void learn_numbers(Run& run, const isa::Branch& insn, State& taken, const Value& constant, const HistoryEntry& links) {
  const auto* src = std::get_if<isa::Reg>(&insn.src);
  const auto narrow = [&](State& state, Outcome outcome) {
    Value& dst_value = state.frame().regs[insn.dst.index];
    Value fixed = constant;
    Value& src_value = src != nullptr ? state.frame().regs[src->index] : fixed;
    if (!dst_value.is_scalar() || !src_value.is_scalar()) return;
    static_cast<void>(refine(insn.op, insn.width, outcome, dst_value.scalar, src_value.scalar));
    if (src != nullptr) spread(state, links, src_value);
    spread(state, links, dst_value);
  };
  narrow(taken, Outcome::kTaken);
  narrow(run.state, Outcome::kNotTaken);
}

}  // namespace

Check transfer(Run& run, const isa::Branch& insn) {
  const auto* src = std::get_if<isa::Reg>(&insn.src);
  if (src != nullptr) TRY_OK(check_readable(run, src->index));
  TRY_OK(check_readable(run, insn.dst.index));
  const Value constant =
      src != nullptr ? Value{}
                     : constant_scalar(static_cast<std::uint64_t>(std::int64_t{std::get<isa::Imm>(insn.src).value}));
  const Value& dst = run.reg(insn.dst);
  const Value& other = src != nullptr ? run.reg(*src) : constant;
  if (const auto decided = decide_values(insn, dst, other)) {
    if (dst.is_scalar()) run.mark_precise(insn.dst.index);
    if (src != nullptr && other.is_scalar()) run.mark_precise(src->index);
    if (*decided) run.next = target_of(run.at, insn.offset);
    run.log.state_after(run, run.at);
    return Check::ok();
  }
  HistoryEntry links;
  if (src != nullptr) collect_links(run, other, links);
  collect_links(run, dst, links);
  if (links.linked_count > 1) run.remember(links);
  State* const taken = run.push_branch(target_of(run.at, insn.offset));
  if (taken == nullptr) return Check::rejected();
  learn_numbers(run, insn, *taken, constant, links);
  learn_null_of_equals(run, insn, *taken);
  learn_null(run, insn, *taken);
  if (src != nullptr) learn_packet(run, insn, *taken);
  run.log.state_after(run, run.at);
  return Check::ok();
}

Check transfer(Run& run, const isa::Jump& insn) {
  run.next = target_of(run.at, insn.offset);
  return Check::ok();
}

Check transfer(Run& run, const isa::MayGoto& insn) {
  State* const falls_through = run.push_branch(run.at + 1);
  if (falls_through == nullptr) return Check::rejected();
  ++falls_through->may_goto_depth;
  run.widen(*falls_through, run.at, run.state.parent == nullptr ? 0 : run.state.parent->depth);
  run.next = target_of(run.at, insn.offset);
  return Check::ok();
}

}  // namespace skep::verifier
