// SPDX-License-Identifier: Apache-2.0
// Static and global functions in .text, reached from several programs in different orders; one is reached by nobody.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) int leaf(int x) { return x * 3 + (int)bpf_get_prandom_u32(); }
static __attribute__((noinline)) int middle(int x) { return leaf(x + 1) + leaf(x - 1); }
__attribute__((noinline)) int global_one(int x) { return x ^ (int)bpf_get_prandom_u32(); }
__attribute__((noinline)) int unreached(int x) { return x + (int)bpf_get_prandom_u32(); }
__attribute__((noinline)) int recursive_user(int x) { return middle(x) + global_one(x); }

SEC("xdp") int first(struct xdp_md *ctx) { return middle(ctx->ingress_ifindex) + global_one(1); }
SEC("xdp") int second(struct xdp_md *ctx) { return global_one(2) + recursive_user(ctx->rx_queue_index) + leaf(7); }
SEC("tc") int third(struct __sk_buff *skb) { return leaf(skb->len); }
SEC("xdp") int alone(struct xdp_md *ctx) { return XDP_PASS; }
char _license[] SEC("license") = "GPL";
