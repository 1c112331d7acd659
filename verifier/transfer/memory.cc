// SPDX-License-Identifier: Apache-2.0
// Loads, stores and atomics, by the kind of memory that the base points to.
#include <algorithm>
#include <cstring>

#include "base/byte_reader.h"
#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/domain/print.h"
#include "verifier/transfer/alu.h"
#include "verifier/transfer/objects.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

MemoryKind memory_kind(const Value& base) {
  switch (base.kind) {
    case ValueKind::kContext:
      return MemoryKind::kContext;
    case ValueKind::kStack:
      return MemoryKind::kStack;
    case ValueKind::kPacket:
    case ValueKind::kPacketMeta:
      return MemoryKind::kPacket;
    case ValueKind::kMapValue:
      return MemoryKind::kMapValue;
    case ValueKind::kMap:
    case ValueKind::kFlowKeys:
    case ValueKind::kSocket:
    case ValueKind::kSockCommon:
    case ValueKind::kTcpSock:
    case ValueKind::kXdpSock:
    case ValueKind::kBtf:
    case ValueKind::kTpBuffer:
    case ValueKind::kBuffer:
    case ValueKind::kArena:
      return MemoryKind::kKernel;
    case ValueKind::kNotInit:
    case ValueKind::kScalar:
    case ValueKind::kMapKey:
    case ValueKind::kPacketEnd:
    case ValueKind::kFunction:
    case ValueKind::kDynptr:
    case ValueKind::kIterator:
    case ValueKind::kIrqFlag:
      return MemoryKind::kOther;
    case ValueKind::kMemory:
      return base.has(PointerFlag::kUntrusted) ? MemoryKind::kKernel : MemoryKind::kOther;
  }
  unreachable();
}

/// Loads and stores through these become what they mean when the program is translated, so that an instruction which
/// uses one of them can use nothing else.
bool is_translated(ValueKind kind) {
  return kind == ValueKind::kContext || is_socket(kind) || kind == ValueKind::kBtf || kind == ValueKind::kArena;
}

/// What is out of bounds is refused afterwards.
void note_stack(Run& run, const Access& access, StackAccess& facts) {
  constexpr std::int64_t kFrame = 512;
  const Value& base = run.reg(access.base);
  const std::int64_t start = std::int64_t{base.offset} + access.offset;
  const auto clamp = [](std::int64_t offset) {
    return static_cast<std::int16_t>(std::clamp(offset, -kFrame, std::int64_t{0}));
  };
  const std::int64_t least = std::clamp(base.scalar.smin, -2 * kFrame, 2 * kFrame);
  const std::int64_t most = std::clamp(base.scalar.smax, -2 * kFrame, 2 * kFrame);
  const std::int16_t low = clamp(start + least), high = clamp(start + most + access.bytes());
  const bool first = facts.bytes == 0;
  facts.low = first ? low : std::min(facts.low, low);
  facts.high = first ? high : std::max(facts.high, high);
  facts.bytes = static_cast<std::uint8_t>(access.bytes());
  facts.elsewhere = facts.elsewhere || base.frame != run.state.current;
}

void note_facts(Run& run, const Access& access) {
  InsnFacts& facts = run.facts.insns[run.at];
  const MemoryKind memory = memory_kind(run.reg(access.base));
  if (memory == MemoryKind::kContext) facts.context_offset = access.offset;
  if (memory == MemoryKind::kStack) note_stack(run, access, facts.stack);
  if (facts.memory == MemoryKind::kUnknown || facts.memory == memory) {
    facts.memory = memory;
  } else {
    const bool kernel = facts.memory == MemoryKind::kKernel || memory == MemoryKind::kKernel;
    facts.memory = kernel ? MemoryKind::kKernel : MemoryKind::kOther;
  }
}

Check note_kind(Run& run, const Access& access) {
  const ValueKind kind = run.reg(access.base).kind;
  ValueKind& before = run.base_kinds[run.at];
  if (before != ValueKind::kNotInit && before != kind && (is_translated(before) || is_translated(kind)))
    return run.reject(DiagCode::kDifferentPointers);
  before = kind;
  note_facts(run, access);
  return Check::ok();
}

Check bad_base(Run& run, std::uint32_t base) {
  return run.reject(DiagCode::kInvalidMemoryAccess, std::uint64_t{base}, kind_name(run.reg(base)));
}

