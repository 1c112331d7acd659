// SPDX-License-Identifier: Apache-2.0
// Arguments of helpers: every one is what the prototype asks for. Memory is checked for the whole size that the helper
// may touch; what it writes on the stack is data afterwards.
#include <string>

#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/transfer/helper_call.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

constexpr std::string_view kMemoryKinds = "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";

bool may_be_null(ArgKind memory) {
  return memory == ArgKind::MemOrNull || memory == ArgKind::UninitMemOrNull || memory == ArgKind::MapValueOrNull;
}

bool is_memory(const Value& value, bool null_allowed) {
  if (value.maybe_null && !null_allowed) return false;
  return info(value.kind).memory == Memory::kPlain ||
         (value.kind == ValueKind::kBtf && value.has(PointerFlag::kTrusted));
}

/// Objects of the kernel are memory for helpers that promise to read no more.
Check check_memory_pointer(Run& run, std::uint32_t reg, const Arguments& seen) {
  const Value& value = run.reg(reg);
  const ArgKind kind = seen.proto.args[reg - 1].kind;
  const bool only_read = kind == ArgKind::Mem || kind == ArgKind::MemOrNull || kind == ArgKind::FixedSizeMem;
  if (!is_memory(value, may_be_null(kind))) return wrong_type(run, reg, kMemoryKinds);
  if (value.kind != ValueKind::kBtf || only_read) return Check::ok();
  return run.reject(DiagCode::kObjectMayBeWritten, std::string(seen.proto.name), std::uint64_t{reg}, kind_name(value));
}

AccessMode mode_of(ArgKind memory, const Value& size) {
  if (memory != ArgKind::UninitMem && memory != ArgKind::UninitMemOrNull) return AccessMode::kRead;
  return size.is_constant() ? AccessMode::kWrite : AccessMode::kWritePart;
}

/// The size in `reg` and the memory before it.
Check check_size(Run& run, std::uint32_t reg, ZeroSize zero, Arguments& seen) {
  const Value& size = run.reg(reg);
  const ArgKind memory = seen.proto.args[reg - 2].kind;
  if (!size.is_scalar()) return wrong_type(run, reg, "scalar");
  if (size.scalar.smin < 0) return run.reject(DiagCode::kNegativeSize, std::uint64_t{reg});
  if (size.scalar.umin == 0 && zero == ZeroSize::kRefused)
    return run.reject(DiagCode::kZeroSize, std::uint64_t{reg}, size.scalar.umin, size.scalar.umax);
  if (size.scalar.umax >= static_cast<std::uint64_t>(kMaxVariableOffset))
    return run.reject(DiagCode::kUnboundedSize, std::uint64_t{reg});
  seen.most = size.scalar.umax;
  const auto check = may_be_null(memory) ? check_memory_if_any : check_memory;
  TRY_OK(check(run, reg - 1, static_cast<std::uint32_t>(seen.most), mode_of(memory, size), zero));
  run.mark_precise(reg);
  return Check::ok();
}

/// Memory whose size the prototype tells. The helper stores a word or less through the pointer: it is aligned.
Check check_fixed_size(Run& run, std::uint32_t reg, const Arg& arg, const Arguments& seen) {
  TRY_OK(check_memory_pointer(run, reg, seen));
  if (arg.kind == ArgKind::FixedSizeMem) return check_memory(run, reg, arg.size, AccessMode::kRead, ZeroSize::kRefused);
  TRY_OK(check_alignment(run, reg, 0, arg.size, Alignment::kNatural));
  return check_memory(run, reg, arg.size, AccessMode::kWrite, ZeroSize::kRefused);
}

Check check_map(Run& run, std::uint32_t reg, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (value.kind != ValueKind::kMap || value.maybe_null) return wrong_type(run, reg, "map_ptr");
  seen.map = value.target;
  seen.map_uid = value.map_uid;
  seen.has_map = true;
  return check_own_map(run, reg, seen.timer);
}

/// The index that a lookup in an array uses, when it is known and in range.
void note_constant_key(Run& run, std::uint32_t reg, Arguments& seen) {
  const MapSpec& map = *run.maps[seen.map];
  const Value& key = run.reg(reg);
  const bool array = map.type == MapType::kArray || map.type == MapType::kPerCpuArray;
  if (!array || key.kind != ValueKind::kStack || !key.scalar.is_constant()) return;
  const std::int32_t offset = key.offset + static_cast<std::int32_t>(key.scalar.value());
  if (offset >= 0 || offset < -std::int32_t{kStackBytes}) return;
  seen.key = constant_on_stack(run, key.frame, offset, 4);
}

Check check_map_key(Run& run, std::uint32_t reg, Arguments& seen) {
  TRY_OK(check_memory_pointer(run, reg, seen));
  TRY_OK(check_memory(run, reg, run.maps[seen.map]->key_size, AccessMode::kRead, ZeroSize::kRefused));
  note_constant_key(run, reg, seen);
  return Check::ok();
}

