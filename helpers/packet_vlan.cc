// SPDX-License-Identifier: Apache-2.0
// VLAN tags. As in Linux, the outermost tag lies beside the packet (vlan_present, vlan_tci, vlan_proto), further ones
// in it.
#include <cstring>

#include "helpers/helpers.h"
#include "helpers/packet.h"

namespace skep::helpers {
namespace {

constexpr std::uint32_t kTagBytes = 4, kAddressBytes = 12;

/// In network order, as the context's fields hold them.
constexpr std::uint16_t swap16(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }
constexpr std::uint16_t kVlan = swap16(0x8100), kServiceVlan = swap16(0x88a8);
bool is_vlan(std::uint32_t protocol) { return protocol == kVlan || protocol == kServiceVlan; }

/// Puts the tag beside the packet into it. 0 or an errno.
int insert_tag(SkbContext& skb) {
  if (skb.data - kTagBytes < skb.frame_start || packet_of(skb).size() < kEthernetHeader) return ENOMEM;
  std::byte* old = bytes_at(skb.data);
  std::byte* now = old - kTagBytes;
  std::memmove(now, old, kAddressBytes);
  const auto type = static_cast<std::uint16_t>(skb.vlan_proto);
  const std::uint16_t tci = swap16(static_cast<std::uint16_t>(skb.vlan_tci));
  std::memcpy(now + kAddressBytes, &type, sizeof type);
  std::memcpy(now + kAddressBytes + 2, &tci, sizeof tci);
  skb.data = skb.data_meta = address_of(now);
  skb.len += kTagBytes;
  skb.network_offset += kTagBytes;
  skb.protocol = skb.vlan_proto;
  return 0;
}

/// Takes the outermost tag out of the packet. 0 or an errno; *tci is in host order.
int extract_tag(SkbContext& skb, std::uint16_t* tci) {
  if (packet_of(skb).size() < kEthernetHeader + kTagBytes) return ENOMEM;
  std::byte* old = bytes_at(skb.data);
  std::uint16_t type = 0;
  std::memcpy(tci, old + kAddressBytes + 2, sizeof *tci);
  *tci = swap16(*tci);
  std::memcpy(&type, old + kAddressBytes + kTagBytes, sizeof type);
  std::memmove(old + kTagBytes, old, kAddressBytes);
  skb.data = skb.data_meta = skb.data + kTagBytes;
  skb.len -= kTagBytes;
  if (skb.network_offset >= kEthernetHeader + kTagBytes) skb.network_offset -= kTagBytes;
  skb.protocol = type;
  return 0;
}

}  // namespace

Word skb_vlan_push(Word context, Word protocol, Word tci, Word, Word, Env&) {
  SkbContext& skb = skb_at(context);
  if (skb.vlan_present != 0)
    if (const int error = insert_tag(skb); error != 0) return failure(error);
  const auto wanted = static_cast<std::uint16_t>(protocol);
  skb.vlan_present = 1;
  skb.vlan_proto = is_vlan(wanted) ? wanted : kVlan;
  skb.vlan_tci = static_cast<std::uint16_t>(tci);
  return 0;
}

Word skb_vlan_pop(Word context, Word, Word, Word, Word, Env&) {
  SkbContext& skb = skb_at(context);
  std::uint16_t tci = 0;
  if (skb.vlan_present != 0) {
    skb.vlan_present = skb.vlan_tci = skb.vlan_proto = 0;
  } else {
    if (!is_vlan(skb.protocol)) return 0;
    if (const int error = extract_tag(skb, &tci); error != 0) return failure(error);
  }
  // A further tag moves beside the packet.
  if (!is_vlan(skb.protocol)) return 0;
  const std::uint32_t protocol = skb.protocol;
  if (const int error = extract_tag(skb, &tci); error != 0) return failure(error);
  skb.vlan_present = 1;
  skb.vlan_proto = protocol;
  skb.vlan_tci = tci;
  return 0;
}

}  // namespace skep::helpers
