// SPDX-License-Identifier: Apache-2.0
// Global functions whose parameter is, or is tagged as, the context: which types Linux takes in which program.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TAGGED __attribute__((btf_decl_tag("arg:ctx")))
#define CASE(section, name, type, tag)                                                            \
  __attribute__((noinline, weak)) int global_##name(type *ctx tag) {                              \
    asm volatile("");                                                                             \
    return 0;                                                                                     \
  }                                                                                               \
  SEC(section) int name(void *ctx) {                                                              \
    global_##name(ctx);                                                                           \
    return 0;                                                                                     \
  }
#define BOTH(section, name, type)           \
  CASE(section, name##_tagged, type, TAGGED) \
  CASE(section, name##_plain, type, )
#define TYPES(section, name)                                         \
  BOTH(section, name##_void, void)                                   \
  BOTH(section, name##_word, __u64)                                  \
  BOTH(section, name##_half, __u32)                                  \
  BOTH(section, name##_other, struct other)                          \
  BOTH(section, name##_pointer, void *)                              \
  BOTH(section, name##_registers, struct pt_regs)                    \
  BOTH(section, name##_user_registers, bpf_user_pt_regs_t)           \
  BOTH(section, name##_skb, struct __sk_buff)                        \
  BOTH(section, name##_kernel_skb, struct sk_buff)                   \
  BOTH(section, name##_xdp, struct xdp_md)                           \
  BOTH(section, name##_kernel_xdp, struct xdp_buff)                  \
  BOTH(section, name##_perf, struct bpf_perf_event_data)             \
  BOTH(section, name##_iterator, struct bpf_iter__task)              \
  BOTH(section, name##_lookup, struct bpf_sk_lookup)

struct other {
  int member;
};
struct pt_regs {
  long registers[21];
};
typedef struct pt_regs bpf_user_pt_regs_t;
struct sk_buff {
  int member;
};
struct xdp_buff {
  int member;
};
struct bpf_perf_event_data {
  bpf_user_pt_regs_t registers;
  __u64 sample_period, address;
};
struct bpf_iter__task {
  int member;
};

TYPES("kprobe", kprobe)
TYPES("tp/sched/sched_switch", tracepoint)
TYPES("raw_tp/sched_switch", raw_tracepoint)
TYPES("raw_tp.w/sched_switch", writable)
TYPES("tp_btf/task_newtask", traced)
TYPES("iter/task", iterator)
TYPES("perf_event", perf_event)
TYPES("socket", socket_filter)
TYPES("tc", sched_cls)
TYPES("xdp", xdp)
TYPES("sk_lookup", sk_lookup)
char _license[] SEC("license") = "GPL";
