#include "bench.h"
// XTEA, 32 rounds on 8 blocks: 32-bit shifts by constants, key chosen by a variable
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 64 > e) return 0;
  u32 sum_out = 0;
  NOUNROLL for (u32 b = 0; b < 64; b += 8) {
    u32 v0 = LD32(d + b), v1 = LD32(d + b + 4), sum = 0;
    NOUNROLL for (u32 i = 0; i < 32; i++) {
      u32 k0 = (sum & 1) ? 0x9f1c2d3e : 0x11a2b3c4;
      v0 += (((v1 << 4) ^ (v1 >> 5)) + v1) ^ (sum + k0);
      sum += 0x9e3779b9;
      u32 k1 = (sum & 0x800) ? 0x5a6b7c8d : 0x0badcafe;
      v1 += (((v0 << 4) ^ (v0 >> 5)) + v0) ^ (sum + k1);
    }
    sum_out ^= v0 + 31 * v1;
  }
  return sum_out;
}
ENTRY
