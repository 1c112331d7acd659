// SPDX-License-Identifier: Apache-2.0
// Types of a pretended kernel for core_kinds.bpf.c.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum mode { MODE_SLOW = 7, MODE_FAST = 41 };
struct record {
  long added;
  struct {
    int moved;
  };
  unsigned long widened;
  int resigned;
  unsigned padding : 3;
  unsigned field : 6;
  int array[8];
  enum mode mode;
};
struct twice {
  int here;
};
struct twice___other {
  long before;
  int here;
};
struct record record;
struct twice twice;
struct twice___other other;
SEC("socket") int keep(void *ctx) { return record.moved + twice.here + other.here; }
