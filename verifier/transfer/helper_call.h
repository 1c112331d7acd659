// SPDX-License-Identifier: Apache-2.0
// A call of a helper: what its arguments told, and the functions that check arguments and make results, a file per
// family. Each check refuses what Linux refuses, with its sentence.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/helper.h"
#include "verifier/require/kfunc.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

/// What the arguments told, for the call's effects.
struct Arguments {
  const HelperProto& proto;
  std::uint32_t map = 0;  ///< Index into Run::maps of the map passed, with has_map.
  bool has_map = false;
  std::uint32_t map_uid = 0;
  std::uint32_t released = 0;                   ///< Reference that the call gives back.
  std::uint32_t reference = 0;                  ///< Of the object passed.
  std::uint32_t callback = 0;                   ///< Subprogram.
  std::uint64_t size = 0;                       ///< Constant allocation size.
  std::uint64_t most = 0;                       ///< The last Size argument is at most that.
  std::optional<std::uint64_t> key{};           ///< Constant key of an array.
  const SpecialField* pointer_field = nullptr;  ///< Where a pointer to an object is exchanged.
  DeferredField timer{};

  std::optional<Value> dynptr{};  ///< The initialised dynptr passed.

  [[nodiscard]] bool is(HelperId id) const { return proto.id == static_cast<std::int32_t>(id); }
};

// argument.cc
/// The argument in `reg` is what the prototype asks for.
Check check_argument(Run& run, std::uint32_t reg, Arguments& seen);
/// check_memory() where null may be passed: what is known of the pointer holds if it is not null.
Check check_memory_if_any(Run& run, std::uint32_t reg, std::uint32_t size, AccessMode mode, ZeroSize zero);
/// "R1 type=scalar expected=ctx".
Check wrong_type(Run& run, std::uint32_t reg, std::string_view expected);
/// The pointer in `reg` is the one that was acquired: the call gives the resource back.
Check check_released(Run& run, std::uint32_t reg, Arguments& seen);

// callback.cc
/// Explores one more iteration of the callback before the helper at run.at goes on.
Check enter_callback(Run& run, const Arguments& seen);

// socket_argument.cc
/// SockCommon, SocketOrNull, BtfSockCommon, BtfSockCommonOrNull.
Check check_socket_argument(Run& run, std::uint32_t reg, const Arg& arg, Arguments& seen);
/// SocketOrNull, SockCommonOrNull, TcpSockOrNull.
Check return_socket(Run& run, const Arguments& seen);
/// What a lookup in a sockmap, sockhash or xskmap gives.
Check return_socket_of_map(Run& run, const Arguments& seen);

// btf_argument.cc
/// PtrToBtfId, PtrToBtfIdOrNull, PtrToPercpuBtfId.
Check check_btf_argument(Run& run, std::uint32_t reg, const Arg& arg, Arguments& seen);
/// The kernel's object that `reg` points to is a `name`, or begins with one.
Check check_struct_argument(Run& run, std::uint32_t reg, std::string_view name);
/// `size` bytes of a trusted object, as plain memory.
Check check_btf_memory(Run& run, std::uint32_t reg, std::uint32_t size, AccessMode mode);
/// PtrToBtfId, PtrToBtfIdOrNull, MemOrBtfId, MemOrBtfIdOrNull. Precondition: r1 to r5 are still the arguments.
Check return_btf(Run& run, const Arguments& seen);
/// A pointer to the kernel's type; nothing: its BTF is not known, or has no such type.
std::optional<Value> kernel_object(const Run& run, std::string_view type);

// dynptr_argument.cc
/// PtrToDynptr, PtrToUninitDynptr.
Check check_dynptr_argument(Run& run, std::uint32_t reg, const Arg& arg, Arguments& seen);
/// What the call does with its dynptrs: makes them, gives back what they stand for, writes to their memory.
Check use_dynptr(Run& run, const Arguments& seen);
/// DynptrMemOrNull.
Check return_dynptr_memory(Run& run, const Arguments& seen);
/// The dynptr that user_ringbuf_drain hands to its callback.
Check dynptr_for_callback(Run& run, Value& value);

// field_argument.cc: fields of map values and objects that the kernel manages.
/// SpinLock, Timer, Kptr, KptrObject.
Check check_field_argument(Run& run, std::uint32_t reg, ArgKind kind, Arguments& seen);
/// Locks, unlocks, timers: what the call does beside returning.
Check use_field(Run& run, const Arguments& seen);
/// KptrOrNull.
Check return_kptr(Run& run, const Arguments& seen);

}  // namespace skep::verifier
