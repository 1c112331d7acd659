// SPDX-License-Identifier: Apache-2.0
#include "hooks/frame.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/address.h"

namespace skep::hooks {
namespace {

constexpr std::uint32_t kAddresses = 12;  // Destination and source, before the type or the tag.
constexpr std::uint32_t kTagSize = 4;
constexpr std::uint16_t kTypeVlan = 0x8100, kTypeQinQ = 0x88a8, kTypeLlc = 0x0004;
constexpr std::uint16_t kSmallestType = 0x0600;  // Below: the length of an 802.3 frame.
static_assert(std::endian::native == std::endian::little, "network_order swaps");

/// Values of struct __sk_buff.pkt_type (UAPI if_packet.h).
enum class PacketType : std::uint32_t { kHost = 0, kBroadcast = 1, kMulticast = 2 };

std::uint16_t read16(const std::byte* at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(at[0]) << 8 | std::to_integer<unsigned>(at[1]));
}
std::uint16_t network_order(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }

PacketType packet_type(const std::byte* destination) {
  constexpr std::array<std::byte, 6> kBroadcastAddress = {std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                                                          std::byte{0xff}, std::byte{0xff}, std::byte{0xff}};
  if (std::equal(kBroadcastAddress.begin(), kBroadcastAddress.end(), destination)) return PacketType::kBroadcast;
  const bool group = (destination[0] & std::byte{1}) != std::byte{0};
  // Which addresses are this host's is not in a capture: every other frame counts as sent to it.
  return group ? PacketType::kMulticast : PacketType::kHost;
}

bool is_tag(std::uint16_t type) { return type == kTypeVlan || type == kTypeQinQ; }

}  // namespace

void Frame::load(std::span<const std::byte> packet) {
  const std::size_t end = kHeadroom + packet.size();
  limit_ = std::max<std::size_t>(kPageSize - kSharedInfo, end + kSharedInfo);
  if (memory_.size() < limit_) memory_.resize(limit_);
  // What the last run left in headroom and tailroom must not be seen by this one.
  std::fill_n(memory_.begin(), std::min<std::size_t>(dirty_, kHeadroom), std::byte{0});
  if (dirty_ > end)
    std::fill(memory_.begin() + static_cast<std::ptrdiff_t>(end), memory_.begin() + static_cast<std::ptrdiff_t>(dirty_),
              std::byte{0});
  if (!packet.empty()) std::memcpy(data(), packet.data(), packet.size());
  size_ = static_cast<std::uint32_t>(packet.size());
  dirty_ = limit_;
}

XdpContext make_xdp_context(Frame& frame, const Packet& packet, const ContextOptions& options) {
  frame.load(packet.bytes);
  const std::span<std::byte> memory = frame.memory();
  const std::uint64_t data = address_of(frame.data());
  return {.data = data,
          .data_end = data + frame.size(),
          .data_meta = data,
          .frame_start = address_of(memory.data()),
          .frame_end = address_of(memory.data()) + memory.size(),
          .ingress_ifindex = options.ifindex,
          .rx_queue_index = options.rx_queue};
}

SkbContext make_skb_context(Frame& frame, const Packet& packet, SkbStart start, const ContextOptions& options) {
  constexpr std::array<std::byte, kEthernetSize> kNothing{};
  frame.load(packet.bytes.size() < kEthernetSize ? std::span<const std::byte>(kNothing) : packet.bytes);
  if (packet.bytes.size() < kEthernetSize && !packet.bytes.empty())
    std::memcpy(frame.data(), packet.bytes.data(), packet.bytes.size());
  const std::span<std::byte> memory = frame.memory();
  std::byte* data = frame.data();
  std::uint32_t size = frame.size();
  SkbContext skb{.frame_start = address_of(memory.data()),
                 .frame_end = address_of(memory.data()) + memory.size(),
                 .tstamp = packet.time_ns,
                 .pkt_type = static_cast<std::uint32_t>(packet_type(data)),
                 .ingress_ifindex = options.ifindex,
                 .ifindex = options.ifindex};
  std::uint32_t wire_length = std::max(packet.wire_length, size);

  if (options.vlan == VlanTag::kOutOfFrame && is_tag(read16(data + kAddresses)) && size >= kEthernetSize + kTagSize) {
    skb.vlan_present = 1;
    skb.vlan_proto = network_order(read16(data + kAddresses));
    skb.vlan_tci = read16(data + kAddresses + 2);
    std::memmove(data + kTagSize, data, kAddresses);
    data += kTagSize;
    size -= kTagSize;
    wire_length -= kTagSize;
  }
  const std::uint16_t type = read16(data + kAddresses);
  skb.protocol = network_order(type >= kSmallestType ? type : kTypeLlc);
  if (start == SkbStart::kNetworkHeader) {
    data += kEthernetSize;
    size -= kEthernetSize;
    wire_length -= kEthernetSize;
    skb.network_offset = 0;
  }
  skb.data = skb.data_meta = address_of(data);
  skb.data_end = skb.data + size;
  skb.len = size;
  skb.wire_len = wire_length;
  return skb;
}

std::span<const std::byte> packet_after(const XdpContext& context) {
  return {from_address<const std::byte>(context.data), context.data_end - context.data};
}

std::span<const std::byte> packet_after(const SkbContext& context, SkbStart start, std::vector<std::byte>& room) {
  const std::uint64_t begin = context.data - (start == SkbStart::kNetworkHeader ? kEthernetSize : 0);
  const std::span<const std::byte> frame(from_address<const std::byte>(begin), context.data_end - begin);
  if (context.vlan_present == 0 || frame.size() < kAddresses) return frame;
  const std::uint16_t proto = network_order(static_cast<std::uint16_t>(context.vlan_proto));
  const std::array<std::byte, kTagSize> tag = {std::byte(proto >> 8), std::byte(proto & 0xff),
                                               std::byte(context.vlan_tci >> 8 & 0xff),
                                               std::byte(context.vlan_tci & 0xff)};
  room.assign(frame.begin(), frame.begin() + kAddresses);
  room.insert(room.end(), tag.begin(), tag.end());
  room.insert(room.end(), frame.begin() + kAddresses, frame.end());
  return room;
}

}  // namespace skep::hooks
