// SPDX-License-Identifier: Apache-2.0
// A captured packet, and where packets come from.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "skep/result.h"

namespace skep::hooks {

/// An Ethernet frame as it was captured. A view: valid until its source is asked for the next one.
struct Packet {
  std::span<const std::byte> bytes{};  ///< From the Ethernet header on.
  std::uint32_t wire_length = 0;       ///< At least bytes.size(); more when the capture cut the packet.
  std::uint64_t time_ns = 0;           ///< Since 1970.
};

class PacketSource {
 public:
  virtual ~PacketSource() = default;
  /// Nothing: there are no more.
  virtual Result<std::optional<Packet>> next() = 0;
};

/// One packet from memory that the caller keeps.
class SinglePacket final : public PacketSource {
 public:
  explicit SinglePacket(std::span<const std::byte> bytes) : bytes_(bytes) {}
  Result<std::optional<Packet>> next() override {
    if (given_) return std::optional<Packet>();
    given_ = true;
    return std::optional(Packet{.bytes = bytes_, .wire_length = static_cast<std::uint32_t>(bytes_.size())});
  }

 private:
  std::span<const std::byte> bytes_;
  bool given_ = false;
};

}  // namespace skep::hooks
