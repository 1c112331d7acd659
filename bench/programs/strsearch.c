#include "bench.h"
// Finds "\r\n\r\n"-like separators in 512 bytes with a rolling 32-bit window
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 1024 > e) return 0;
  u32 window = 0, hits = 0, last = 0;
  NOUNROLL for (u32 i = 0; i < 1024; i++) {
    window = (window << 8) | d[i];
    if (window == 0x0d0a0d0a || (window & 0xffff) == 0x4745 || (window & 0xff00ff) == 0x200020) { hits++; last = i; }
  }
  return hits * 4096 + last;
}
ENTRY
