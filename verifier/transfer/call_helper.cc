// SPDX-License-Identifier: Apache-2.0
// Calls of helpers: every argument is checked against the prototype, then the call's effects on memory, references and
// registers take place.
#include <string>

#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/domain/print.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

/// What the arguments told, for the effects.
struct Arguments {
  std::uint32_t map = 0;
  bool has_map = false;
  std::uint32_t map_uid = 0;
  std::uint32_t released = 0;  // Reference that the call gives back.
  std::uint32_t callback = 0;
  std::uint64_t size = 0;            // Constant allocation size.
  std::optional<std::uint64_t> key;  // Constant key of an array.
};

constexpr std::string_view kMemoryKinds = "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem";

Check wrong_type(Run& run, std::uint32_t reg, std::string_view expected) {
  return run.reject(DiagCode::kArgumentType, std::uint64_t{reg}, kind_name(run.reg(reg)), std::string(expected));
}

bool is_memory(const Value& value) { return !value.maybe_null && info(value.kind).memory == Memory::kPlain; }

Check check_memory_pointer(Run& run, std::uint32_t reg, bool null_allowed) {
  if (null_allowed && run.reg(reg).is_null()) return Check::ok();
  return is_memory(run.reg(reg)) ? Check::ok() : wrong_type(run, reg, kMemoryKinds);
}

AccessMode mode_of(ArgKind memory) {
  return memory == ArgKind::UninitMem || memory == ArgKind::UninitMemOrNull ? AccessMode::kWrite : AccessMode::kRead;
}

/// The size in `reg` and the memory before it.
Check check_size(Run& run, std::uint32_t reg, ArgKind memory, ZeroSize zero) {
  const Value& size = run.reg(reg);
  if (!size.is_scalar()) return wrong_type(run, reg, "scalar");
  if (size.scalar.smin < 0) return run.reject(DiagCode::kNegativeSize, std::uint64_t{reg});
  if (size.scalar.umin == 0 && zero == ZeroSize::kRefused)
    return run.reject(DiagCode::kZeroSize, std::uint64_t{reg}, size.scalar.umin, size.scalar.umax);
  if (size.scalar.umax >= static_cast<std::uint64_t>(kMaxVariableOffset))
    return run.reject(DiagCode::kUnboundedSize, std::uint64_t{reg});
  TRY_OK(check_memory(run, reg - 1, static_cast<std::uint32_t>(size.scalar.umax), mode_of(memory), zero));
  run.mark_precise(reg);
  return Check::ok();
}

Check check_map(Run& run, std::uint32_t reg, const HelperProto& proto, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (value.kind != ValueKind::kMap || value.maybe_null) return wrong_type(run, reg, "map_ptr");
  seen.map = value.target;
  seen.map_uid = value.map_uid;
  seen.has_map = true;
  return check_map_for_helper(run, run.map_of(value), proto);
}

/// The index that a lookup in an array uses, when it is known and in range.
void note_constant_key(Run& run, std::uint32_t reg, Arguments& seen) {
  const MapSpec& map = *run.maps[seen.map];
  const Value& key = run.reg(reg);
  const bool array = map.type == MapType::kArray || map.type == MapType::kPerCpuArray;
  if (!array || key.kind != ValueKind::kStack || !key.scalar.is_constant()) return;
  const std::int32_t offset = key.offset + static_cast<std::int32_t>(key.scalar.value());
  if (offset >= 0 || offset < -std::int32_t{kStackBytes}) return;
  seen.key = constant_on_stack(*run.state.frames[key.frame], offset, 4);
}

Check check_ringbuf_record(Run& run, std::uint32_t reg, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (value.kind != ValueKind::kMemory || value.maybe_null || !value.has(PointerFlag::kRingBuf))
    return wrong_type(run, reg, "ringbuf_mem");
  TRY_OK(check_unmodified(run, reg));
  seen.released = value.reference;
  return Check::ok();
}

