// SPDX-License-Identifier: Apache-2.0
// Sockets as the program sees them (tables/sockets.def), and flow keys: plain memory with fields, nothing to follow.
#include <array>
#include <string>

#include "base/try.h"
#include "skep/context_field.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

constexpr std::int32_t kFlowKeysBytes = 56;  // sizeof(bpf_flow_keys)

enum class SocketPart : std::uint8_t { Common, Full, Tcp, Xdp };
struct SocketField {
  SocketPart part{};
  FieldShape shape;
};
constexpr auto kSocketFields = std::to_array<SocketField>({
#define SOCKET_FIELD(part, name, offset, size, parts) {SocketPart::part, {offset, size, FieldParts::parts}},
#include "skep/tables/sockets.def"
});

bool has(ValueKind socket, SocketPart part) {
  switch (part) {
    case SocketPart::Common:
      return socket == ValueKind::kSocket || socket == ValueKind::kSockCommon;
    case SocketPart::Full:
      return socket == ValueKind::kSocket;
    case SocketPart::Tcp:
      return socket == ValueKind::kTcpSock;
    case SocketPart::Xdp:
      return socket == ValueKind::kXdpSock;
  }
  return false;
}

bool is_readable(ValueKind socket, std::int32_t offset, std::uint32_t size) {
  const auto at = static_cast<std::uint32_t>(offset);
  if (offset < 0 || at % size != 0) return false;
  for (const SocketField& field : kSocketFields)
    if (has(socket, field.part) && field.shape.allows(at, size, /*reads=*/true)) return true;
  return false;
}

Check check_flow_keys(Run& run, const Access& access) {
  const std::int64_t at = std::int64_t{run.reg(access.base).offset} + access.offset;
  if (at >= 0 && at + access.bytes() <= kFlowKeysBytes) return Check::ok();
  return run.reject(DiagCode::kInvalidFlowKeys, at, std::uint64_t{access.bytes()});
}

}  // namespace

Check load_socket(Run& run, const Access& access, std::uint32_t dst) {
  const Value& base = run.reg(access.base);
  if (base.kind == ValueKind::kFlowKeys) {
    TRY_OK(check_flow_keys(run, access));
  } else if (!is_readable(base.kind, access.offset, access.bytes())) {
    return run.reject(DiagCode::kInvalidSocketAccess, std::uint64_t{access.base}, std::string(info(base.kind).name),
                      std::int64_t{access.offset}, std::uint64_t{access.bytes()});
  }
  run.reg(dst) = unknown_scalar();
  return Check::ok();
}

Check store_socket(Run& run, const Access& access) {
  const Value& base = run.reg(access.base);
  if (base.kind == ValueKind::kFlowKeys) return check_flow_keys(run, access);
  return run.reject(DiagCode::kReadOnlyMemory, std::uint64_t{access.base}, kind_name(base));
}

}  // namespace skep::verifier