/// A word of a map that nobody can change any more; unknown: it can be changed, or is not read while verifying.
Check load_constant_word(Run& run, const Access& access, Scalar& word) {
  const Value& base = run.reg(access.base);
  const MapSpec& map = run.map_of(base);
  if (!is_constant(run, base) || !base.scalar.is_constant() || !find_info(map.type)->direct_value) return Check::ok();
  if (map.max_entries != 1)
    return run.reject(DiagCode::kSeveralConstants, std::uint64_t{access.base}, std::uint64_t{map.max_entries});
  const std::int64_t at = std::int64_t{base.offset} + access.offset + static_cast<std::int64_t>(base.scalar.value());
  const auto bytes = slice(map.initial, static_cast<std::uint64_t>(at), access.bytes());
  if (!bytes) return Check::ok();
  std::uint64_t number = 0;
  std::memcpy(&number, bytes->data(), bytes->size());
  word = Scalar::constant(number);
  return Check::ok();
}

Check load_map_value(Run& run, const Access& access, std::uint32_t dst) {
  TRY_OK(check_map_value(run, access.base, access.offset, access.bytes(), AccessMode::kRead, ZeroSize::kRefused,
                         Accessor::kInsn));
  const Value& base = run.reg(access.base);
  const SpecialField* const field = pointer_field_at(fields_of_map(run, base.target), base, access.offset);
  if (field != nullptr) return load_pointer_field(run, access, *field, dst);
  Value loaded = unknown_scalar();
  TRY_OK(load_constant_word(run, access, loaded.scalar));
  run.reg(dst) = loaded;
  return Check::ok();
}

Check store_map_value(Run& run, const Access& access, const StoredValue& stored) {
  TRY_OK(check_map_value(run, access.base, access.offset, access.bytes(), AccessMode::kWrite, ZeroSize::kRefused,
                         Accessor::kInsn));
  const Value& base = run.reg(access.base);
  const SpecialField* const field = pointer_field_at(fields_of_map(run, base.target), base, access.offset);
  return field != nullptr ? store_pointer_field(run, *field, stored) : Check::ok();
}

Check load_known_size(Run& run, const Access& access, std::uint32_t limit, std::uint32_t dst) {
  TRY_OK(check_region(run, access.base, access.offset, access.bytes(), limit, ZeroSize::kRefused));
  run.reg(dst) = unknown_scalar();
  return Check::ok();
}

Check load_by_kind(Run& run, const Access& access, std::uint32_t dst) {
  TRY_OK(check_alignment(run, access.base, access.offset, access.bytes(), Alignment::kAsLoaded));
  const Value& base = run.reg(access.base);
  if (base.maybe_null) return bad_base(run, access.base);
  switch (base.kind) {
    case ValueKind::kContext:
      return load_context(run, access, dst);
    case ValueKind::kMapValue:
      return load_map_value(run, access, dst);
    case ValueKind::kMapKey:
      return load_known_size(run, access, run.map_of(base).key_size, dst);
    case ValueKind::kMemory:
      if (base.has(PointerFlag::kUntrusted)) return run.reg(dst) = unknown_scalar(), Check::ok();
      return load_known_size(run, access, static_cast<std::uint32_t>(base.extent), dst);
    case ValueKind::kPacket:
    case ValueKind::kPacketMeta:
      TRY_OK(check_packet(run, access.base, access.offset, access.bytes(), ZeroSize::kRefused));
      run.reg(dst) = unknown_scalar();
      return Check::ok();
    case ValueKind::kStack: {
      StackRange range;
      TRY_OK(check_stack_range(run, access.base, access.offset, access.bytes(), AccessMode::kRead, range));
      return load_stack(run, access.base, range, access.bytes(), dst);
    }
    case ValueKind::kFlowKeys:
    case ValueKind::kSocket:
    case ValueKind::kSockCommon:
    case ValueKind::kTcpSock:
    case ValueKind::kXdpSock:
      return load_socket(run, access, dst);
    case ValueKind::kBtf:
      return load_btf(run, access, dst);
    case ValueKind::kMap:
      return load_map(run, access, dst);
    case ValueKind::kTpBuffer:
    case ValueKind::kBuffer:
      TRY_OK(check_buffer(run, access.base, access.offset, access.bytes(), AccessMode::kRead));
      run.reg(dst) = unknown_scalar();
      return Check::ok();
    case ValueKind::kArena:
      run.reg(dst) = unknown_scalar();
      return Check::ok();
    case ValueKind::kNotInit:
    case ValueKind::kScalar:
    case ValueKind::kPacketEnd:
    case ValueKind::kFunction:
    case ValueKind::kDynptr:
    case ValueKind::kIterator:
    case ValueKind::kIrqFlag:
      return bad_base(run, access.base);
  }
  unreachable();
}