Check check_constant_string(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  if (value.kind != ValueKind::kMapValue || value.maybe_null) return wrong_type(run, reg, "map_value");
  const MapSpec& map = run.map_of(value);
  if (!map.frozen || (map.flags & map_flags::kReadOnlyProgram) == 0)
    return run.reject(DiagCode::kStringNotConstant, std::uint64_t{reg});
  if (!value.scalar.is_constant()) return run.reject(DiagCode::kStringVariable, std::uint64_t{reg});
  const std::int64_t start = std::int64_t{value.offset} + static_cast<std::int64_t>(value.scalar.value());
  TRY_OK(check_map_value(run, reg, 0, 1, AccessMode::kRead, ZeroSize::kRefused));
  for (auto i = static_cast<std::size_t>(start); i < map.initial.size(); ++i)
    if (map.initial[i] == std::byte{0}) return Check::ok();
  return run.reject(DiagCode::kStringNotTerminated, std::uint64_t{reg});
}

Check check_argument(Run& run, std::uint32_t reg, const HelperProto& proto, Arguments& seen) {
  const ArgKind kind = proto.args[reg - 1].kind;
  TRY_OK(check_readable(run, reg));
  const Value& value = run.reg(reg);
  const bool takes_packet = proto.has(kPacketArgs) && run.program.type != ProgramType::kSocketFilter;
  if (kind != ArgKind::Anything && value.is_packet() && !takes_packet) return run.reject(DiagCode::kHelperPacketAccess);
  switch (kind) {
    case ArgKind::None:
    case ArgKind::Anything:
      return Check::ok();
    case ArgKind::ConstMapPtr:
      return check_map(run, reg, proto, seen);
    case ArgKind::MapKey:
      TRY_OK(check_memory_pointer(run, reg, false));
      TRY_OK(check_memory(run, reg, run.maps[seen.map]->key_size, AccessMode::kRead, ZeroSize::kRefused));
      note_constant_key(run, reg, seen);
      return Check::ok();
    case ArgKind::MapValue:
      TRY_OK(check_memory_pointer(run, reg, false));
      return check_memory(run, reg, run.maps[seen.map]->value_size, AccessMode::kRead, ZeroSize::kRefused);
    case ArgKind::UninitMapValue:
      TRY_OK(check_memory_pointer(run, reg, false));
      return check_memory(run, reg, run.maps[seen.map]->value_size, AccessMode::kWrite, ZeroSize::kRefused);
    case ArgKind::Mem:
    case ArgKind::UninitMem:
      return check_memory_pointer(run, reg, false);
    case ArgKind::MemOrNull:
    case ArgKind::UninitMemOrNull:
      return check_memory_pointer(run, reg, true);
    case ArgKind::Size:
      return check_size(run, reg, proto.args[reg - 2].kind, ZeroSize::kRefused);
    case ArgKind::SizeOrZero:
      return check_size(run, reg, proto.args[reg - 2].kind, ZeroSize::kAllowed);
    case ArgKind::Ctx:
      if (value.kind != ValueKind::kContext) return wrong_type(run, reg, "ctx");
      return check_unmodified(run, reg);
    case ArgKind::ConstAllocSize:
      if (!value.is_constant()) return run.reject(DiagCode::kSizeNotConstant, std::uint64_t{reg});
      seen.size = value.scalar.value();
      run.mark_precise(reg);
      return Check::ok();
    case ArgKind::RingBufMem:
      return check_ringbuf_record(run, reg, seen);
    case ArgKind::Func:
      if (value.kind != ValueKind::kFunction) return wrong_type(run, reg, "func");
      seen.callback = value.target;
      return Check::ok();
    case ArgKind::StackOrNull:
      if (value.is_null() || value.kind == ValueKind::kStack) return Check::ok();
      return wrong_type(run, reg, "fp");
    case ArgKind::ConstStr:
      return check_constant_string(run, reg);
    case ArgKind::MapValueOrNull:
    case ArgKind::FixedSizeMem:
    case ArgKind::UninitFixedSizeMem:
    case ArgKind::CtxOrNull:
    case ArgKind::SpinLock:
    case ArgKind::Timer:
    case ArgKind::Kptr:
    case ArgKind::KptrObject:
    case ArgKind::SockCommon:
    case ArgKind::SocketOrNull:
    case ArgKind::BtfSockCommon:
    case ArgKind::BtfSockCommonOrNull:
    case ArgKind::PtrToBtfId:
    case ArgKind::PtrToBtfIdOrNull:
    case ArgKind::PtrToPercpuBtfId:
    case ArgKind::PtrToDynptr:
    case ArgKind::PtrToUninitDynptr:
      return run.reject(DiagCode::kUnsupported, "arguments of helper bpf_" + std::string(proto.name));
  }
  unreachable();
}

