#include "bench.h"
// Receive-side-scaling hash of an IPv4/TCP tuple: bit tests and conditional xors
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 54 > e) return 0;
  u64 key = 0x6d5a56da255b0ec2ULL, next = 0x4167253d43a38fb0ULL;
  u32 hash = 0;
  NOUNROLL for (u32 i = 0; i < 12; i++) {
    u32 byte = d[26 + i];
    NOUNROLL for (u32 bit = 0; bit < 8; bit++) {
      if (byte & (0x80 >> bit)) hash ^= (u32)(key >> 32);
      key = (key << 1) | (next >> 63);
      next = (next << 1) | (next >> 63);
    }
  }
  return hash;
}
ENTRY
