// SPDX-License-Identifier: Apache-2.0
// A tc classifier: gives each packet a class by protocol and VLAN, writes it to mark and priority, and counts. A VLAN tag may be
// in the packet's bytes, or beside it in vlan_tci when the driver took it out.
//
//   skep run classify.bpf.o --pcap captures/vlan.pcap
#include "packet.h"

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2

enum class_id {
  kOther,
  kControl,  ///< ARP, ICMP, neighbour discovery.
  kNames,    ///< DNS.
  kWeb,
  kBulk,  ///< Everything else over TCP.
  kClasses,
};

struct class_stats {
  __u64 packets;
  __u64 bytes;
  __u64 tagged;  ///< With a VLAN tag.
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, kClasses);
  __type(key, enum class_id);
  __type(value, struct class_stats);
} classes SEC(".maps");

/// VLAN ids whose packets are dropped.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, __u16);
  __type(value, __u8);
} closed_vlans SEC(".maps");

static __always_inline enum class_id class_of_port(__u16 port) {
  switch (port) {
    case 53: return kNames;
    case 80:
    case 443:
    case 8080: return kWeb;
    default: return kOther;
  }
}

static __always_inline enum class_id classify_packet(const struct layers *layers, void *end) {
  struct ports *ports = layers->transport;
  if (layers->ethertype == 0x0806) return kControl;
  if (layers->protocol == PROTO_ICMP || layers->protocol == PROTO_ICMPV6) return kControl;
  if (layers->protocol != PROTO_TCP && layers->protocol != PROTO_UDP) return kOther;
  if (!ports || (void *)(ports + 1) > end) return kOther;
  enum class_id found = class_of_port(net16(ports->destination));
  if (found == kOther) found = class_of_port(net16(ports->source));
  return found == kOther && layers->protocol == PROTO_TCP ? kBulk : found;
}

SEC("tc")
int classify(struct __sk_buff *skb) {
  void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  struct layers layers;
  parse_ethernet(data, end, &layers);
  __u16 vlan = skb->vlan_present ? skb->vlan_tci & 0xfff : layers.vlan;

  enum class_id class = classify_packet(&layers, end);
  skb->mark = (__u32)vlan << 8 | class;
  skb->priority = class == kControl ? 7 : class == kNames ? 5 : 0;
  skb->tc_classid = 0x10000 | class;
  struct class_stats *stats = bpf_map_lookup_elem(&classes, &class);
  if (stats) {
    __sync_fetch_and_add(&stats->packets, 1);
    __sync_fetch_and_add(&stats->bytes, skb->len);
    if (vlan) __sync_fetch_and_add(&stats->tagged, 1);
  }
  __u8 *closed = bpf_map_lookup_elem(&closed_vlans, &vlan);
  return closed && *closed ? TC_ACT_SHOT : TC_ACT_OK;
}

char program_license[] SEC("license") = "Apache-2.0";