Check acquire_record(Run& run, const Arguments& seen) {
  Value record = pointer(ValueKind::kMemory);
  record.set(PointerFlag::kRingBuf);
  record.maybe_null = true;
  record.extent = static_cast<std::int32_t>(seen.size);
  run.new_id();  // The kernel's numbers show that the pointer had one before the reference.
  record.id = record.reference = acquire_reference(run, ReferenceKind::kObject);
  if (record.id == 0) return Check::rejected();
  run.reg(isa::kR0) = record;
  return Check::ok();
}

void return_map_value(Run& run, const Arguments& seen) {
  const MapSpec& map = *run.maps[seen.map];
  Value value = pointer(ValueKind::kMapValue);
  value.target = seen.map;
  value.map_uid = seen.map_uid;
  // An index that is known to lie within an array finds its value.
  value.maybe_null = !(seen.key && *seen.key < map.max_entries);
  if (value.maybe_null) value.id = run.new_id();
  run.reg(isa::kR0) = value;
}

Check set_result(Run& run, const HelperProto& proto, const Arguments& seen) {
  clobber_arguments(run);
  switch (proto.returns.kind) {
    case RetKind::Integer:
      run.reg(isa::kR0) = unknown_scalar();
      return Check::ok();
    case RetKind::Void:
      return Check::ok();
    case RetKind::MapValueOrNull:
      return_map_value(run, seen);
      return Check::ok();
    case RetKind::RingBufMemOrNull:
      return acquire_record(run, seen);
    case RetKind::MapValue:
    case RetKind::SocketOrNull:
    case RetKind::SockCommonOrNull:
    case RetKind::TcpSockOrNull:
    case RetKind::PtrToBtfId:
    case RetKind::PtrToBtfIdOrNull:
    case RetKind::MemOrBtfId:
    case RetKind::MemOrBtfIdOrNull:
    case RetKind::DynptrMemOrNull:
    case RetKind::KptrOrNull:
      return run.reject(DiagCode::kUnsupported, "result of helper bpf_" + std::string(proto.name));
  }
  unreachable();
}

/// How much a string-copying helper reports is at most what it was allowed to copy.
void refine_result(Run& run, std::int32_t id, std::int64_t most) {
  constexpr std::int64_t kMaxErrno = 4095;
  constexpr auto kCopiers = std::to_array<std::int32_t>({45, 67, 114, 115, 141});
  for (const std::int32_t copier : kCopiers)
    if (copier == id) run.reg(isa::kR0).scalar = Scalar::signed_range(-kMaxErrno, most);
}

Check begin_callback(Run& run, const HelperProto& proto, const Arguments& seen) {
  if (proto.id == static_cast<std::int32_t>(HelperId::loop)) {
    run.mark_precise(1);
    Frame& frame = run.frame();
    if (frame.callback_depth >= frame.regs[1].scalar.umax) {
      frame.callback_depth = 0;
      return Check::ok();
    }
  }
  return enter_callback(run, proto, seen.callback, seen.map);
}

