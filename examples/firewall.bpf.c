// SPDX-License-Identifier: Apache-2.0
// An XDP firewall. Rules are in maps: address prefixes (the longest match wins) and TCP/UDP ports of either direction. Every rule
// counts what it matched; `totals` counts packets and bytes per verdict and CPU.
//
//   skep run firewall.bpf.o --pcap captures/mixed.pcapng --map @firewall.rules
#include "packet.h"

enum action {
  kDrop = XDP_DROP,
  kPass = XDP_PASS,
};

struct rule {
  __u32 id;  ///< Index into `hits`.
  enum action action;
};

struct port_key {
  __u16 port;  ///< Host order.
  __u16 protocol;
};

/// A source network. For IPv4 the other twelve bytes are zero.
struct prefix_key {
  __u8 address[16];
  __u32 length;
};

struct counter {
  __u64 packets;
  __u64 bytes;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, struct port_key);
  __type(value, struct rule);
} port_rules SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, struct prefix_key);
  __type(value, struct rule);
} ipv4_rules SEC(".maps"), ipv6_rules SEC(".maps");

/// The prefix lengths that occur in the rules, longest first; 0 ends the list.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u32);
} ipv4_lengths SEC(".maps"), ipv6_lengths SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, struct counter);
} hits SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 5);
  __type(key, __u32);
  __type(value, struct counter);
} totals SEC(".maps");

/// What happens to a packet that no rule matches.
volatile enum action default_action = kPass;

static __always_inline struct rule *find_port(struct layers *layers, void *end) {
  struct ports *ports = layers->transport;
  if (layers->protocol != PROTO_TCP && layers->protocol != PROTO_UDP) return 0;
  if (!ports || (void *)(ports + 1) > end) return 0;
  struct port_key key = {.port = net16(ports->destination), .protocol = layers->protocol};
  struct rule *rule = bpf_map_lookup_elem(&port_rules, &key);
  if (rule) return rule;
  key.port = net16(ports->source);
  return bpf_map_lookup_elem(&port_rules, &key);
}

/// The first `length` bits of four words in network order.
static __always_inline void mask(__u32 to[4], const __u32 from[4], __u32 length) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
    __u32 begin = 32 * i, bits = length > begin ? length - begin : 0;
    __u32 word = bits >= 32 ? ~0u : ~(~0u >> bits);
    to[i] = from[i] & net32(word);
  }
}

static __always_inline struct rule *find_prefix(void *rules, void *lengths, const __u32 address[4]) {
  for (__u32 i = 0; i < 8; i++) {
    struct prefix_key key = {};
    __u32 index = i, masked[4];
    __u32 *length = bpf_map_lookup_elem(lengths, &index);
    if (!length || *length == 0 || *length > 128) return 0;
    mask(masked, address, *length);
    __builtin_memcpy(key.address, masked, sizeof(masked));
    key.length = *length;
    struct rule *rule = bpf_map_lookup_elem(rules, &key);
    if (rule) return rule;
  }
  return 0;
}

static __always_inline struct rule *find_rule(struct layers *layers, void *end) {
  __u32 address[4] = {};
  struct rule *rule = 0;
  if (layers->ipv4) {
    address[0] = layers->ipv4->source;
    rule = find_prefix(&ipv4_rules, &ipv4_lengths, address);
  } else if (layers->ipv6) {
    __builtin_memcpy(address, layers->ipv6->source, sizeof(address));
    rule = find_prefix(&ipv6_rules, &ipv6_lengths, address);
  }
  return rule ? rule : find_port(layers, end);
}

SEC("xdp")
int firewall(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  __u64 bytes = end - data;
  __u32 verdict = default_action;
  struct layers layers;
  parse_ethernet(data, end, &layers);

  struct rule *rule = find_rule(&layers, end);
  if (rule) {
    verdict = rule->action;
    struct counter *hit = bpf_map_lookup_elem(&hits, &rule->id);
    if (hit) {
      __sync_fetch_and_add(&hit->packets, 1);
      __sync_fetch_and_add(&hit->bytes, bytes);
    }
  }
  struct counter *total = bpf_map_lookup_elem(&totals, &verdict);
  if (total) {
    total->packets++;
    total->bytes += bytes;
  }
  return verdict;
}

char program_license[] SEC("license") = "Apache-2.0";
