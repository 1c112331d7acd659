// SPDX-License-Identifier: Apache-2.0
// The memory that a packet lies in while programs run on it, laid out as Linux lays out a receive buffer: headroom, the
// packet, tailroom. One Frame is used for packet after packet and allocates only when a packet is larger than any
// before.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "hooks/packet.h"
#include "skep/context.h"

namespace skep::hooks {

/// XDP_PACKET_HEADROOM.
inline constexpr std::uint32_t kHeadroom = 256;
/// A buffer of Linux is a page, and at its end lies what describes further pages (struct skb_shared_info).
inline constexpr std::uint32_t kPageSize = 4096, kSharedInfo = 320;
inline constexpr std::uint32_t kEthernetSize = 14;

class Frame {
 public:
  /// Puts the packet behind the headroom. The tailroom is zero.
  void load(std::span<const std::byte> packet);

  [[nodiscard]] std::span<std::byte> memory() { return {memory_.data(), limit_}; }
  [[nodiscard]] std::byte* data() { return memory_.data() + kHeadroom; }
  [[nodiscard]] std::uint32_t size() const { return size_; }

 private:
  std::vector<std::byte> memory_;
  std::size_t limit_ = 0;   // End of what programs may have.
  std::size_t dirty_ = 0;   // Beyond it, memory_ is zero as it was made.
  std::uint32_t size_ = 0;  // Of the packet.
};

/// Where an outermost VLAN tag is when a skb program sees the packet. Linux takes it out of the frame on reception,
/// before tc and packet sockets; BPF_PROG_TEST_RUN leaves it in.
enum class VlanTag : std::uint8_t { kOutOfFrame, kInFrame };
/// Where the packet of a skb program begins.
enum class SkbStart : std::uint8_t { kEthernetHeader, kNetworkHeader };

struct ContextOptions {
  std::uint32_t ifindex = 1;  ///< Of the interface that the packets come from.
  std::uint32_t rx_queue = 0;
  VlanTag vlan = VlanTag::kOutOfFrame;
};

/// Loads the packet and describes it to an XDP program.
XdpContext make_xdp_context(Frame& frame, const Packet& packet, const ContextOptions& options);
/// Loads the packet and describes it to a program on struct __sk_buff. `len` is what was captured, `wire_len` what was
/// on the wire; protocol and VLAN fields are in the byte order of struct __sk_buff. A packet too short for an Ethernet
/// header is padded with zeros to one, as a driver would not hand it up at all.
SkbContext make_skb_context(Frame& frame, const Packet& packet, SkbStart start, const ContextOptions& options);

/// The packet after a run.
std::span<const std::byte> packet_after(const XdpContext& context);
/// The frame after a run, with Ethernet header, and with the tag that lies outside of it put back; `room` is memory for
/// the latter. A program that began at the network header has the Ethernet header before `data`.
std::span<const std::byte> packet_after(const SkbContext& context, SkbStart start, std::vector<std::byte>& room);

}  // namespace skep::hooks
