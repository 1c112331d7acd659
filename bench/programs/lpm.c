#include "bench.h"
// Longest prefix match of 16 addresses against 24 routes on the stack, longest first
struct route { u32 prefix, shift, hop; };
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 768 > e) return 0;
  struct route routes[24];
  NOUNROLL for (u32 i = 0; i < 24; i++) {
    u32 word = LD32(d + 512 + 4 * i), shift = 22 + i / 3;
    routes[i].prefix = bswap32(word) >> shift;
    routes[i].shift = shift;
    routes[i].hop = word >> 24;
  }
  u32 sum = 0;
  NOUNROLL for (u32 a = 0; a < 16; a++) {
    u32 address = bswap32(LD32(d + 640 + 4 * a)), hop = 255;
    NOUNROLL for (u32 i = 0; i < 24; i++) {
      if (address >> (routes[i].shift & 31) != routes[i].prefix) continue;
      hop = routes[i].hop;
      break;
    }
    sum = sum * 33 + hop;
  }
  return sum;
}
ENTRY
