#include "bench.h"
// DHCP-like options: kind, length, value; values of 1, 2, 4 and 8 bytes are read in network order, byte by byte
INLINE u64 core(u8 *d, u8 *e) {
  u8 *p = d + 512;
  u32 unknown = 0;
  u64 sum = 0;
  NOUNROLL for (u32 i = 0; i < 32; i++) {
    if (p + 10 > e) return 1;
    u32 kind = p[0] & 15, length = p[1] & 15;
    u8 *next = p + 2 + length;
    asm volatile("" : "+r"(next));  // Lest the compiler add what the branches say of `length`.
    u64 value = 0;
    if (length == 1) {
      value = p[2];
    } else if (length == 2) {
      value = p[2] << 8 | p[3];
    } else if (length >= 8) {
      value = (u64)p[2] << 56 | (u64)p[3] << 48 | (u64)p[4] << 40 | (u64)p[5] << 32 |
              (u64)p[6] << 24 | (u64)p[7] << 16 | (u64)p[8] << 8 | p[9];
    } else if (length >= 4) {
      value = (u32)p[2] << 24 | p[3] << 16 | p[4] << 8 | p[5];
    } else {
      unknown++;
    }
    sum = sum * 17 + kind * value;
    p = next;
  }
  return (sum ^ (sum >> 32)) + unknown;
}
ENTRY
