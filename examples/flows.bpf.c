// SPDX-License-Identifier: Apache-2.0
// Counts packets and bytes per flow in an LRU hash, and reports the first packet of a flow and the end of a TCP connection through
// a ring buffer.
//
//   skep run flows.bpf.o --pcap captures/http4.pcap --event events=event
#include "packet.h"

struct flow_key {
  __u32 source[4];  ///< Network order; IPv4 in the first word.
  __u32 destination[4];
  __u16 source_port;  ///< Host order; 0: the protocol has none, or not the first fragment.
  __u16 destination_port;
  __u8 protocol;
  __u8 version;  ///< 4 or 6.
  __u16 vlan;
};

struct flow {
  __u64 packets;
  __u64 bytes;
  __u64 tcp_flags;  ///< All that were seen. As wide as this so that the structure has no padding to leak.
};

enum event_kind {
  kFlowBegins,
  kConnectionEnds,
};

struct event {
  enum event_kind kind;
  __u32 length;  ///< Of the packet that caused it.
  struct flow_key flow;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct flow_key);
  __type(value, struct flow);
} flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 18);
} events SEC(".maps");

/// Keeps the type in the object's BTF, for readers of the ring buffer.
const struct event *event_type;

__u64 not_ip;       ///< Packets that belong to no flow.
__u64 lost_events;  ///< The ring buffer was full.

static __always_inline void report(enum event_kind kind, __u32 length, const struct flow_key *key) {
  struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    __sync_fetch_and_add(&lost_events, 1);
    return;
  }
  event->kind = kind;
  event->length = length;
  event->flow = *key;
  bpf_ringbuf_submit(event, 0);
}

/// The TCP flags of the packet; 0 for other protocols. Fills the ports.
static __always_inline __u8 read_transport(const struct layers *layers, void *end, struct flow_key *key) {
  struct tcp *tcp = layers->transport;
  if (layers->protocol != PROTO_TCP && layers->protocol != PROTO_UDP) return 0;
  if (!tcp || (void *)(&tcp->ports + 1) > end) return 0;
  key->source_port = net16(tcp->ports.source);
  key->destination_port = net16(tcp->ports.destination);
  if (layers->protocol != PROTO_TCP || (void *)(tcp + 1) > end) return 0;
  return tcp->flags;
}

SEC("xdp")
int count_flows(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct layers layers;
  struct flow_key key = {};
  parse_ethernet(data, end, &layers);
  key.protocol = layers.protocol;
  key.vlan = layers.vlan;
  if (layers.ipv4) {
    key.version = 4;
    key.source[0] = layers.ipv4->source;
    key.destination[0] = layers.ipv4->destination;
  } else if (layers.ipv6) {
    key.version = 6;
    __builtin_memcpy(key.source, layers.ipv6->source, sizeof(key.source));
    __builtin_memcpy(key.destination, layers.ipv6->destination, sizeof(key.destination));
  } else {
    __sync_fetch_and_add(&not_ip, 1);
    return XDP_PASS;
  }
  __u8 tcp_flags = read_transport(&layers, end, &key);

  struct flow *flow = bpf_map_lookup_elem(&flows, &key);
  if (flow) {
    __u8 ended = flow->tcp_flags & (kTcpFin | kTcpRst);
    __sync_fetch_and_add(&flow->packets, 1);
    __sync_fetch_and_add(&flow->bytes, end - data);
    flow->tcp_flags |= tcp_flags;
    if (!ended && (tcp_flags & (kTcpFin | kTcpRst))) report(kConnectionEnds, end - data, &key);
  } else {
    struct flow first = {.packets = 1, .bytes = end - data, .tcp_flags = tcp_flags};
    bpf_map_update_elem(&flows, &key, &first, BPF_ANY);
    report(kFlowBegins, end - data, &key);
  }
  return XDP_PASS;
}

char program_license[] SEC("license") = "Apache-2.0";
