// SPDX-License-Identifier: Apache-2.0
// A program in .text: its type comes from whoever loads it.
#include <linux/bpf.h>
int entry(void *ctx) { return 3; }
