// SPDX-License-Identifier: Apache-2.0
// What .maps can say.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct key {
  __u32 address;
  __u16 port;
  __u16 protocol;
};
enum state { kNew, kOpen = 5, kClosed };
struct value {
  __u64 packets, bytes;
  enum state state;
  char name[8];
};
struct inner {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __type(key, __u32);
  __type(value, __u64);
  __uint(max_entries, 4);
} inner_one SEC(".maps"), inner_two SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct key);
  __type(value, struct value);
} flows SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 3);
  __type(key, __u32);
  __array(values, struct inner);
} outer SEC(".maps") = {.values = {[0] = &inner_one, [2] = &inner_two}};
int target(struct xdp_md *ctx);
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 8);
  __uint(key_size, sizeof(__u32));
  __array(values, int(void *));
} jumps SEC(".maps") = {.values = {[5] = (void *)&target}};
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} events SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(key_size, 4);
  __uint(value_size, 24);
  __uint(max_entries, 2);
  __uint(pinning, LIBBPF_PIN_BY_NAME);
} pinned SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
  __uint(max_entries, 10);
  __uint(map_extra, 3);
  __type(value, __u64);
} bloom SEC(".maps");

SEC("xdp") int target(struct xdp_md *ctx) { return XDP_DROP; }
SEC("xdp") int uses(struct xdp_md *ctx) {
  struct key key = {.address = 1, .port = 2, .protocol = 3};
  struct value *value = bpf_map_lookup_elem(&flows, &key);
  if (value) __sync_fetch_and_add(&value->packets, 1);
  __u32 index = 0;
  void *map = bpf_map_lookup_elem(&outer, &index);
  if (map) bpf_map_lookup_elem(map, &index);
  bpf_map_lookup_elem(&pinned, &index);
  bpf_tail_call(ctx, &jumps, 5);
  return XDP_PASS;
}
char _license[] SEC("license") = "GPL";
