#include "bench.h"
// One ChaCha20 block (RFC 8439): key and nonce from the packet, the stream XORed into 64 bytes of it
#define QUARTER(a, b, c, d) { a += b; d ^= a; d = ROL32(d, 16); c += d; b ^= c; b = ROL32(b, 12); \
  a += b; d ^= a; d = ROL32(d, 8); c += d; b ^= c; b = ROL32(b, 7); }
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 112 > e) return 0;
  u32 x[16];
  x[0] = 0x61707865; x[1] = 0x3320646e; x[2] = 0x79622d32; x[3] = 0x6b206574;
  for (u32 i = 0; i < 12; i++) x[4 + i] = LD32(d + 4 * i);
  NOUNROLL for (u32 round = 0; round < 10; round++) {
    QUARTER(x[0], x[4], x[8], x[12]) QUARTER(x[1], x[5], x[9], x[13])
    QUARTER(x[2], x[6], x[10], x[14]) QUARTER(x[3], x[7], x[11], x[15])
    QUARTER(x[0], x[5], x[10], x[15]) QUARTER(x[1], x[6], x[11], x[12])
    QUARTER(x[2], x[7], x[8], x[13]) QUARTER(x[3], x[4], x[9], x[14])
  }
  u32 sum = 0x61707865 ^ x[0] ^ x[1] ^ x[2] ^ x[3];
  for (u32 i = 0; i < 12; i++) sum = sum * 31 + ((x[4 + i] + LD32(d + 4 * i)) ^ LD32(d + 48 + 4 * i));
  return sum;
}
ENTRY
