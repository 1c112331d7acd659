// SPDX-License-Identifier: Apache-2.0
// Sockets as arguments and results of helpers.
#include <string>

#include "base/try.h"
#include "verifier/transfer/helper_call.h"

namespace skep::verifier {
namespace {

constexpr std::string_view kSocketKinds = "sock_common, sock, tcp_sock, xdp_sock";
constexpr std::string_view kSocketKindsAndBtf = "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_";

/// A pointer to one of the program's kinds of sockets.
bool is_known_socket(const Value& value, bool null_allowed) {
  return is_socket(value.kind) && (null_allowed || !value.maybe_null);
}

/// Those, and pointers that BTF describes, where the structure begins with a sock_common.
Check check_any_socket(Run& run, std::uint32_t reg, bool null_allowed) {
  if (is_known_socket(run.reg(reg), null_allowed)) return Check::ok();
  Value plain = run.reg(reg);
  if (null_allowed) plain.maybe_null = false;
  plain.clear(PointerFlag::kTrusted);
  if (plain.kind != ValueKind::kBtf || plain.maybe_null || plain.flags != 0)
    return wrong_type(run, reg, kSocketKindsAndBtf);
  return check_struct_argument(run, reg, "sock_common");
}

ValueKind kind_of(RetKind result) {
  if (result == RetKind::SocketOrNull) return ValueKind::kSocket;
  return result == RetKind::TcpSockOrNull ? ValueKind::kTcpSock : ValueKind::kSockCommon;
}

Check give_or_null(Run& run, Value value, bool acquired) {
  value.maybe_null = true;
  value.id = run.new_id();
  if (acquired) value.id = acquire_reference(run, ReferenceKind::kObject);
  if (value.id == 0) return Check::rejected();
  if (acquired) value.reference = value.id;
  run.reg(isa::kR0) = value;
  return Check::ok();
}

}  // namespace

Check check_socket_argument(Run& run, std::uint32_t reg, const Arg& arg, Arguments& seen) {
  const Value& value = run.reg(reg);
  if (arg.kind == ArgKind::SocketOrNull)
    return value.kind == ValueKind::kSocket ? Check::ok() : wrong_type(run, reg, "sock");
  if (arg.kind == ArgKind::SockCommon)
    return is_known_socket(value, false) ? Check::ok() : wrong_type(run, reg, kSocketKinds);
  TRY_OK(check_any_socket(run, reg, arg.kind == ArgKind::BtfSockCommonOrNull));
  return arg.released ? check_released(run, reg, seen) : Check::ok();
}

Check return_socket(Run& run, const Arguments& seen) {
  return give_or_null(run, pointer(kind_of(seen.proto.returns.kind)), seen.proto.has(kAcquires));
}

/// Until it is compared with null, what a lookup found counts as the map's value (jump.cc).
Check return_socket_of_map(Run& run, const Arguments& seen) {
  Value value = pointer(ValueKind::kMapValue);
  value.target = seen.map;
  value.map_uid = seen.map_uid;
  return give_or_null(run, value, run.maps[seen.map]->type != MapType::kXskMap);
}

}  // namespace skep::verifier
