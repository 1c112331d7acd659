#include "bench.h"
// Port ranges: 24 binary searches in a sorted table of 32 on the stack
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 640 > e) return 0;
  u16 ports[32];
  u32 port = 0;
  NOUNROLL for (u32 i = 0; i < 32; i++) {
    port += 1 + (d[512 + i] << 3);
    ports[i] = port;
  }
  u32 sum = 0;
  NOUNROLL for (u32 i = 0; i < 24; i++) {
    u32 wanted = LD16(d + 544 + 2 * i), low = 0;
    NOUNROLL for (u32 half = 16; half > 0; half >>= 1)
      if (ports[(low + half) & 31] <= wanted) low += half;
    sum = sum * 31 + low;
  }
  return sum;
}
ENTRY
