#include "bench.h"
// Validates 256 bytes as UTF-8, resynchronising at each error: branches on byte classes
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 768 > e) return 0;
  u32 need = 0, low = 0x80, high = 0xbf, good = 0, bad = 0;
  NOUNROLL for (u32 i = 0; i < 256; i++) {
    u32 c = d[512 + i];
    if (need) {
      if (c >= low && c <= high) {
        low = 0x80;
        high = 0xbf;
        if (--need == 0) good++;
        continue;
      }
      need = 0;
      low = 0x80;
      high = 0xbf;
      bad++;
    }
    if (c < 0x80) {
      good++;
    } else if (c >= 0xc2 && c <= 0xdf) {
      need = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
      need = 2;
      if (c == 0xe0) low = 0xa0;
      if (c == 0xed) high = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
      need = 3;
      if (c == 0xf0) low = 0x90;
      if (c == 0xf4) high = 0x8f;
    } else {
      bad++;
    }
  }
  return good * 65536 + bad;
}
ENTRY
