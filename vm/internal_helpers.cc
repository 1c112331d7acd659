// SPDX-License-Identifier: Apache-2.0
#include "vm/internal_helpers.h"

#include <cstring>

#include "base/address.h"
#include "lower/internal_helpers.h"
#include "skep/context.h"
#include "skep/env.h"

namespace skep {
namespace {

// Offsets from here on count from another place (linux/filter.h: SKF_LL_OFF, SKF_NET_OFF).
constexpr std::int64_t kLinkLayerOffset = -0x200000;
constexpr std::int64_t kNetworkOffset = -0x100000;
constexpr std::uint64_t kEthernetHeader = 14;

/// Where byte `offset` of the packet is, as LD_ABS counts.
std::uint64_t place(const SkbContext& skb, std::int64_t offset, const Env& env) {
  const bool network_first = env.type == ProgramType::kCgroupSkb;
  if (offset >= 0) return skb.data + static_cast<std::uint64_t>(offset);
  if (offset >= kNetworkOffset)
    return skb.data + (network_first ? 0 : kEthernetHeader) + static_cast<std::uint64_t>(offset - kNetworkOffset);
  return skb.data - (network_first ? kEthernetHeader : 0) + static_cast<std::uint64_t>(offset - kLinkLayerOffset);
}

template <class W>
std::uint64_t big_endian(const void* from) {
  W word{};
  std::memcpy(&word, from, sizeof(W));
  if constexpr (sizeof(W) == 1) return word;
  if constexpr (sizeof(W) == 2) return __builtin_bswap16(word);
  return __builtin_bswap32(word);
}

std::uint64_t load_packet(std::uint64_t context, std::uint64_t offset, std::uint64_t size, std::uint64_t, std::uint64_t,
                          Env& env) {
  const auto failed = static_cast<std::uint64_t>(lower::kPacketLoadFailed);
  const auto& skb = *from_address<const SkbContext>(context);
  const auto distance = static_cast<std::int64_t>(static_cast<std::int32_t>(offset));
  if (distance < kLinkLayerOffset) return failed;
  const std::uint64_t at = place(skb, distance, env);
  const std::uint64_t start = distance < 0 ? skb.frame_start : skb.data;
  if (at < start || at > skb.data_end || skb.data_end - at < size) return failed;
  const void* from = from_address<const void>(at);
  return size == 1   ? big_endian<std::uint8_t>(from)
         : size == 2 ? big_endian<std::uint16_t>(from)
                     : big_endian<std::uint32_t>(from);
}

std::uint64_t missing(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, Env& env) {
  env.trap = Trap::kHelper;
  return 0;
}

}  // namespace

HelperFn internal_helper(std::int32_t id) {
  switch (id) {
    case lower::kLoadPacketHelper:
      return load_packet;
    case lower::kMissingHelper:
      return missing;
    default:
      return nullptr;
  }
}

}  // namespace skep
