#include "bench.h"
// A DNS question at byte 512: header fields byte by byte, then 192 bytes of labels hashed without regard to case (FNV-1a)
#define BE16(p) ((u32)((p)[0] << 8 | (p)[1]))
INLINE u64 core(u8 *d, u8 *e) {
  u8 *header = d + 512;
  if (header + 12 > e) return 1;
  u32 id = BE16(header), flags = BE16(header + 2), questions = BE16(header + 4), answers = BE16(header + 6);
  if (flags == 0xffff) return 2;
  u8 *p = header + 12;
  u32 hash = 0x811c9dc5, labels = 0, left = 0;
  NOUNROLL for (u32 i = 0; i < 192; i++) {
    if (p + 5 > e) return 3;
    u32 c = *p++;
    if (left == 0) {
      left = c & 63;
      if (left == 0) break;
      labels++;
      c = '.';
    } else {
      left--;
      if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    }
    hash = (hash ^ c) * 16777619;
  }
  u32 type = BE16(p), class = BE16(p + 2);
  return hash + id * 3 + questions * 5 + answers * 7 + labels * 11 + type * 13 + class * 17;
}
ENTRY
