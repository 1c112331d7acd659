#include "bench.h"
// Walks IPv6-like extension headers made from the input: dependent loads with checks against the end
INLINE u64 core(u8 *d, u8 *e) {
  u8 *p = d + 64;
  u32 kind = 0, hops = 0;
  NOUNROLL for (u32 i = 0; i < 48; i++) {
    if (p + 8 > e) return 7;
    kind = kind * 5 + p[0];
    u32 step = (p[1] & 3) * 8 + 8;
    hops += p[2] & 1;
    p += step;
  }
  return kind + hops * 65536;
}
ENTRY