/// Of a number that its low bytes, sign-extended, give again.
bool is_unchanged_by_sign(const Scalar& scalar, isa::Size size) {
  const std::int64_t limit = std::int64_t{1} << (8 * isa::bytes(size) - 1);
  return scalar.smin >= -limit && scalar.smax < limit;
}

Check load(Run& run, const Access& access, std::uint32_t dst) {
  TRY_OK(check_readable(run, access.base));
  TRY_OK(check_writable(run, dst));
  TRY_OK(load_by_kind(run, access, dst));
  Value& result = run.reg(dst);
  result.precise = result.precise && result.is_scalar();
  if (result.is_scalar()) {
    if (access.extend == isa::Extend::kSign) {
      // Linux 6.18 leaves a sign-extended fill linked to what was spilled, though it is another number once its sign is
      // set.
      if (!is_unchanged_by_sign(result.scalar, access.size)) result.id = 0, result.offset = 0;
      result.scalar = sign_extend(result.scalar, access.size);
    } else if (access.size != isa::Size::k64) {
      result.scalar = truncate(result.scalar, access.size);
    }
  }
  return Check::ok();
}

Check store_by_kind(Run& run, const Access& access, const StoredValue& stored) {
  const Value& base = run.reg(access.base);
  const std::uint32_t size = access.bytes();
  TRY_OK(check_alignment(run, access.base, access.offset, size, Alignment::kAsLoaded));
  if (base.maybe_null) return bad_base(run, access.base);
  switch (base.kind) {
    case ValueKind::kContext: {
      FieldValue value{};
      return check_context(run, access.base, access.offset, size, AccessMode::kWrite, isa::Extend::kZero, value);
    }
    case ValueKind::kMapValue:
      return store_map_value(run, access, stored);
    case ValueKind::kMapKey:
      return run.reject(DiagCode::kKeyWrite, std::uint64_t{access.base});
    case ValueKind::kMemory:
      if (base.read_only) return run.reject(DiagCode::kReadOnlyMemory, std::uint64_t{access.base}, kind_name(base));
      return check_region(run, access.base, access.offset, size, static_cast<std::uint32_t>(base.extent),
                          ZeroSize::kRefused);
    case ValueKind::kPacket:
    case ValueKind::kPacketMeta:
      TRY_OK(check_packet_write(run));
      return check_packet(run, access.base, access.offset, size, ZeroSize::kRefused);
    case ValueKind::kStack: {
      StackRange range;
      TRY_OK(check_stack_range(run, access.base, access.offset, size, AccessMode::kWrite, range));
      return store_stack(run, access.base, range, size, stored);
    }
    case ValueKind::kFlowKeys:
    case ValueKind::kSocket:
    case ValueKind::kSockCommon:
    case ValueKind::kTcpSock:
    case ValueKind::kXdpSock:
      return store_socket(run, access);
    case ValueKind::kBtf:
      return store_btf(run, access, stored);
    case ValueKind::kMap:
      return store_map(run, access);
    case ValueKind::kTpBuffer:
    case ValueKind::kBuffer:
      return check_buffer(run, access.base, access.offset, size, AccessMode::kWrite);
    case ValueKind::kArena:
      return Check::ok();
    case ValueKind::kNotInit:
    case ValueKind::kScalar:
    case ValueKind::kPacketEnd:
    case ValueKind::kFunction:
    case ValueKind::kDynptr:
    case ValueKind::kIterator:
    case ValueKind::kIrqFlag:
      return bad_base(run, access.base);
  }
  unreachable();
}

/// Atomics may not touch what is rewritten, what other CPUs do not share, and packets.
Check check_atomic_base(Run& run, const Access& access, AccessMode mode) {
  const std::uint32_t base = access.base;
  const Value& value = run.reg(base);
  const bool bad = value.kind == ValueKind::kContext || value.is_packet_or_end() || is_socket(value.kind) ||
                   value.kind == ValueKind::kFlowKeys;
  const DiagCode code = mode == AccessMode::kRead ? DiagCode::kAtomicSource : DiagCode::kAtomicTarget;
  if (bad) return run.reject(code, std::uint64_t{base}, kind_name(value));
  if (value.kind == ValueKind::kArena) return Check::ok();
  return check_alignment(run, base, access.offset, access.bytes(), Alignment::kNatural);
}

/// Linux's native code for x86-64 makes a loop of these, which an access outside the arena could not leave.
bool has_arena_form(isa::AtomicOp op) {
  return op != isa::AtomicOp::kFetchAnd && op != isa::AtomicOp::kFetchOr && op != isa::AtomicOp::kFetchXor;
}

