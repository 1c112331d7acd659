#include "bench.h"
// Source NAT of an IPv4/TCP packet with options: TTL, address and port change, both checksums are patched (RFC 1624),
// the TCP options are walked for the MSS. The new headers are summed up instead of written.
INLINE u32 fold(u32 sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}
INLINE u16 patch16(u16 check, u16 from, u16 to) { return ~fold((u16)~check + (u16)~from + to); }
INLINE u16 patch32(u16 check, u32 from, u32 to) {
  return patch16(patch16(check, from & 0xffff, to & 0xffff), from >> 16, to >> 16);
}
INLINE u64 core(u8 *d, u8 *e) {
  u8 *ip = d + 14;
  if (ip + 20 > e) return 0;
  if (d[12] != 0x08 || d[13] != 0x00 || (ip[0] >> 4) != 4) return 1;
  u32 ihl = (ip[0] & 15) * 4;
  if (ihl < 20 || ip[9] != 6) return 1;
  u8 *tcp = ip + ihl;
  if (tcp + 20 > e) return 2;
  u32 from = LD32(ip + 12), to = bswap32(0xcb007100 | (bswap32(from) & 0xff));
  u16 port = LD16(tcp), new_port = bswap16(32768 + ((bswap32(from) * 0x9e3779b1u) >> 18));
  u16 ip_check = LD16(ip + 10), tcp_check = LD16(tcp + 16);
  u16 ttl = LD16(ip + 8), new_ttl = ttl - 1;
  if ((ttl & 0xff) <= 1) return 3;
  ip_check = patch16(patch32(ip_check, from, to), ttl, new_ttl);
  tcp_check = patch16(patch32(tcp_check, from, to), port, new_port);
  // At most ten options in 40 bytes; where the header says that there are none, the payload stands in for them.
  u32 left = 40, mss = 0, seen = 0;
  u8 *option = tcp + 20;
  NOUNROLL for (u32 i = 0; i < 10; i++) {
    if (left == 0 || option + 4 > e) break;
    u32 kind = option[0] & 7;
    if (kind == 0) break;
    u32 length = 1;
    if (kind != 1) length = (option[1] & 7) + 2;
    if (length > left) break;
    if (kind == 2) mss = option[2] << 8 | option[3];
    seen |= 1u << kind;
    option += length;
    left -= length;
  }
  return to + new_port * 3 + ip_check * 5 + tcp_check * 7 + mss * 11 + seen * 13;
}
ENTRY
