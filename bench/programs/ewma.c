#include "bench.h"
// Round-trip estimation over 48 samples (RFC 6298, fixed point), a mean per 8 samples and the square root of the
// variance by Newton's method: signed arithmetic, 64-bit divisions
INLINE u64 root(u64 value) {
  u64 x = value / 2 + 1;
  NOUNROLL for (u32 i = 0; i < 6; i++) x = (x + value / x) / 2 + 1;
  return x;
}
INLINE u64 core(u8 *d, u8 *e) {
  if (d + 768 > e) return 0;
  s64 srtt = 0, rttvar = 0;
  u64 total = 0, squares = 0, out = 0, samples = 0;
  NOUNROLL for (u32 i = 0; i < 48; i++) {
    s64 sample = (LD32(d + 512 + 4 * i) & 0xffff) + 100;
    if (i == 0) {
      srtt = sample << 3;
      rttvar = sample << 1;
    } else {
      s64 delta = sample - (srtt >> 3);
      srtt += delta;
      if (delta < 0) delta = -delta;
      rttvar += delta - (rttvar >> 2);
    }
    total += sample;
    squares += sample * sample;
    samples++;
    if ((i & 7) != 7) continue;
    u64 mean = total / samples;
    u64 variance = squares / samples - mean * mean;
    out = out * 31 + mean + root(variance);
  }
  out += (srtt >> 3) + rttvar;
  return out ^ (out >> 32);
}
ENTRY
