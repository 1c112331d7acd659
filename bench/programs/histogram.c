#include "bench.h"
// Counts nibbles of 128 bytes on the stack: loads and stores with a variable stack offset
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 128 > e) return 0;
  u32 count[16];
  NOUNROLL for (u32 i = 0; i < 16; i++) *(volatile u32 *)&count[i] = 0;
  NOUNROLL for (u32 i = 0; i < 128; i++) {
    count[d[i] & 15]++;
    count[d[i] >> 4]++;
  }
  u32 mix = 0;
  NOUNROLL for (u32 i = 0; i < 16; i++) mix = mix * 33 + count[i];
  return mix;
}
ENTRY
