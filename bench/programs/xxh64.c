#include "bench.h"
// xxHash64 of 244 bytes: four lanes of 64-bit multiply and rotate, then the tail of 8, 4 and 1 bytes
#define P1 0x9e3779b185ebca87ULL
#define P2 0xc2b2ae3d27d4eb4fULL
#define P3 0x165667b19e3779f9ULL
#define P4 0x85ebca77c2b2ae63ULL
#define P5 0x27d4eb2f165667c5ULL
INLINE u64 lane(u64 acc, u64 input) { acc += input * P2; return ROL64(acc, 31) * P1; }
INLINE u64 merge(u64 acc, u64 value) { acc ^= lane(0, value); return acc * P1 + P4; }
INLINE u64 core(u8 *d, u8 *e) {
  const u32 length = 246;
  if (d + 246 > e) return 0;
  u64 v1 = P1 + P2, v2 = P2, v3 = 0, v4 = -P1;
  u8 *p = d;
  NOUNROLL for (u32 i = 0; i < length / 32; i++) {
    v1 = lane(v1, LD64(p)); v2 = lane(v2, LD64(p + 8)); v3 = lane(v3, LD64(p + 16)); v4 = lane(v4, LD64(p + 24));
    p += 32;
  }
  u64 h = ROL64(v1, 1) + ROL64(v2, 7) + ROL64(v3, 12) + ROL64(v4, 18);
  h = merge(h, v1); h = merge(h, v2); h = merge(h, v3); h = merge(h, v4);
  h += length;
  NOUNROLL for (u32 i = 0; i < length % 32 / 8; i++) {
    h ^= lane(0, LD64(p));
    h = ROL64(h, 27) * P1 + P4;
    p += 8;
  }
  h ^= LD32(p) * P1;
  h = ROL64(h, 23) * P2 + P3;
  p += 4;
  NOUNROLL for (u32 i = 0; i < 2; i++) {
    h ^= *p++ * P5;
    h = ROL64(h, 11) * P1;
  }
  h ^= h >> 33; h *= P2; h ^= h >> 29; h *= P3; h ^= h >> 32;
  return h ^ (h >> 32);
}
ENTRY