/// Linux wants to know which slot changes.
Check check_atomic_stack(Run& run, const Access& access) {
  const Value& base = run.reg(access.base);
  if (base.kind != ValueKind::kStack || base.scalar.is_constant()) return Check::ok();
  StackRange range;
  TRY_OK(check_stack_range(run, access.base, access.offset, access.bytes(), AccessMode::kRead, range));
  return run.reject(DiagCode::kAtomicVariableStack, print_bits(base.scalar.bits),
                    std::int64_t{base.offset} + access.offset, std::uint64_t{access.bytes()});
}

Check read_modify_write(Run& run, const isa::Atomic& insn, const Access& access) {
  const bool compares = insn.op == isa::AtomicOp::kCmpXchg;
  const bool fetches = isa::info(insn.op).fetch;
  TRY_OK(check_readable(run, insn.reg.index));
  TRY_OK(check_readable(run, insn.base.index));
  if (compares) TRY_OK(check_readable(run, 0));
  if (fetches && !compares) TRY_OK(check_writable(run, insn.reg.index));
  TRY_OK(check_atomic_base(run, access, AccessMode::kWrite));
  if (run.reg(access.base).kind == ValueKind::kArena && !has_arena_form(insn.op))
    return run.reject(DiagCode::kAtomicTarget, std::uint64_t{access.base}, kind_name(run.reg(access.base)));
  note_facts(run, access);
  const std::uint32_t result = compares ? 0 : insn.reg.index;
  TRY_OK(check_atomic_stack(run, access));
  // Linux forgets the base when the result is put there, before it looks at the write.
  if (fetches && result == access.base)
    return run.reject(DiagCode::kMisalignedAccess, std::string(), print_bits(Tnum::unknown()), std::int64_t{0},
                      std::int64_t{access.offset}, std::uint64_t{access.bytes()});
  const Value operand = run.reg(insn.reg);
  const Value compared = run.reg(isa::kR0);
  // Reads into the result register, then writes an unknown number.
  const Value base = run.reg(access.base);
  TRY_OK(load_by_kind(run, access, result));
  const Value loaded = run.reg(result);
  run.reg(insn.reg) = operand;
  run.reg(isa::kR0) = compared;
  run.reg(access.base) = base;
  TRY_OK(store_by_kind(run, access, {}));
  if (!fetches) return Check::ok();
  run.reg(result) = loaded.is_scalar() ? loaded : unknown_scalar();
  if (loaded.is_pointer()) return run.reject(DiagCode::kUnsupported, std::string("an atomic that fetches a pointer"));
  if (access.size != isa::Size::k64) run.reg(result).scalar = truncate(run.reg(result).scalar, access.size);
  return Check::ok();
}

}  // namespace

Check transfer(Run& run, const isa::Load& insn) {
  const Access access{.base = insn.base.index, .offset = insn.offset, .size = insn.size, .extend = insn.extend};
  TRY_OK(check_readable(run, access.base));
  TRY_OK(check_writable(run, insn.dst.index));
  TRY_OK(note_kind(run, access));
  return load(run, access, insn.dst.index);
}

Check transfer(Run& run, const isa::Store& insn) {
  const Access access{.base = insn.base.index, .offset = insn.offset, .size = insn.size};
  const auto* src = std::get_if<isa::Reg>(&insn.src);
  if (src != nullptr) TRY_OK(check_readable(run, src->index));
  TRY_OK(check_readable(run, access.base));
  const auto* imm = std::get_if<isa::Imm>(&insn.src);
  StoredValue stored;
  if (src != nullptr) stored.reg = src->index;
  if (imm != nullptr) stored.constant = imm->value;
  TRY_OK(note_kind(run, access));
  return store_by_kind(run, access, stored);
}

Check transfer(Run& run, const isa::Atomic& insn) {
  const Access access{.base = insn.base.index, .offset = insn.offset, .size = insn.size};
  if (insn.op == isa::AtomicOp::kLoadAcquire) {
    TRY_OK(check_readable(run, access.base));
    TRY_OK(check_writable(run, insn.reg.index));
    TRY_OK(check_atomic_base(run, access, AccessMode::kRead));
    TRY_OK(note_kind(run, access));
    return load(run, access, insn.reg.index);
  }
  if (insn.op == isa::AtomicOp::kStoreRelease) {
    TRY_OK(check_readable(run, insn.reg.index));
    TRY_OK(check_readable(run, access.base));
    TRY_OK(check_atomic_base(run, access, AccessMode::kWrite));
    TRY_OK(note_kind(run, access));
    return store_by_kind(run, access, {.reg = insn.reg.index});
  }
  return read_modify_write(run, insn, access);
}

}  // namespace skep::verifier
