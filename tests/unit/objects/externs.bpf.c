// SPDX-License-Identifier: Apache-2.0
// What only a kernel can give: such programs say so, and the others of the object load.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int LINUX_KERNEL_VERSION __kconfig;
extern const int bpf_prog_active __ksym;
extern int bpf_some_kfunc(int) __ksym;

SEC("xdp") int needs_kconfig(struct xdp_md *ctx) { return LINUX_KERNEL_VERSION > 5; }
SEC("xdp") int needs_ksym(struct xdp_md *ctx) { return *(volatile int *)&bpf_prog_active; }
SEC("xdp") int needs_kfunc(struct xdp_md *ctx) { return bpf_some_kfunc(1); }
SEC("xdp") int needs_nothing(struct xdp_md *ctx) { return XDP_PASS; }
char _license[] SEC("license") = "GPL";
