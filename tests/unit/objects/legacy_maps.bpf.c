// SPDX-License-Identifier: Apache-2.0
// The old section maps, which libbpf before 1.0 read.
#include <linux/bpf.h>
#define SEC(name) __attribute__((section(name), used))
static void *(*lookup)(void *, const void *) = (void *)1;

struct bpf_map_def {
  unsigned int type, key_size, value_size, max_entries, map_flags, inner, node;
};
struct bpf_map_def SEC("maps") counters = {
    .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 16};
struct bpf_map_def SEC("maps") table = {
    .type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 16, .max_entries = 32, .map_flags = BPF_F_NO_PREALLOC};

SEC("classifier") int old(struct __sk_buff *skb) {
  __u64 key = skb->len;
  return lookup(&table, &key) != 0 && lookup(&counters, &key) != 0;
}
char _license[] SEC("license") = "GPL";
