// SPDX-License-Identifier: Apache-2.0
// The packet behind a context.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "helpers/words.h"
#include "skep/context.h"
#include "skep/env.h"

namespace skep::helpers {

using PacketBytes = std::span<std::byte>;

/// Shortest Ethernet frame that Linux lets XDP programs make.
inline constexpr Word kEthernetHeader = 14;

inline XdpContext& xdp_at(Word address) { return *from_address<XdpContext>(address); }
inline SkbContext& skb_at(Word address) { return *from_address<SkbContext>(address); }
inline PacketBytes packet_of(const XdpContext& xdp) { return memory_at(xdp.data, xdp.data_end - xdp.data); }
inline PacketBytes packet_of(const SkbContext& skb) { return memory_at(skb.data, skb.data_end - skb.data); }
/// nullopt: the program's contexts hold no packet.
std::optional<PacketBytes> packet_of(Word context, const Env& env);

}  // namespace skep::helpers
