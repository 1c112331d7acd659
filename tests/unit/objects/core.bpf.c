// SPDX-License-Identifier: Apache-2.0
// A CO-RE relocation in one of two programs.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
  int pid;
} __attribute__((preserve_access_index));
SEC("raw_tp/sched_switch") int relocated(struct bpf_raw_tracepoint_args *ctx) {
  struct task_struct *task = (void *)ctx->args[1];
  int pid = 0;
  bpf_probe_read_kernel(&pid, sizeof(pid), &task->pid);
  return pid;
}
SEC("raw_tp/sched_switch") int plain(void *ctx) { return 0; }
char _license[] SEC("license") = "GPL";