Check check_value_of_map(Run& run, std::uint32_t reg, ArgKind kind, Arguments& seen) {
  const MapSpec& map = *run.maps[seen.map];
  AccessMode mode = kind == ArgKind::UninitMapValue ? AccessMode::kWrite : AccessMode::kRead;
  if (map.type == MapType::kSockMap || map.type == MapType::kSockHash) {
    if (mode == AccessMode::kWrite) return run.reject(DiagCode::kSocketMapArgument);
    return check_socket_argument(run, reg, ArgKind::BtfSockCommon, seen);
  }
  if (map.type == MapType::kBloomFilter) mode = AccessMode::kRead;  // map_peek_elem asks whether the value is there.
  if (kind == ArgKind::MapValueOrNull && run.reg(reg).is_null()) return Check::ok();
  TRY_OK(check_memory_pointer(run, reg, seen));
  return check_memory_if_any(run, reg, map.value_size, mode, ZeroSize::kRefused);
}

Check check_ringbuf_record(Run& run, std::uint32_t reg, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (value.kind != ValueKind::kMemory || value.maybe_null || !value.has(PointerFlag::kRingBuf))
    return wrong_type(run, reg, "ringbuf_mem");
  return check_released(run, reg, seen);
}

Check check_string(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  if (value.kind != ValueKind::kMapValue || value.maybe_null) return wrong_type(run, reg, "map_value");
  return check_constant_string(run, reg);
}

Check check_context_argument(Run& run, std::uint32_t reg) {
  if (run.reg(reg).kind != ValueKind::kContext) return wrong_type(run, reg, "ctx");
  return check_unmodified(run, reg);
}

Check check_allocation_size(Run& run, std::uint32_t reg, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (!value.is_scalar()) return wrong_type(run, reg, "scalar");
  if (!value.is_constant()) return run.reject(DiagCode::kSizeNotConstant, std::uint64_t{reg});
  seen.size = value.scalar.value();
  run.mark_precise(reg);
  return Check::ok();
}

Check check_callback(Run& run, std::uint32_t reg, Arguments& seen) {
  if (run.reg(reg).kind != ValueKind::kFunction) return wrong_type(run, reg, "func");
  TRY_OK(check_unmodified(run, reg));
  seen.callback = run.reg(reg).target;
  return Check::ok();
}

/// Null, where the prototype allows it.
bool is_allowed_null(const Value& value, ArgKind kind) {
  constexpr auto kNullable =
      std::to_array<ArgKind>({ArgKind::MemOrNull, ArgKind::UninitMemOrNull, ArgKind::CtxOrNull, ArgKind::StackOrNull,
                              ArgKind::SocketOrNull, ArgKind::BtfSockCommonOrNull, ArgKind::PtrToBtfIdOrNull});
  if (!value.is_null()) return false;
  for (const ArgKind nullable : kNullable)
    if (nullable == kind) return true;
  return false;
}

Check check_kind(Run& run, std::uint32_t reg, const Arg& arg, Arguments& seen) {
  switch (arg.kind) {
    case ArgKind::None:
    case ArgKind::Anything:
      return Check::ok();
    case ArgKind::ConstMapPtr:
      return check_map(run, reg, seen);
    case ArgKind::MapKey:
      return check_map_key(run, reg, seen);
    case ArgKind::MapValue:
    case ArgKind::MapValueOrNull:
    case ArgKind::UninitMapValue:
      return check_value_of_map(run, reg, arg.kind, seen);
    case ArgKind::Mem:
    case ArgKind::UninitMem:
    case ArgKind::MemOrNull:
    case ArgKind::UninitMemOrNull:
      return check_memory_pointer(run, reg, seen);
    case ArgKind::Size:
      return check_size(run, reg, ZeroSize::kRefused, seen);
    case ArgKind::SizeOrZero:
      return check_size(run, reg, ZeroSize::kAllowed, seen);
    case ArgKind::FixedSizeMem:
    case ArgKind::UninitFixedSizeMem:
      return check_fixed_size(run, reg, arg, seen);
    case ArgKind::Ctx:
    case ArgKind::CtxOrNull:
      return check_context_argument(run, reg);
    case ArgKind::ConstAllocSize:
      return check_allocation_size(run, reg, seen);
    case ArgKind::RingBufMem:
      return check_ringbuf_record(run, reg, seen);
    case ArgKind::Func:
      return check_callback(run, reg, seen);
    case ArgKind::StackOrNull:
      return run.reg(reg).kind == ValueKind::kStack ? Check::ok() : wrong_type(run, reg, "fp");
    case ArgKind::ConstStr:
      return check_string(run, reg);
    case ArgKind::SpinLock:
    case ArgKind::Timer:
    case ArgKind::Kptr:
    case ArgKind::KptrObject:
      return check_field_argument(run, reg, arg.kind, seen);
    case ArgKind::SockCommon:
    case ArgKind::SocketOrNull:
    case ArgKind::BtfSockCommon:
    case ArgKind::BtfSockCommonOrNull:
      return check_socket_argument(run, reg, arg, seen);
    case ArgKind::PtrToBtfId:
    case ArgKind::PtrToBtfIdOrNull:
    case ArgKind::PtrToPercpuBtfId:
      return check_btf_argument(run, reg, arg, seen);
    case ArgKind::PtrToDynptr:
    case ArgKind::PtrToUninitDynptr:
      return check_dynptr_argument(run, reg, arg, seen);
  }
  unreachable();
}

