// SPDX-License-Identifier: Apache-2.0
// Packet sizes by powers of two and the share of printable bytes in what packets carry: a function of its own, a callback of
// bpf_loop, and global variables of each kind (.rodata, .data, .bss).
//
//   skep run histogram.bpf.o --pcap captures/http4.pcap
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define BUCKETS 17

const volatile __u32 chunk_limit = 96;  ///< Chunks of 16 bytes that are looked at in one packet.
__u32 smallest = 0xffffffff;
__u32 largest = 0;
__u64 sizes[BUCKETS];  ///< sizes[n]: packets of 2^n to 2^(n+1)-1 bytes.
__u64 printable;
__u64 looked_at;

static __attribute__((noinline)) __u32 log2_of(__u32 value) {
  __u32 log = 0;
  for (int shift = 16; shift > 0; shift /= 2) {
    if (value >> shift) {
      value >>= shift;
      log += shift;
    }
  }
  return log;
}

struct chunks {
  struct xdp_md *ctx;
  __u32 printable;
  __u32 seen;
};

/// Called by bpf_loop with the number of a chunk; 1 ends the loop.
static long look_at_chunk(__u64 index, struct chunks *chunks) {
  __u8 bytes[16];
  if (bpf_xdp_load_bytes(chunks->ctx, index * sizeof(bytes), bytes, sizeof(bytes))) return 1;
  for (int i = 0; i < 16; i++) chunks->printable += bytes[i] >= 0x20 && bytes[i] < 0x7f;
  chunks->seen += sizeof(bytes);
  return 0;
}

SEC("xdp")
int histogram(struct xdp_md *ctx) {
  __u32 size = ctx->data_end - ctx->data;
  __u32 bucket = log2_of(size);
  if (bucket < BUCKETS) __sync_fetch_and_add(&sizes[bucket], 1);
  if (size < smallest) smallest = size;
  if (size > largest) largest = size;

  struct chunks chunks = {.ctx = ctx};
  bpf_loop(chunk_limit, look_at_chunk, &chunks, 0);
  __sync_fetch_and_add(&printable, chunks.printable);
  __sync_fetch_and_add(&looked_at, chunks.seen);
  return XDP_PASS;
}

char program_license[] SEC("license") = "Apache-2.0";
