// SPDX-License-Identifier: Apache-2.0
// Packets of tc, socket filter and cgroup_skb programs. The whole packet is linear.
#include <cstring>

#include "helpers/helpers.h"
#include "helpers/packet.h"

namespace skep::helpers {
namespace {

constexpr Word kMaxOffset = 0x7fffffff;

/// Moves the start of the packet; false: the frame has no room for it.
bool move_start(SkbContext& skb, std::int32_t delta) {
  const Word start = skb.data + result(delta);
  if (start < skb.frame_start || start > skb.data_end) return false;
  skb.data = skb.data_meta = start;
  skb.len = low32(skb.data_end - skb.data);
  return true;
}

}  // namespace

Word skb_store_bytes(Word context, Word offset, Word from, Word size, Word flags, Env&) {
  constexpr Word kRecomputeChecksum = 1, kInvalidateHash = 2;
  if ((flags & ~(kRecomputeChecksum | kInvalidateHash)) != 0) return failure(EINVAL);
  SkbContext& skb = skb_at(context);
  const PacketBytes packet = packet_of(skb);
  const Word begin = low32(offset);
  if (begin > kMaxOffset || begin + low32(size) > packet.size()) return failure(EFAULT);
  std::memmove(packet.data() + begin, bytes_at(from), low32(size));
  if ((flags & kInvalidateHash) != 0) skb.hash = 0;
  return 0;
}

Word skb_load_bytes(Word context, Word offset, Word to, Word size, Word, Env&) {
  const PacketBytes packet = packet_of(skb_at(context));
  const Word begin = low32(offset);
  if (begin > kMaxOffset || begin + low32(size) > packet.size()) {
    std::memset(bytes_at(to), 0, low32(size));
    return failure(EFAULT);
  }
  std::memmove(bytes_at(to), packet.data() + begin, low32(size));
  return 0;
}

Word skb_load_bytes_relative(Word context, Word offset, Word to, Word size, Word start, Env&) {
  constexpr Word kMac = 0, kNetwork = 1, kMaxRelative = 0xffff;
  const SkbContext& skb = skb_at(context);
  const Word network = skb.data + skb.network_offset;
  const Word base = low32(start) == kNetwork ? network : network - kEthernetHeader;
  const bool known = low32(start) == kNetwork || (low32(start) == kMac && base >= skb.frame_start);
  const Word begin = base + low32(offset);
  if (!known || low32(offset) > kMaxRelative || begin + low32(size) > skb.data_end) {
    std::memset(bytes_at(to), 0, low32(size));
    return failure(EFAULT);
  }
  std::memmove(bytes_at(to), bytes_at(begin), low32(size));
  return 0;
}

Word skb_pull_data(Word context, Word size, Word, Word, Word, Env&) {
  return low32(size) > packet_of(skb_at(context)).size() ? failure(ENOMEM) : 0;
}

Word skb_change_type(Word context, Word type, Word, Word, Word, Env&) {
  constexpr std::uint32_t kOtherHost = 3;
  SkbContext& skb = skb_at(context);
  if (low32(type) > kOtherHost || skb.pkt_type > kOtherHost) return failure(EINVAL);
  skb.pkt_type = low32(type);
  return 0;
}

Word skb_change_tail(Word context, Word size, Word flags, Word, Word, Env&) {
  SkbContext& skb = skb_at(context);
  const Word wanted = low32(size);
  constexpr Word kMaxPacket = 65536 + kEthernetHeader;  // That of Linux' loopback device: no other is known here.
  if (flags != 0 || wanted < skb.network_offset || wanted > kMaxPacket) return failure(EINVAL);
  if (wanted > skb.frame_end - skb.data) return failure(ENOMEM);
  const Word now = packet_of(skb).size();
  if (wanted > now) std::memset(bytes_at(skb.data_end), 0, wanted - now);
  skb.data_end = skb.data + wanted;
  skb.len = low32(wanted);
  return 0;
}

Word skb_change_head(Word context, Word size, Word flags, Word, Word, Env&) {
  SkbContext& skb = skb_at(context);
  constexpr std::uint32_t kMax = 0xffff;
  if (flags != 0 || low32(size) > kMax) return failure(EINVAL);
  const auto growth = static_cast<std::int32_t>(low32(size));
  if (!move_start(skb, -growth)) return failure(ENOMEM);
  std::memset(bytes_at(skb.data), 0, low32(size));
  return 0;
}

Word set_hash(Word context, Word hash, Word, Word, Word, Env&) {
  skb_at(context).hash = low32(hash);
  return 0;
}

Word set_hash_invalid(Word context, Word, Word, Word, Word, Env&) {
  skb_at(context).hash = 0;
  return 0;
}

}  // namespace skep::helpers
