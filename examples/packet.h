// SPDX-License-Identifier: Apache-2.0
// Packet headers for the example programs, and a parser that walks them with the bounds checks that a verifier wants.
#pragma once
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ICMPV6 58

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define net16(x) ((__u16)__builtin_bswap16(x))
#define net32(x) ((__u32)__builtin_bswap32(x))
#else
#define net16(x) (x)
#define net32(x) (x)
#endif

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_QINQ 0x88a8

struct ethernet {
  __u8 destination[6];
  __u8 source[6];
  __u16 type;
} __attribute__((packed));

struct vlan_tag {
  __u16 tci;
  __u16 type;
};

struct ipv4 {
  __u8 version_length;
  __u8 tos;
  __u16 total_length;
  __u16 id;
  __u16 fragment;
  __u8 ttl;
  __u8 protocol;
  __u16 checksum;
  __u32 source;
  __u32 destination;
};

struct ipv6 {
  __u32 version_class_flow;
  __u16 payload_length;
  __u8 next_header;
  __u8 hop_limit;
  __u32 source[4];
  __u32 destination[4];
};

/// The first four bytes of a TCP or UDP header.
struct ports {
  __u16 source;
  __u16 destination;
};

struct tcp {
  struct ports ports;
  __u32 sequence;
  __u32 acknowledgement;
  __u8 data_offset;
  __u8 flags;
  __u16 window;
};

enum {
  kTcpFin = 1,
  kTcpSyn = 2,
  kTcpRst = 4,
};

/// Where the layers of one packet begin. Null: the packet has no such layer, or is cut before it ends.
struct layers {
  struct ipv4* ipv4;
  struct ipv6* ipv6;
  void* transport;
  __u16 ethertype;  ///< Of what follows the last VLAN tag; host order.
  __u16 vlan;       ///< Outer VLAN id; 0: none.
  __u8 protocol;
  __u8 fragment;  ///< Not the first fragment: there is no transport header.
};

/// Fills `layers` from the network header on.
static __always_inline void parse_network(void* at, void* end, struct layers* layers) {
  if (layers->ethertype == ETHERTYPE_IPV4) {
    struct ipv4* ip = at;
    if ((void*)(ip + 1) > end) return;
    __u32 length = (ip->version_length & 15) * 4;
    if (length < sizeof(*ip)) return;
    layers->ipv4 = ip;
    layers->protocol = ip->protocol;
    layers->fragment = (ip->fragment & net16(0x1fff)) != 0;
    if (!layers->fragment) layers->transport = at + length;
  } else if (layers->ethertype == ETHERTYPE_IPV6) {
    struct ipv6* ip = at;
    if ((void*)(ip + 1) > end) return;
    layers->ipv6 = ip;
    layers->protocol = ip->next_header;
    layers->transport = ip + 1;
  }
}

/// Fills `layers` from the Ethernet header on; up to two VLAN tags.
static __always_inline void parse_ethernet(void* data, void* end, struct layers* layers) {
  struct ethernet* ethernet = data;
  __builtin_memset(layers, 0, sizeof(*layers));
  if ((void*)(ethernet + 1) > end) return;
  void* at = ethernet + 1;
  __u16 type = net16(ethernet->type);
#pragma unroll
  for (int i = 0; i < 2; i++) {
    struct vlan_tag* tag = at;
    if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ) break;
    if ((void*)(tag + 1) > end) return;
    if (i == 0) layers->vlan = net16(tag->tci) & 0xfff;
    type = net16(tag->type);
    at = tag + 1;
  }
  layers->ethertype = type;
  parse_network(at, end, layers);
}
