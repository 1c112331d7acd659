#include "bench.h"
// Decodes up to 64 base-128 integers from 256 bytes: unpredictable short loops
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 512 > e) return 0;
  u64 sum = 0, value = 0;
  u32 shift = 0;
  NOUNROLL for (u32 i = 256; i < 512; i++) {
    u32 byte = d[i];
    value |= (u64)(byte & 0x7f) << (shift & 63);
    shift += 7;
    if (byte & 0x80) continue;
    sum += value * 3;
    value = 0;
    shift = 0;
  }
  return sum ^ (sum >> 32);
}
ENTRY
