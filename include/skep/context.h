// SPDX-License-Identifier: Apache-2.0
// The run-time structures that r1 points to. A program was compiled against the UAPI structure, whose packet pointers
// are 32-bit placeholders; lowering rewrites each access by the rows of tables/contexts.def.
#pragma once
#include <cstdint>

namespace skep {

/// What an XDP program runs on. The addresses satisfy frame_start <= data_meta <= data <= data_end <= frame_end; the
/// caller owns the frame. xdp_adjust_head/meta/tail move the inner three.
struct XdpContext {
  std::uint64_t data = 0;
  std::uint64_t data_end = 0;
  std::uint64_t data_meta = 0;
  std::uint64_t frame_start = 0;
  std::uint64_t frame_end = 0;
  std::uint32_t ingress_ifindex = 0;
  std::uint32_t rx_queue_index = 0;
  std::uint32_t egress_ifindex = 0;
  std::uint32_t redirect_ifindex = 0;  ///< Set by redirect() and redirect_map(); read by who started the run.
  std::uint64_t redirect_map = 0;  ///< Set by redirect_map(): address of the Map, its key and the flags it was given.
  std::uint64_t redirect_key = 0;
  std::uint64_t redirect_flags = 0;
};

/// What socket filter, tc and cgroup_skb programs run on. Members have the meaning of struct __sk_buff in linux/bpf.h;
/// addresses as in XdpContext. The packet begins at the Ethernet header for tc, at the network header for cgroup_skb.
struct SkbContext {
  std::uint64_t data = 0;
  std::uint64_t data_end = 0;
  std::uint64_t data_meta = 0;
  std::uint64_t frame_start = 0;
  std::uint64_t frame_end = 0;
  std::uint64_t tstamp = 0;
  std::uint64_t hwtstamp = 0;
  std::uint32_t len = 0;
  std::uint32_t pkt_type = 0;
  std::uint32_t mark = 0;
  std::uint32_t queue_mapping = 0;
  std::uint32_t protocol = 0;
  std::uint32_t vlan_present = 0;
  std::uint32_t vlan_tci = 0;
  std::uint32_t vlan_proto = 0;
  std::uint32_t priority = 0;
  std::uint32_t ingress_ifindex = 0;
  std::uint32_t ifindex = 0;
  std::uint32_t tc_index = 0;
  std::uint32_t cb[5] = {};
  std::uint32_t hash = 0;
  std::uint32_t tc_classid = 0;
  std::uint32_t napi_id = 0;
  std::uint32_t wire_len = 0;
  std::uint32_t gso_segs = 0;
  std::uint32_t gso_size = 0;
  std::uint32_t redirect_ifindex = 0;
  std::uint8_t tstamp_type = 0;
  std::uint64_t redirect_flags = 0;  ///< Of redirect(): BPF_F_INGRESS or 0.
  /// From `data` to the network header: 14 where the packet begins at the Ethernet header, 0 where at the network
  /// header. The Ethernet header lies 14 bytes before the network header, if the frame has it.
  std::uint32_t network_offset = 14;
};

}  // namespace skep
