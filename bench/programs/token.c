#include "bench.h"
// Token bucket over 64 arrivals: 64-bit division by a constant and by a variable, minimum, compare
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 256 > e) return 0;
  u64 tokens = 1000, last = 0, passed = 0, now = 0;
  NOUNROLL for (u32 i = 0; i < 64; i++) {
    u32 w = LD32(d + 4 * i);
    now += w & 0xffff;
    u64 size = 64 + (w >> 21);
    u64 gained = (now - last) * 125 / 1000;
    u64 limit = 1500 + now / (size | 1);
    tokens = tokens + gained > limit ? limit : tokens + gained;
    last = now;
    if (tokens >= size) { tokens -= size; passed++; }
  }
  return passed * 65537 + tokens;
}
ENTRY
