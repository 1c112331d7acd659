// SPDX-License-Identifier: Apache-2.0
// Global variables in every kind of section.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int initialised = 42;
int zeroed;
static int static_zeroed[4];
static int static_initialised[3] = {1, 2, 3};
const volatile int constant = 7;
const volatile struct {
  char name[16];
  unsigned char mac[6];
} config = {"eth0", {2, 0, 0, 0, 0, 1}};
int own_section SEC(".data.own") = 5;
const int own_constant SEC(".rodata.own") = 6;

SEC("xdp") int reads(struct xdp_md *ctx) {
  static const char text[] = "value %d";
  static_zeroed[ctx->ingress_ifindex & 3] += initialised + constant + config.mac[5] + own_section;
  static_initialised[1] += 1;
  zeroed += *(volatile const int *)&own_constant;
  bpf_trace_printk(text, sizeof(text), zeroed);
  return static_zeroed[1] + static_initialised[ctx->rx_queue_index & 1];
}
char _license[] SEC("license") = "Dual MIT/GPL";
__u32 _version SEC("version") = 0x60102;