/// A tail call that succeeds returns to this function's caller with any result; one that fails goes on here.
Check tail_call_in_callee(Run& run) {
  clobber_arguments(run);
  if (run.push_branch(run.at + 1) == nullptr) return Check::rejected();
  forget_packet(run.state);
  run.reg(isa::kR0) = unknown_scalar();
  return return_to_caller(run);
}

}  // namespace

Check check_memory(Run& run, std::uint32_t reg, std::uint32_t size, AccessMode mode, ZeroSize zero) {
  const Value& base = run.reg(reg);
  if (base.maybe_null) return wrong_type(run, reg, kMemoryKinds);
  switch (base.kind) {
    case ValueKind::kPacket:
    case ValueKind::kPacketMeta:
      if (mode == AccessMode::kWrite) TRY_OK(check_packet_write(run));
      return check_packet(run, reg, 0, size, zero);
    case ValueKind::kMapValue:
      return check_map_value(run, reg, 0, size, mode, zero);
    case ValueKind::kMapKey:
      if (mode == AccessMode::kWrite) return run.reject(DiagCode::kKeyWrite, std::uint64_t{reg});
      return check_region(run, reg, 0, size, run.map_of(base).key_size, zero);
    case ValueKind::kMemory:
      if (mode == AccessMode::kWrite && base.read_only)
        return run.reject(DiagCode::kReadOnlyMemory, std::uint64_t{reg}, kind_name(base));
      return check_region(run, reg, 0, size, static_cast<std::uint32_t>(base.extent), zero);
    case ValueKind::kStack: {
      StackRange range;
      if (size == 0 && zero == ZeroSize::kRefused) return run.reject(DiagCode::kZeroSizedRead);
      TRY_OK(check_stack_range(run, reg, 0, size, mode, Accessor::kHelper, range));
      return touch_stack(run, reg, range, mode);
    }
    case ValueKind::kScalar:
      if (zero == ZeroSize::kAllowed && size == 0 && base.is_null()) return Check::ok();
      return wrong_type(run, reg, "fp");
    case ValueKind::kBuffer:
      return check_buffer(run, reg, 0, size, mode);
    case ValueKind::kNotInit:
    case ValueKind::kContext:
    case ValueKind::kMap:
    case ValueKind::kPacketEnd:
    case ValueKind::kFlowKeys:
    case ValueKind::kSocket:
    case ValueKind::kSockCommon:
    case ValueKind::kTcpSock:
    case ValueKind::kXdpSock:
    case ValueKind::kBtf:
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

bool moves_packet(const Platform& platform, std::int32_t id) {
  const HelperProto* const proto = platform.helper(id);
  return proto != nullptr && proto->has(kMovesPacket);
}

/// Every pointer into the packet may now be wrong.
void forget_packet(State& state) {
  for_each_value(state, [](Value& value) {
    if (value.is_packet_or_end()) make_unknown(value);
  });
}

Check call_helper(Run& run, std::int32_t id) {
  const HelperProto* const proto = run.platform.helper(id, run.program.type, run.program.attach_type);
  TRY_OK(check_helper_available(run, id, proto));
  Arguments seen;
  for (std::uint32_t reg = 1; reg <= 5 && proto->args[reg - 1].kind != ArgKind::None; ++reg)
    TRY_OK(check_argument(run, reg, *proto, seen));
  if (id == static_cast<std::int32_t>(HelperId::tail_call))
    TRY_OK(check_references_released(run, DiagCode::kTailCallReference));
  if (seen.released != 0) TRY_OK(release_reference(run, seen.released));
  if (run.plan(run.at).callback_call) TRY_OK(begin_callback(run, *proto, seen));
  if (proto->has(kMovesPacket)) forget_packet(run.state);
  if (id == static_cast<std::int32_t>(HelperId::tail_call) && run.state.current != 0) return tail_call_in_callee(run);
  const std::int64_t second = run.reg(2).is_scalar() ? run.reg(2).scalar.smax : 0;
  TRY_OK(set_result(run, *proto, seen));
  refine_result(run, id, second);
  return Check::ok();
}

}  // namespace skep::verifier
