// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Two tracepoint programs that share a map: how often each system call ran, and how often it failed. The context is the raw record
// of the tracepoint; hand one over as bytes:
//
//   skep run syscalls.bpf.o on_enter --ctx '0000000000000000 0100000000000000 ...'
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/// /sys/kernel/tracing/events/raw_syscalls/sys_enter/format
struct sys_enter {
  __u64 common;
  long id;
  unsigned long args[6];
};

/// /sys/kernel/tracing/events/raw_syscalls/sys_exit/format
struct sys_exit {
  __u64 common;
  long id;
  long result;
};

struct call_stats {
  __u64 entered;
  __u64 failed;
  __s64 last_error;
  char last_command[16];
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 512);
  __type(key, __u64);
  __type(value, struct call_stats);
} calls SEC(".maps");

static __always_inline struct call_stats *stats_of(__u64 id) {
  struct call_stats zero = {};
  struct call_stats *stats = bpf_map_lookup_elem(&calls, &id);
  if (stats) return stats;
  bpf_map_update_elem(&calls, &id, &zero, BPF_NOEXIST);
  return bpf_map_lookup_elem(&calls, &id);
}

SEC("tracepoint/raw_syscalls/sys_enter")
int on_enter(struct sys_enter *ctx) {
  struct call_stats *stats = stats_of(ctx->id);
  if (!stats) return 0;
  __sync_fetch_and_add(&stats->entered, 1);
  bpf_get_current_comm(stats->last_command, sizeof(stats->last_command));
  return 0;
}

SEC("tracepoint/raw_syscalls/sys_exit")
int on_exit(struct sys_exit *ctx) {
  if (ctx->result >= 0) return 0;
  struct call_stats *stats = stats_of(ctx->id);
  if (!stats) return 0;
  __sync_fetch_and_add(&stats->failed, 1);
  stats->last_error = ctx->result;
  bpf_printk("call %ld failed: %ld", ctx->id, ctx->result);
  return 0;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
