// SPDX-License-Identifier: Apache-2.0
// Sending packets elsewhere: the context says where to, who runs the program does it.
#include <cstring>

#include "helpers/helpers.h"
#include "helpers/packet.h"
#include "skep/map.h"

namespace skep::helpers {
namespace {

constexpr Word kXdpAborted = 0, kXdpRedirect = 4, kTcShot = 2, kTcRedirect = 7;

}  // namespace

Word redirect(Word ifindex, Word flags, Word, Word, Word, Env& env) {
  constexpr Word kIngress = 1;
  if (env.type == ProgramType::kXdp) {
    if (flags != 0) return kXdpAborted;
    XdpContext& xdp = *static_cast<XdpContext*>(env.context);
    xdp.redirect_ifindex = low32(ifindex);
    xdp.redirect_map = 0;
    return kXdpRedirect;
  }
  if ((flags & ~kIngress) != 0) return kTcShot;
  SkbContext& skb = *static_cast<SkbContext*>(env.context);
  skb.redirect_ifindex = low32(ifindex);
  skb.redirect_flags = flags;
  return kTcRedirect;
}

Word redirect_map(Word map, Word key, Word flags, Word, Word, Env& env) {
  constexpr Word kAction = 3, kBroadcast = 1u << 3, kExcludeIngress = 1u << 4;
  Map& targets = *from_address<Map>(map);
  const bool devices = targets.spec().type == MapType::kDevMap || targets.spec().type == MapType::kDevMapHash;
  if ((flags & ~(kAction | (devices ? kBroadcast | kExcludeIngress : 0))) != 0) return kXdpAborted;
  const std::uint32_t index = low32(key);
  const void* value = targets.lookup(&index, env.cpu);
  if (value == nullptr && (flags & kBroadcast) == 0) return flags & kAction;
  XdpContext& xdp = *static_cast<XdpContext*>(env.context);
  xdp.redirect_map = map;
  xdp.redirect_key = index;
  xdp.redirect_flags = flags;
  xdp.redirect_ifindex = 0;
  if (devices && value != nullptr) std::memcpy(&xdp.redirect_ifindex, value, sizeof xdp.redirect_ifindex);
  return kXdpRedirect;
}

}  // namespace skep::helpers
