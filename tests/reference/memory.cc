// SPDX-License-Identifier: Apache-2.0
#include "tests/reference/memory.h"

#include <cstring>

#include "base/address.h"
#include "skep/context.h"
#include "skep/context_field.h"

namespace skep::reference {
namespace {

/// A UAPI field and where its value lies in the run-time structure.
struct FieldRow {
  ContextKind context{};
  std::uint32_t offset = 0, size = 0;
  FieldValue kind{};
  std::size_t at = 0;
};
using Xdp = XdpContext;
using SkBuff = SkbContext;
constexpr FieldRow kFields[] = {
#define CONTEXT_FIELD(context, name, offset, size, kind, parts, member, ...) \
  {ContextKind::k##context, offset, size, FieldValue::kind, offsetof(context, member)},
#include "skep/tables/contexts.def"
};

std::uint64_t visible_bytes(ContextKind kind, std::size_t given) {
  if (kind == ContextKind::kXdp) return 24;
  if (kind == ContextKind::kSkBuff) return 192;
  return given;
}

std::uint64_t read(const std::byte* from, std::uint32_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, size);
  return value;
}

}  // namespace

Memory::Memory(std::span<std::byte> context, ContextKind kind, std::span<const Region> regions)
    : context_(context), kind_(kind) {
  for (const Region& region : regions) {
    const std::uint64_t start = address_of(region.bytes.data());
    ranges_.push_back({start, start + region.bytes.size(), region.writable});
  }
}

void Memory::allow(std::uint64_t address, std::uint64_t size) { ranges_.push_back({address, address + size, true}); }

std::uint64_t Memory::frame_end(std::uint32_t index) const {
  return address_of(stack_.data()) + stack_.size() - std::uint64_t{index} * kFrameBytes;
}

bool Memory::in_context(std::uint64_t address) const {
  const std::uint64_t start = address_of(context_.data());
  return !context_.empty() && address >= start && address - start < visible_bytes(kind_, context_.size());
}

Memory::Range Memory::packet() const {
  if (kind_ == ContextKind::kXdp && context_.size() >= sizeof(XdpContext)) {
    XdpContext xdp;
    std::memcpy(&xdp, context_.data(), sizeof xdp);
    return {xdp.data_meta < xdp.data ? xdp.data_meta : xdp.data, xdp.data_end};
  }
  if (kind_ == ContextKind::kSkBuff && context_.size() >= sizeof(SkbContext)) {
    SkbContext skb;
    std::memcpy(&skb, context_.data(), sizeof skb);
    return {skb.data_meta != 0 && skb.data_meta < skb.data ? skb.data_meta : skb.data, skb.data_end};
  }
  return {};
}

bool Memory::may_touch(std::uint64_t address, std::uint32_t size, Access access) const {
  const std::uint64_t stack_end = frame_end(0);
  if (Range{stack_end - std::uint64_t{frames_} * kFrameBytes, stack_end}.contains(address, size)) return true;
  const bool plain_context = kind_ != ContextKind::kXdp && kind_ != ContextKind::kSkBuff;
  const std::uint64_t start = address_of(context_.data());
  if (plain_context && Range{start, start + context_.size()}.contains(address, size)) return true;
  if (packet().contains(address, size)) return true;
  for (const Range& range : ranges_)
    if (range.contains(address, size) && (access == Access::kRead || range.writable)) return true;
  return false;
}

// A field is read byte by byte, so that narrow and wide accesses of scalars need no rule; a packet pointer is read
// whole.
std::optional<std::uint64_t> Memory::load_field(std::uint64_t offset, std::uint32_t size) const {
  std::uint64_t value = 0;
  for (std::uint32_t byte = 0; byte < size; ++byte) {
    bool found = false;
    for (const FieldRow& row : kFields) {
      const std::uint64_t at = offset + byte;
      if (row.context != kind_ || at < row.offset || at >= row.offset + row.size) continue;
      if (row.kind != FieldValue::Scalar)
        return at == row.offset && size == row.size && byte == 0 ? std::optional{read(context_.data() + row.at, 8)}
                                                                 : std::nullopt;
      value |= read(context_.data() + row.at + (at - row.offset), 1) << 8 * byte;
      found = true;
    }
    if (!found) return std::nullopt;
  }
  return value;
}

bool Memory::store_field(std::uint64_t offset, std::uint32_t size, std::uint64_t value) {
  for (std::uint32_t byte = 0; byte < size; ++byte) {
    bool found = false;
    for (const FieldRow& row : kFields) {
      const std::uint64_t at = offset + byte;
      if (row.context != kind_ || row.kind != FieldValue::Scalar || at < row.offset || at >= row.offset + row.size)
        continue;
      context_[row.at + (at - row.offset)] = static_cast<std::byte>(value >> 8 * byte & 0xff);
      found = true;
    }
    if (!found) return false;
  }
  return true;
}

std::optional<std::uint64_t> Memory::load(std::uint64_t address, std::uint32_t size) const {
  const bool structured = kind_ == ContextKind::kXdp || kind_ == ContextKind::kSkBuff;
  if (structured && in_context(address)) return load_field(address - address_of(context_.data()), size);
  if (!may_touch(address, size, Access::kRead)) return std::nullopt;
  return read(from_address<const std::byte>(address), size);
}

bool Memory::store(std::uint64_t address, std::uint32_t size, std::uint64_t value) {
  const bool structured = kind_ == ContextKind::kXdp || kind_ == ContextKind::kSkBuff;
  if (structured && in_context(address)) return store_field(address - address_of(context_.data()), size, value);
  if (!may_touch(address, size, Access::kWrite)) return false;
  std::memcpy(from_address<std::byte>(address), &value, size);
  return true;
}

// Offsets below zero count from the link-layer header (SKF_LL_OFF) or from the network header (SKF_NET_OFF) of the
// packet (linux/filter.h); data begins at the former, but for cgroup_skb, where it begins at the latter.
std::optional<std::uint64_t> Memory::load_packet(std::uint64_t context, std::int64_t offset, std::uint32_t size,
                                                 ProgramType type) const {
  constexpr std::int64_t kLinkLayer = -0x200000, kNetwork = -0x100000, kEthernetHeader = 14;
  if (kind_ != ContextKind::kSkBuff || context != address_of(context_.data()) || offset < kLinkLayer)
    return std::nullopt;
  SkbContext skb;
  std::memcpy(&skb, context_.data(), sizeof skb);
  const std::int64_t to_network = type == ProgramType::kCgroupSkb ? 0 : kEthernetHeader;
  std::int64_t from_data = offset;
  if (offset < 0)
    from_data =
        offset >= kNetwork ? offset - kNetwork + to_network : offset - kLinkLayer + to_network - kEthernetHeader;
  const auto at = static_cast<std::int64_t>(skb.data) + from_data;
  const auto start = static_cast<std::int64_t>(offset < 0 ? skb.frame_start : skb.data);
  if (at < start || at + size > static_cast<std::int64_t>(skb.data_end)) return std::nullopt;
  std::uint64_t value = 0;
  for (std::uint32_t byte = 0; byte < size; ++byte)
    value = value << 8 | read(from_address<const std::byte>(static_cast<std::uint64_t>(at) + byte), 1);
  return value;
}

}  // namespace skep::reference
