// SPDX-License-Identifier: Apache-2.0
// Struct operations, a hidden subprogram, and a callback for exceptions.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct tcp_congestion_ops {
  void (*init)(void* sk);
  unsigned int (*ssthresh)(void* sk);
  char name[16];
};
SEC("struct_ops/anything") unsigned int my_ssthresh(unsigned long long* ctx) { return 2; }
SEC("struct_ops") unsigned int unnamed(unsigned long long* ctx) { return 2; }
SEC(".struct_ops") struct tcp_congestion_ops operations = {.ssthresh = (void*)my_ssthresh, .name = "mine"};

__attribute__((noinline, visibility("hidden"))) int hidden(int x) { return x + (int)bpf_get_prandom_u32(); }
__attribute__((noinline)) int visible(int x) { return x - (int)bpf_get_prandom_u32(); }
__attribute__((noinline)) int on_exception(unsigned long long cookie) { return visible((int)cookie); }

__attribute__((btf_decl_tag("exception_callback:on_exception"))) SEC("tc") int throws(struct __sk_buff* skb) {
  return hidden(skb->len);
}
char _license[] SEC("license") = "GPL";
