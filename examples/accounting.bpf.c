// SPDX-License-Identifier: Apache-2.0
// Counts packets per IP protocol at two other places: a socket filter, which sees the packet from its Ethernet header on and can
// only copy bytes out of it, and a cgroup filter, which sees it from the network header on.
//
//   skep run accounting.bpf.o account_cgroup --pcap captures/mixed.pcapng
#include "packet.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, __u64);
} protocols SEC(".maps");

static __always_inline void count(__u32 protocol) {
  __u64 *packets = bpf_map_lookup_elem(&protocols, &protocol);
  if (packets) *packets += 1;
}

/// Keeps TCP packets, and of those what lies before the payload of a minimal header.
SEC("socket")
int account_socket(struct __sk_buff *skb) {
  struct ethernet ethernet;
  __u8 protocol;
  __u32 at = sizeof(ethernet);
  if (bpf_skb_load_bytes(skb, 0, &ethernet, sizeof(ethernet))) return 0;
  if (ethernet.type == net16(ETHERTYPE_IPV4))
    at += __builtin_offsetof(struct ipv4, protocol);
  else if (ethernet.type == net16(ETHERTYPE_IPV6))
    at += __builtin_offsetof(struct ipv6, next_header);
  else
    return 0;
  if (bpf_skb_load_bytes(skb, at, &protocol, 1)) return 0;
  count(protocol);
  return protocol == PROTO_TCP ? 54 : 0;
}

/// Lets everything out but packets to UDP port 5353.
SEC("cgroup_skb/egress")
int account_cgroup(struct __sk_buff *skb) {
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct layers layers = {.ethertype = net16((__u16)skb->protocol)};
  parse_network(data, end, &layers);
  if (!layers.ipv4 && !layers.ipv6) return 1;
  count(layers.protocol);
  struct ports *ports = layers.transport;
  if (layers.protocol != PROTO_UDP || !ports || (void *)(ports + 1) > end) return 1;
  return ports->destination != net16(5353);
}

char program_license[] SEC("license") = "Apache-2.0";
