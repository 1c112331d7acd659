// SPDX-License-Identifier: Apache-2.0
// Fields of contexts (tables/contexts.def): where, who may access them and in which sizes, and what a load gives.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "skep/program_type.h"

namespace skep {

/// What a load of the field gives. Everything after Scalar is a pointer of the kernel's.
enum class FieldValue : std::uint8_t {
  Scalar,
  PacketData,
  PacketMeta,
  PacketEnd,
  Socket,            ///< bpf_sock.
  SocketOrNull,      ///< bpf_sock, or null.
  SockCommonOrNull,  ///< bpf_sock of which only the common part exists, or null.
  FlowKeys,          ///< bpf_flow_keys.
  TpBuffer,          ///< What a writable raw tracepoint offers.
  SkBuff,            ///< The kernel's sk_buff.
  NfHookState,       ///< The kernel's nf_hook_state.
};

/// Which parts of a field may be accessed. Every access is aligned to its size.
enum class FieldParts : std::uint8_t {
  Whole,   ///< None.
  First,   ///< Reads of its first bytes.
  Parts,   ///< Reads of up to 4 bytes anywhere in it; writes of all of it.
  Halves,  ///< As Parts, but not single bytes.
  Array,   ///< Reads of up to 8 bytes; writes of 4 or 8.
  Words,   ///< 4 bytes at a time.
  Longs,   ///< 8 bytes at a time.
  Bytes,   ///< Anything.
};

/// Where a field lies in its structure, and which accesses it allows.
struct FieldShape {
  std::uint32_t offset = 0, size = 0;
  FieldParts parts{};

  /// `bytes` bytes at `at` are the field, or a part that may be accessed.
  [[nodiscard]] constexpr bool allows(std::uint32_t at, std::uint32_t bytes, bool reads) const {
    if (at < offset || at + bytes > offset + size) return false;
    if (bytes == size) return true;
    switch (parts) {
      case FieldParts::Whole:
        return false;
      case FieldParts::First:
        return reads && at == offset;
      case FieldParts::Parts:
        return reads && bytes <= 4;
      case FieldParts::Halves:
        return reads && bytes == 2;
      case FieldParts::Array:
        return reads || bytes >= 4;
      case FieldParts::Words:
        return bytes == 4;
      case FieldParts::Longs:
        return bytes == 8;
      case FieldParts::Bytes:
        return true;
    }
    return false;
  }
};

/// Sets of hooks that the table names.
namespace hooks_of {
inline constexpr ProgramTypeSet kAll = kAllTypes, kNone = kNoTypes, kTc = kTcTypes, kSkb = kSkbTypes;
inline constexpr ProgramTypeSet kSkbData =
    (kSkbTypes | set_of(ProgramType::kFlowDissector)) & ~set_of(ProgramType::kSocketFilter);
inline constexpr ProgramTypeSet kSkbMark = kSkbTypes & ~set_of(ProgramType::kSkSkb);
inline constexpr ProgramTypeSet kSkbMarkWrite = kSkbMark & ~set_of(ProgramType::kSocketFilter);
inline constexpr ProgramTypeSet kSkbPriority = kSkbTypes & ~set_of(ProgramType::kSocketFilter);
inline constexpr ProgramTypeSet kSkbTcIndex = kTcTypes | set_of(ProgramType::kSkSkb);
inline constexpr ProgramTypeSet kSkbAddress = set_of(ProgramType::kCgroupSkb, ProgramType::kSkSkb);
inline constexpr ProgramTypeSet kSkbTime = kTcTypes | set_of(ProgramType::kCgroupSkb);
inline constexpr ProgramTypeSet kFlowDissector = set_of(ProgramType::kFlowDissector);
inline constexpr ProgramTypeSet kRawPlain = set_of(ProgramType::kRawTracepoint);
inline constexpr ProgramTypeSet kRawWritable = set_of(ProgramType::kRawTracepointWritable);
inline constexpr HookSet kXdpDevmap{ProgramType::kXdp, attach_set(33)};
// bind, connect, sendmsg, recvmsg, getpeername, getsockname of IPv4 and of IPv6.
inline constexpr HookSet kInet4Address{ProgramType::kCgroupSockAddr, attach_set(8, 10, 14, 19, 29, 31)};
inline constexpr HookSet kInet6Address{ProgramType::kCgroupSockAddr, attach_set(9, 11, 15, 20, 30, 32)};
inline constexpr HookSet kInet4SendMsg{ProgramType::kCgroupSockAddr, attach_set(14)};
inline constexpr HookSet kInet6SendMsg{ProgramType::kCgroupSockAddr, attach_set(15)};
// sock_create (also when no attach type is given) and sock_release; post_bind4 and post_bind6.
inline constexpr HookSet kSockLife{ProgramType::kCgroupSock, attach_set(0, 2, 34)};
inline constexpr HookSet kPostBind4{ProgramType::kCgroupSock, attach_set(12)};
inline constexpr HookSet kPostBind6{ProgramType::kCgroupSock, attach_set(13)};
inline constexpr HookSet kPostBind{ProgramType::kCgroupSock, attach_set(12, 13)};
inline constexpr HookSet kGetSockopt{ProgramType::kCgroupSockopt, attach_set(21)};
inline constexpr HookSet kSetSockopt{ProgramType::kCgroupSockopt, attach_set(22)};
}  // namespace hooks_of

struct ContextField {
  ContextKind context{};
  std::string_view name;
  FieldShape shape;
  FieldValue value{};
  HookSet read = kNoTypes, write = kNoTypes;
};
namespace hooks_of {
inline constexpr auto kRows = std::to_array<ContextField>({
#define CONTEXT_FIELD(context, name, offset, size, value, parts, member, read, write) \
  {ContextKind::k##context, #name, {offset, size, FieldParts::parts}, FieldValue::value, read, write},
#define CONTEXT_BARE_FIELD(context, name, offset, size, value, parts, read, write) \
  {ContextKind::k##context, #name, {offset, size, FieldParts::parts}, FieldValue::value, read, write},
#include "skep/tables/contexts.def"
});
}  // namespace hooks_of
inline constexpr const auto& kContextFields = hooks_of::kRows;

/// Bytes of the UAPI structure of each context, by ContextKind.
inline constexpr auto kContextBytes = std::to_array<std::uint32_t>({
#define CONTEXT(name, uapi, run_time, bytes) bytes,
#include "skep/tables/contexts.def"
});

/// The fields of one context. They may overlap: each says what it allows.
constexpr std::span<const ContextField> fields_of(ContextKind context) {
  std::size_t first = 0;
  while (first < kContextFields.size() && kContextFields[first].context != context) ++first;
  std::size_t last = first;
  while (last < kContextFields.size() && kContextFields[last].context == context) ++last;
  return std::span(kContextFields).subspan(first, last - first);
}

}  // namespace skep
