#include "bench.h"
// The SHA-256 compression of one 64-byte block: the schedule in 64 words on the stack, the rounds unrolled
#define ROR32(x, r) ROL32(x, 32 - (r))
#define S0(x) (ROR32(x, 2) ^ ROR32(x, 13) ^ ROR32(x, 22))
#define S1(x) (ROR32(x, 6) ^ ROR32(x, 11) ^ ROR32(x, 25))
#define G0(x) (ROR32(x, 7) ^ ROR32(x, 18) ^ ((x) >> 3))
#define G1(x) (ROR32(x, 17) ^ ROR32(x, 19) ^ ((x) >> 10))
#define STEP(a, b, c, d, e, f, g, h, k, w) { \
  u32 t1 = h + S1(e) + ((e & f) ^ (~e & g)) + (k) + (w); \
  u32 t2 = S0(a) + ((a & b) ^ (a & c) ^ (b & c)); \
  d += t1; h = t1 + t2; }
#define EIGHT(i, k0, k1, k2, k3, k4, k5, k6, k7) \
  STEP(a, b, c, dd, ee, f, g, h, k0, w[i]) STEP(h, a, b, c, dd, ee, f, g, k1, w[i + 1]) \
  STEP(g, h, a, b, c, dd, ee, f, k2, w[i + 2]) STEP(f, g, h, a, b, c, dd, ee, k3, w[i + 3]) \
  STEP(ee, f, g, h, a, b, c, dd, k4, w[i + 4]) STEP(dd, ee, f, g, h, a, b, c, k5, w[i + 5]) \
  STEP(c, dd, ee, f, g, h, a, b, k6, w[i + 6]) STEP(b, c, dd, ee, f, g, h, a, k7, w[i + 7])
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 64 > e) return 0;
  u32 w[64];
  NOUNROLL for (u32 i = 0; i < 16; i++) w[i] = bswap32(LD32(d + 4 * i));
  NOUNROLL for (u32 i = 16; i < 64; i++) w[i] = w[i - 16] + G0(w[i - 15]) + w[i - 7] + G1(w[i - 2]);
  u32 a = 0x6a09e667, b = 0xbb67ae85, c = 0x3c6ef372, dd = 0xa54ff53a;
  u32 ee = 0x510e527f, f = 0x9b05688c, g = 0x1f83d9ab, h = 0x5be0cd19;
  EIGHT(0, 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5)
  EIGHT(8, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174)
  EIGHT(16, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da)
  EIGHT(24, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967)
  EIGHT(32, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85)
  EIGHT(40, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070)
  EIGHT(48, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3)
  EIGHT(56, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2)
  return (a + 0x6a09e667) ^ (b + 0xbb67ae85) ^ (c + 0x3c6ef372) ^ (dd + 0xa54ff53a) ^ (ee + 0x510e527f) ^
         (f + 0x9b05688c) ^ (g + 0x1f83d9ab) ^ (h + 0x5be0cd19);
}
ENTRY
