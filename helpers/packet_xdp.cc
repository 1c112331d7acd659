// SPDX-License-Identifier: Apache-2.0
// Packets of XDP programs.
#include <algorithm>
#include <cstring>

#include "helpers/helpers.h"
#include "helpers/packet.h"

namespace skep::helpers {
namespace {

/// Linux keeps its struct xdp_frame at the start of the headroom, where no packet byte may come.
constexpr Word kFrameHeader = 40;
constexpr Word kMaxMetadata = 252;

/// Program arguments that are offsets: 32-bit, signed.
Word offset_of(Word argument) { return result(static_cast<std::int32_t>(argument)); }

bool before(Word a, Word b) { return static_cast<std::int64_t>(a - b) < 0; }

struct Found {
  int error = 0;
  PacketBytes bytes;
};
Found packet_part(const XdpContext& xdp, Word offset, Word size) {
  constexpr Word kMax = 0xffff;
  if (low32(offset) > kMax || low32(size) > kMax) return {.error = EFAULT, .bytes = {}};
  const PacketBytes packet = packet_of(xdp);
  if (low32(offset) + low32(size) > packet.size()) return {.error = EINVAL, .bytes = {}};
  return {.error = 0, .bytes = packet.subspan(low32(offset), low32(size))};
}

}  // namespace

std::optional<PacketBytes> packet_of(Word context, const Env& env) {
  const ContextKind kind = info(env.type).context;
  if (kind == ContextKind::kXdp) return packet_of(xdp_at(context));
  if (kind == ContextKind::kSkBuff) return packet_of(skb_at(context));
  return std::nullopt;
}

Word xdp_adjust_head(Word context, Word delta, Word, Word, Word, Env&) {
  XdpContext& xdp = xdp_at(context);
  const Word metadata = xdp.data - xdp.data_meta;
  const Word data = xdp.data + offset_of(delta);
  if (before(data, xdp.frame_start + kFrameHeader + metadata) || before(xdp.data_end - kEthernetHeader, data))
    return failure(EINVAL);
  // Metadata stays in front of the packet.
  std::memmove(bytes_at(data - metadata), bytes_at(xdp.data_meta), metadata);
  xdp.data = data;
  xdp.data_meta = data - metadata;
  return 0;
}

Word xdp_adjust_meta(Word context, Word delta, Word, Word, Word, Env&) {
  XdpContext& xdp = xdp_at(context);
  const Word meta = xdp.data_meta + offset_of(delta);
  if (before(meta, xdp.frame_start + kFrameHeader) || before(xdp.data, meta)) return failure(EINVAL);
  const Word size = xdp.data - meta;
  if (size % 4 != 0 || size > kMaxMetadata) return failure(EACCES);
  xdp.data_meta = meta;
  return 0;
}

Word xdp_adjust_tail(Word context, Word delta, Word, Word, Word, Env&) {
  XdpContext& xdp = xdp_at(context);
  const Word end = xdp.data_end + offset_of(delta);
  if (before(xdp.frame_end, end) || before(end, xdp.data + kEthernetHeader)) return failure(EINVAL);
  if (before(xdp.data_end, end)) std::memset(bytes_at(xdp.data_end), 0, end - xdp.data_end);
  xdp.data_end = end;
  return 0;
}

Word xdp_get_buff_len(Word context, Word, Word, Word, Word, Env&) { return packet_of(xdp_at(context)).size(); }

Word xdp_load_bytes(Word context, Word offset, Word to, Word size, Word, Env&) {
  const Found found = packet_part(xdp_at(context), offset, size);
  if (found.error != 0) return failure(found.error);
  std::memmove(bytes_at(to), found.bytes.data(), found.bytes.size());
  return 0;
}

Word xdp_store_bytes(Word context, Word offset, Word from, Word size, Word, Env&) {
  const Found found = packet_part(xdp_at(context), offset, size);
  if (found.error != 0) return failure(found.error);
  std::memmove(found.bytes.data(), bytes_at(from), found.bytes.size());
  return 0;
}

}  // namespace skep::helpers
