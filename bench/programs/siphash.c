#include "bench.h"
// SipHash-2-4 of 64 bytes: 64-bit adds, rotates, xors
#define SIPROUND { v0 += v1; v1 = ROL64(v1, 13); v1 ^= v0; v0 = ROL64(v0, 32); v2 += v3; v3 = ROL64(v3, 16); v3 ^= v2; \
  v0 += v3; v3 = ROL64(v3, 21); v3 ^= v0; v2 += v1; v1 = ROL64(v1, 17); v1 ^= v2; v2 = ROL64(v2, 32); }
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 64 > e) return 0;
  u64 k0 = 0x0706050403020100ULL, k1 = 0x0f0e0d0c0b0a0908ULL;
  u64 v0 = k0 ^ 0x736f6d6570736575ULL, v1 = k1 ^ 0x646f72616e646f6dULL;
  u64 v2 = k0 ^ 0x6c7967656e657261ULL, v3 = k1 ^ 0x7465646279746573ULL;
  NOUNROLL for (u32 i = 0; i < 64; i += 8) {
    u64 m = LD64(d + i);
    v3 ^= m;
    SIPROUND SIPROUND
    v0 ^= m;
  }
  v3 ^= 64ULL << 56;
  SIPROUND SIPROUND
  v0 ^= 64ULL << 56;
  v2 ^= 0xff;
  SIPROUND SIPROUND SIPROUND SIPROUND
  u64 h = v0 ^ v1 ^ v2 ^ v3;
  return h ^ (h >> 32);
}
ENTRY
