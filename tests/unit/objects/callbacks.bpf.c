// SPDX-License-Identifier: Apache-2.0
// Addresses of functions (BPF_PSEUDO_FUNC), static and global.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __type(key, __u32);
  __type(value, __u64);
  __uint(max_entries, 16);
} table SEC(".maps");

struct bpf_map;
static long count(__u32 index, void *context) {
  *(__u64 *)context += index;
  return 0;
}
static long sum(struct bpf_map *map, __u32 *key, __u64 *value, void *context) {
  *(__u64 *)context += *value;
  return 0;
}
long global_callback(__u32 index, void *context) {
  *(__u64 *)context -= 1;
  return 0;
}
SEC("xdp") int loops(struct xdp_md *ctx) {
  __u64 total = 0;
  bpf_loop(10, count, &total, 0);
  bpf_for_each_map_elem(&table, sum, &total, 0);
  bpf_loop(3, count, &total, 0);
  return total & 1;
}
char _license[] SEC("license") = "GPL";
