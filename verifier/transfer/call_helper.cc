// SPDX-License-Identifier: Apache-2.0
// Calls of helpers: when every argument is what the prototype asks for (argument.cc), the call's effects on memory,
// references and registers take place.
#include <string>

#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/dynptr.h"
#include "verifier/transfer/helper_call.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

constexpr std::int64_t kMaxErrno = 4095;

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

Value map_value(const Arguments& seen) {
  Value value = pointer(ValueKind::kMapValue);
  value.target = seen.map;
  value.map_uid = seen.map_uid;
  return value;
}

Check return_map_value_or_null(Run& run, const Arguments& seen) {
  const MapSpec& map = *run.maps[seen.map];
  if (map.type == MapType::kSockMap || map.type == MapType::kSockHash || map.type == MapType::kXskMap)
    return return_socket_of_map(run, seen);
  Value value = map_value(seen);
  // An index that is known to lie within an array finds its value; that of another CPU, only if there is such a CPU.
  const bool found = seen.is(HelperId::map_lookup_elem) && seen.key && *seen.key < map.max_entries;
  value.maybe_null = !found;
  if (value.maybe_null || may_hold_lock(run, value)) value.id = run.new_id();
  run.reg(isa::kR0) = value;
  return Check::ok();
}

Value integer_between(std::int64_t low, std::int64_t high) {
  Value value = unknown_scalar();
  value.scalar = Scalar::signed_range(low, high);
  return value;
}

/// Sets r0. Precondition: r1 to r5 are still the arguments.
Check set_result(Run& run, const Arguments& seen) {
  switch (seen.proto.returns.kind) {
    case RetKind::Integer:
      run.reg(isa::kR0) = unknown_scalar();
      return Check::ok();
    case RetKind::ByteCount:
      run.reg(isa::kR0) = integer_between(-kMaxErrno, static_cast<std::int64_t>(seen.most));
      return Check::ok();
    case RetKind::CpuNumber:
      run.facts.cpus = run.options.cpus;
      run.reg(isa::kR0) = integer_between(0, std::int64_t{run.options.cpus} - 1);
      return Check::ok();
    case RetKind::Void:
      run.reg(isa::kR0) = Value{};
      return Check::ok();
    case RetKind::MapValue:
      run.reg(isa::kR0) = map_value(seen);
      return Check::ok();
    case RetKind::MapValueOrNull:
      return return_map_value_or_null(run, seen);
    case RetKind::RingBufMemOrNull:
      return acquire_record(run, seen);
    case RetKind::SocketOrNull:
    case RetKind::SockCommonOrNull:
    case RetKind::TcpSockOrNull:
      return return_socket(run, seen);
    case RetKind::PtrToBtfId:
    case RetKind::PtrToBtfIdOrNull:
    case RetKind::MemOrBtfId:
    case RetKind::MemOrBtfIdOrNull:
      return return_btf(run, seen);
    case RetKind::DynptrMemOrNull:
      return return_dynptr_memory(run, seen);
    case RetKind::KptrOrNull:
      return return_kptr(run, seen);
  }
  unreachable();
}

/// Linux takes anything for the count of bpf_loop, and stumbles over a pointer when it asks where the count came from.
Check check_loop_count(Run& run, const Arguments& seen) {
  if (!seen.is(HelperId::loop) || run.reg(1).is_scalar()) return Check::ok();
  return run.reject(DiagCode::kLoopCount);
}

/// bpf_loop calls back as often as its first argument says at most.
bool loop_is_done(Run& run, const Arguments& seen) {
  if (!seen.is(HelperId::loop)) return false;
  Frame& frame = run.frame();
  if (frame.regs[4].is_null()) run.mark_precise(4);  // Linux may inline a loop without flags, and so relies on them.
  run.mark_precise(1);
  if (frame.callback_depth < frame.regs[1].scalar.umax) return false;
  frame.callback_depth = 0;
  run.log.loop_done(run);
  return true;
}

/// A tail call that succeeds returns to this function's caller with any result; one that fails goes on here.
Check tail_call_in_callee(Run& run) {
  clobber_arguments(run);
  if (run.push_branch(run.at + 1) == nullptr) return Check::rejected();
  forget_packet(run.state);
  run.reg(isa::kR0) = unknown_scalar();
  return return_to_caller(run);
}

/// Lowering may rely on what is noted here also on paths that are not explored because a state seen before covers them:
/// pointers to maps are compared exactly (domain/subsumes.cc), and a key that was read is marked as precise, so that a
/// state that is covered has the same map and the same key.
void note_map(Run& run, const Arguments& seen) {
  InsnFacts& facts = run.facts.insns[run.at];
  const auto& maps = run.program.maps;
  const bool inner = seen.map >= maps.size();
  std::optional<std::uint32_t> own, outer;
  if (!inner) own = seen.map;
  for (std::uint32_t i = 0; inner && i < maps.size(); ++i)
    if (maps[i]->inner.get() == run.maps[seen.map]) outer = i;
  facts.map.see(own);
  facts.outer_map.see(outer);
  const bool in_range = seen.key && *seen.key < run.maps[seen.map]->max_entries;
  facts.key.see(in_range ? std::optional(static_cast<std::uint32_t>(*seen.key)) : std::nullopt);
}

}  // namespace

bool moves_packet(const Platform& platform, std::int32_t id) {
  const HelperProto* const proto = platform.helper(id);
  return proto != nullptr && proto->has(kMovesPacket);
}

/// Every pointer into the packet may now be wrong.
void forget_packet(State& state) {
  for_each_value(state, [](Value& value) {
    const bool slice = value.kind == ValueKind::kMemory && is_packet_dynptr(value);
    if (value.is_packet_or_end() || slice) make_unknown(value);
  });
}

Check call_helper(Run& run, std::int32_t id) {
  const HelperProto* const proto = run.platform.helper(id, run.program.type, run.program.attach_type);
  TRY_OK(check_helper_available(run, id, proto));
  Arguments seen{.proto = *proto};
  for (std::uint32_t reg = 1; reg <= 5 && proto->args[reg - 1].kind != ArgKind::None; ++reg)
    TRY_OK(check_argument(run, reg, seen));
  if (seen.has_map) {
    TRY_OK(check_map_for_helper(run, *run.maps[seen.map], *proto));
    note_map(run, seen);
  }
  if (seen.is(HelperId::tail_call)) {
    TRY_OK(check_nothing_held(run, DiagCode::kTailCallReference, "tail_call"));
    // Linux compiles a jump to a known program, so which one it is matters.
    if (run.reg(3).is_constant()) run.mark_precise(3);
  }
  if (seen.is(HelperId::get_local_storage) && !run.reg(2).is_null()) return run.reject(DiagCode::kLocalStorageFlags);
  if (seen.is(HelperId::snprintf)) TRY_OK(check_format(run, 3, 5));
  TRY_OK(use_field(run, seen));
  TRY_OK(use_dynptr(run, seen));
  if (seen.released != 0) TRY_OK(release_reference(run, seen.released));
  TRY_OK(check_loop_count(run, seen));
  if (run.plan(run.at).callback_call && !loop_is_done(run, seen)) TRY_OK(enter_callback(run, seen));
  if (proto->has(kMovesPacket)) forget_packet(run.state);
  if (seen.is(HelperId::tail_call) && run.state.current != 0) return tail_call_in_callee(run);
  TRY_OK(set_result(run, seen));
  if (proto->has(kDerives)) run.reg(isa::kR0).reference = seen.reference;
  for (std::uint32_t reg = 1; reg <= 5; ++reg) run.reg(reg) = Value{};
  return Check::ok();
}

}  // namespace skep::verifier
