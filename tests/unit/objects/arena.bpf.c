// SPDX-License-Identifier: Apache-2.0
// Variables of an arena. Compilers put what has address space 1 into this section.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, 33 /* BPF_MAP_TYPE_ARENA */);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 10);
} arena SEC(".maps");
long first SEC(".addr_space.1") = 1;
long second SEC(".addr_space.1") = 2;

SEC("socket") long load_second(void *ctx) { return second; }