/// The result or the release may concern one of the objects passed, and it must be clear which.
Check note_reference(Run& run, std::uint32_t reg, const Arg& arg, Arguments& seen) {
  const std::uint32_t reference = run.reg(reg).reference;
  // A field for a pointer may lie in an object that is not what the call is about.
  if (arg.kind == ArgKind::Anything || arg.kind == ArgKind::Kptr || reference == 0) return Check::ok();
  if (seen.reference != 0)
    return run.reject(DiagCode::kSeveralReferences, std::uint64_t{reg}, std::uint64_t{reference},
                      std::uint64_t{seen.reference});
  seen.reference = reference;
  return Check::ok();
}

}  // namespace

Check wrong_type(Run& run, std::uint32_t reg, std::string_view expected) {
  return run.reject(DiagCode::kArgumentType, std::uint64_t{reg}, kind_name(run.reg(reg)), std::string(expected));
}

Check check_released(Run& run, std::uint32_t reg, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (value.offset != 0) return run.reject(DiagCode::kReleaseOffset, std::uint64_t{reg});
  TRY_OK(check_unmodified(run, reg));
  if (value.reference == 0) return run.reject(DiagCode::kReleaseUnreferenced, std::uint64_t{reg});
  seen.released = value.reference;
  return Check::ok();
}

Check check_argument(Run& run, std::uint32_t reg, Arguments& seen) {
  const Arg& arg = seen.proto.args[reg - 1];
  TRY_OK(check_readable(run, reg));
  const Value& value = run.reg(reg);
  const bool takes_packet = seen.proto.has(kPacketArgs) && run.program.type != ProgramType::kSocketFilter;
  if (arg.kind != ArgKind::Anything && value.is_packet() && !takes_packet)
    return run.reject(DiagCode::kHelperPacketAccess);
  if (is_allowed_null(value, arg.kind)) return Check::ok();
  TRY_OK(check_kind(run, reg, arg, seen));
  return note_reference(run, reg, arg, seen);
}

Check check_memory(Run& run, std::uint32_t reg, std::uint32_t size, AccessMode mode, ZeroSize zero) {
  if (run.reg(reg).maybe_null) return wrong_type(run, reg, kMemoryKinds);
  return check_memory_if_any(run, reg, size, mode, zero);
}

Check check_memory_if_any(Run& run, std::uint32_t reg, std::uint32_t size, AccessMode mode, ZeroSize zero) {
  const Value& base = run.reg(reg);
  switch (base.kind) {
    case ValueKind::kPacket:
    case ValueKind::kPacketMeta:
      if (mode != AccessMode::kRead) TRY_OK(check_packet_write(run));
      return check_packet(run, reg, 0, size, zero);
    case ValueKind::kMapValue:
      return check_map_value(run, reg, 0, size, mode, zero);
    case ValueKind::kMapKey:
      if (mode != AccessMode::kRead) return run.reject(DiagCode::kKeyWrite, std::uint64_t{reg});
      return check_region(run, reg, 0, size, run.map_of(base).key_size, zero);
    case ValueKind::kMemory:
      if (mode != AccessMode::kRead && base.read_only)
        return run.reject(DiagCode::kReadOnlyMemory, std::uint64_t{reg}, kind_name(base));
      return check_region(run, reg, 0, size, static_cast<std::uint32_t>(base.extent), zero);
    case ValueKind::kStack: {
      StackRange range;
      if (size == 0 && zero == ZeroSize::kRefused) return run.reject(DiagCode::kZeroSizedRead);
      TRY_OK(check_stack_range(run, reg, 0, size, mode, range));
      return touch_stack(run, reg, range, mode);
    }
    case ValueKind::kScalar:
      if (zero == ZeroSize::kAllowed && size == 0 && base.is_null()) return Check::ok();
      return wrong_type(run, reg, "fp");
    case ValueKind::kBuffer:
      return check_buffer(run, reg, 0, size, mode);
    case ValueKind::kBtf:
      return check_btf_memory(run, reg, size, mode);
    case ValueKind::kNotInit:
    case ValueKind::kContext:
    case ValueKind::kMap:
    case ValueKind::kPacketEnd:
    case ValueKind::kFlowKeys:
    case ValueKind::kSocket:
    case ValueKind::kSockCommon:
    case ValueKind::kTcpSock:
    case ValueKind::kXdpSock:
    case ValueKind::kTpBuffer:
    case ValueKind::kArena:
    case ValueKind::kFunction:
    case ValueKind::kDynptr:
    case ValueKind::kIterator:
    case ValueKind::kIrqFlag:
      return wrong_type(run, reg, kMemoryKinds);
  }
  unreachable();
}

}  // namespace skep::verifier
