#include "bench.h"
// MurmurHash3 (32 bit) of a key whose length the packet says: blocks of four bytes, then a switch on what is left
INLINE u32 mix(u32 k) { k *= 0xcc9e2d51; k = ROL32(k, 15); return k * 0x1b873593; }
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 640 > e) return 0;
  u32 length = 96 + (d[17] & 31);  // Of the IPv4 header's total length.
  u8 *p = d + 512;
  u32 h = 0x9747b28c;
  NOUNROLL for (u32 i = 0; i < length / 4; i++) {
    h ^= mix(LD32(p));
    h = ROL32(h, 13) * 5 + 0xe6546b64;
    p += 4;
    if (p + 4 > e) return 0;
  }
  u32 k = 0;
  switch (length & 3) {
    case 3: k ^= p[2] << 16;  // fallthrough
    case 2: k ^= p[1] << 8;   // fallthrough
    case 1: k ^= p[0]; h ^= mix(k);
  }
  h ^= length;
  h ^= h >> 16; h *= 0x85ebca6b; h ^= h >> 13; h *= 0xc2b2ae35; h ^= h >> 16;
  return h;
}
ENTRY
