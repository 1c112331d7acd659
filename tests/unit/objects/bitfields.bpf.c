// SPDX-License-Identifier: Apache-2.0
// A map value with everything that a dump has to print.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum color { kRed, kGreen = 3, kBlue = -1 };
typedef unsigned char mac_t[6];
struct point {
  short x, y;
};
struct everything {
  unsigned int low : 3, middle : 7;
  int negative : 4;
  enum color color : 8;
  struct point points[2];
  union {
    __u32 word;
    __u8 bytes[4];
  };
  char name[8];
  mac_t mac;
  _Bool yes;
  void *pointer;
  double ratio;
  long long big;
  int (*function)(int, const char *);
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct everything);
} all SEC(".maps");
SEC("xdp") int entry(struct xdp_md *ctx) {
  __u32 key = 0;
  return bpf_map_lookup_elem(&all, &key) != 0;
}
char _license[] SEC("license") = "GPL";
