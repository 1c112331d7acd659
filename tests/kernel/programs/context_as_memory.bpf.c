// SPDX-License-Identifier: Apache-2.0
// The context as memory of a global function or of a helper. Linux allows the former where it does not rewrite accesses
// to the context; of what it allows only the context of syscall programs can be written.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4);
  __uint(key_size, 8);
  __uint(value_size, 16);
} map SEC(".maps");
struct empty {};
struct pair {
  __u64 left, right;
};
struct large {
  char bytes[8192];
};
struct limit {
  char bytes[65535];
};
struct huge {
  char bytes[65536];
};
#define GLOBAL(type)                                                    \
  __attribute__((noinline, weak)) int takes_##type(struct type *data) { \
    asm volatile("");                                                   \
    return 0;                                                           \
  }
GLOBAL(empty)
GLOBAL(pair)
GLOBAL(large)
GLOBAL(limit)
GLOBAL(huge)

#define CASE(section, name, statement, result) \
  SEC(section) int name(char *ctx) {           \
    statement;                                 \
    return result;                             \
  }
#define CASES(section, name, result)                                             \
  CASE(section, name##_empty, takes_empty((struct empty *)ctx), result)          \
  CASE(section, name##_empty_at_8, takes_empty((struct empty *)(ctx + 8)), result) \
  CASE(section, name##_pair, takes_pair((struct pair *)ctx), result)             \
  CASE(section, name##_large, takes_large((struct large *)ctx), result)          \
  CASE(section, name##_limit, takes_limit((struct limit *)ctx), result)          \
  CASE(section, name##_huge, takes_huge((struct huge *)ctx), result)             \
  CASE(section, name##_key, bpf_map_lookup_elem(&map, ctx), result)

CASES("kprobe", kprobe, 0)
CASES("tp/sched/sched_switch", tracepoint, 0)
CASES("raw_tp/sched_switch", raw_tracepoint, 0)
CASES("raw_tp.w/sched_switch", writable, 0)
CASES("tp_btf/task_newtask", traced, 0)
CASES("iter/task", iterator, 0)
CASES("perf_event", perf_event, 0)
CASES("syscall", syscall, 0)
CASES("socket", socket_filter, 0)
CASES("tc", sched_cls, 0)
CASES("xdp", xdp, 0)
CASES("cgroup_skb/ingress", cgroup_skb, 0)
CASES("cgroup/sock_create", sock_create, 0)
CASES("cgroup/bind4", bind, 0)
CASES("cgroup/sysctl", sysctl, 0)
CASES("cgroup/dev", device, 0)
CASES("cgroup/getsockopt", sockopt, 0)
CASES("sockops", sockops, 0)
CASES("sk_skb", sk_skb, 0)
CASES("sk_msg", sk_msg, 0)
CASES("sk_lookup", sk_lookup, 0)
CASES("sk_reuseport", reuseport, 0)
CASES("netfilter", netfilter, 0)
CASES("lwt_in", lwt, 0)
CASES("flow_dissector", dissector, 0)
char _license[] SEC("license") = "GPL";
