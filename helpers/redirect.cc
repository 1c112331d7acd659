// SPDX-License-Identifier: Apache-2.0
// Sending packets elsewhere: the context says where to, who runs the program does it.
#include <cstring>

#include "helpers/direct.h"
#include "helpers/helpers.h"
#include "helpers/packet.h"
#include "maps/redirect_targets.h"
#include "skep/map.h"

namespace skep::helpers {
namespace {

constexpr Word kXdpAborted = 0, kXdpRedirect = 4, kTcShot = 2, kTcRedirect = 7;

enum class Targets : std::uint8_t { kDevices, kOthers };

constexpr Targets targets_of(MapType type) {
  return type == MapType::kDevMap || type == MapType::kDevMapHash ? Targets::kDevices : Targets::kOthers;
}

/// `lookup(index)`: the value, or nullptr.
template <class Lookup>
Word redirect_by_map(Word map, Word key, Word flags, Targets targets, Lookup lookup, const Env& env) {
  constexpr Word kAction = 3, kBroadcast = 1u << 3, kExcludeIngress = 1u << 4;
  const bool devices = targets == Targets::kDevices;
  if ((flags & ~(kAction | (devices ? kBroadcast | kExcludeIngress : 0))) != 0) return kXdpAborted;
  const std::uint32_t index = low32(key);
  const void* value = lookup(&index);
  if (value == nullptr && (flags & kBroadcast) == 0) return flags & kAction;
  XdpContext& xdp = *static_cast<XdpContext*>(env.context);
  xdp.redirect_map = map;
  xdp.redirect_key = index;
  xdp.redirect_flags = flags;
  xdp.redirect_ifindex = 0;
  if (devices && value != nullptr) std::memcpy(&xdp.redirect_ifindex, value, sizeof xdp.redirect_ifindex);
  return kXdpRedirect;
}

template <class M, Targets kTargets>
Word redirect_by(Word map, Word key, Word flags, Word, Word, Env& env) {
  M& targets = static_cast<M&>(*from_address<Map>(map));
  const auto lookup = [&](const std::uint32_t* index) { return targets.M::lookup(index, env.cpu); };
  return redirect_by_map(map, key, flags, kTargets, lookup, env);
}

}  // namespace

HelperFn redirect_map_for(MapType type) {
  if (type == MapType::kDevMap) return &redirect_by<maps::DevMap, Targets::kDevices>;
  if (type == MapType::kDevMapHash) return &redirect_by<maps::DevMapHash, Targets::kDevices>;
  if (type == MapType::kCpuMap) return &redirect_by<maps::CpuMap, Targets::kOthers>;
  if (type == MapType::kXskMap) return &redirect_by<maps::XskMap, Targets::kOthers>;
  return nullptr;
}

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
  Map& targets = *from_address<Map>(map);
  const auto lookup = [&](const std::uint32_t* index) { return targets.lookup(index, env.cpu); };
  return redirect_by_map(map, key, flags, targets_of(targets.spec().type), lookup, env);
}

}  // namespace skep::helpers
