#include "bench.h"
// Jump consistent hash in integers: 16 flows to one of 1,000 backends, a 64-bit division a jump
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 640 > e) return 0;
  u64 sum = 0;
  NOUNROLL for (u32 flow = 0; flow < 16; flow++) {
    u64 key = LD64(d + 512 + 8 * flow), bucket = 0, next = 0;
    NOUNROLL for (u32 i = 0; i < 32; i++) {
      if (next >= 1000) break;
      bucket = next;
      key = key * 2862933555777941757ULL + 1;
      next = ((bucket + 1) << 31) / ((key >> 33) + 1);
    }
    sum = sum * 1009 + bucket;
  }
  return sum ^ (sum >> 32);
}
ENTRY
