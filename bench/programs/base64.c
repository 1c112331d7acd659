#include "bench.h"
// Base64 of 96 bytes into a buffer on the stack, characters by comparison instead of a table
INLINE u8 character(u32 six) {
  if (six < 26) return 'A' + six;
  if (six < 52) return 'a' + six - 26;
  if (six < 62) return '0' + six - 52;
  return six == 62 ? '+' : '/';
}
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 612 > e) return 0;
  u8 out[128];
  NOUNROLL for (u32 i = 0, o = 0; i < 96; i += 3, o += 4) {
    u32 v = d[514 + i] << 16 | d[515 + i] << 8 | d[516 + i];
    out[o] = character(v >> 18);
    out[o + 1] = character(v >> 12 & 63);
    out[o + 2] = character(v >> 6 & 63);
    out[o + 3] = character(v & 63);
  }
  u32 sum = 0;
  NOUNROLL for (u32 i = 0; i < 128; i++) sum = sum * 31 + out[i];
  return sum;
}
ENTRY
