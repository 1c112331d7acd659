#include "bench.h"
// 24 words of a bitmap: population count, lowest and highest bit, and a walk over the set bits of each eighth word
INLINE u32 lowest(u64 v) {
  u32 r = 0;
  if (!(u32)v) { r = 32; v >>= 32; }
  if (!(v & 0xffff)) { r += 16; v >>= 16; }
  if (!(v & 0xff)) { r += 8; v >>= 8; }
  if (!(v & 0xf)) { r += 4; v >>= 4; }
  if (!(v & 3)) { r += 2; v >>= 2; }
  return r + !(v & 1);
}
INLINE u32 highest(u32 v) {
  u32 r = (v > 0xffff) << 4, shift;
  v >>= r;
  shift = (v > 0xff) << 3; v >>= shift; r |= shift;
  shift = (v > 0xf) << 2; v >>= shift; r |= shift;
  shift = (v > 0x3) << 1; v >>= shift; r |= shift;
  return r | (v >> 1);
}
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 768 > e) return 0;
  u64 sum = 0;
  NOUNROLL for (u32 i = 0; i < 24; i++) {
    u64 word = LD64(d + 512 + 8 * i) | 1ULL << 40;
    sum += __builtin_popcountll(word);
    sum += lowest(word) * 3;
    sum += (32 + highest(word >> 32)) * 5;
    if (i & 7) continue;
    NOUNROLL for (u32 n = 0; n < 64; n++) {
      if (!word) break;
      sum = sum * 3 + lowest(word);
      word &= word - 1;
    }
  }
  return sum ^ (sum >> 32);
}
ENTRY
