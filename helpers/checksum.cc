// SPDX-License-Identifier: Apache-2.0
// Internet checksums (RFC 1071, RFC 1624): sums of 16-bit words in one's complement, in the packet's byte order.
#include <algorithm>
#include <cstring>

#include "helpers/helpers.h"
#include "helpers/packet.h"

namespace skep::helpers {
namespace {

std::uint32_t add(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t sum = std::uint64_t{a} + b;
  return static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(sum >> 32);
}
std::uint32_t subtract(std::uint32_t a, std::uint32_t b) { return add(a, ~b); }

/// Sum over `size` bytes, the last of an odd number followed by zero.
std::uint32_t sum_words(Word address, std::uint32_t size, std::uint32_t sum) {
  for (std::uint32_t at = 0; at < size; at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes_at(address) + at, std::min<std::size_t>(sizeof word, size - at));
    sum = add(sum, word);
  }
  return sum;
}
std::uint16_t fold(std::uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

enum class FieldSize : std::uint8_t { kDifference = 0, kTwo = 2, kFour = 4 };
/// The checksum field in the packet that the arguments mean, or an errno.
struct Field {
  int error = 0;
  std::byte* at = nullptr;
};
Field checksum_field(const SkbContext& skb, Word offset) {
  const PacketBytes packet = packet_of(skb);
  if (low32(offset) > 0xffff || low32(offset) % 2 != 0 || low32(offset) + 2 > packet.size())
    return {.error = EFAULT, .at = nullptr};
  return {.error = 0, .at = packet.data() + low32(offset)};
}
std::uint16_t load16(const std::byte* at) {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}
void store16(std::byte* at, std::uint16_t value) { std::memcpy(at, &value, sizeof value); }

/// Applies a change of `from` to `to` of the size that `flags` names. 0 or an errno.
int replace(std::byte* at, Word from, Word to, Word flags) {
  constexpr Word kSizeMask = 0xf;
  const std::uint32_t sum = static_cast<std::uint16_t>(~load16(at));
  switch (flags & kSizeMask) {
    case static_cast<Word>(FieldSize::kDifference):
      if (from != 0) return EINVAL;
      store16(at, static_cast<std::uint16_t>(~fold(add(low32(to), sum))));
      return 0;
    case static_cast<Word>(FieldSize::kTwo): {
      const std::uint32_t old = static_cast<std::uint16_t>(~from);
      const std::uint32_t now = static_cast<std::uint16_t>(to);
      store16(at, static_cast<std::uint16_t>(~fold(fold(sum + old) + now)));
      return 0;
    }
    case static_cast<Word>(FieldSize::kFour):
      store16(at, static_cast<std::uint16_t>(~fold(add(subtract(sum, low32(from)), low32(to)))));
      return 0;
    default:
      return EINVAL;
  }
}

}  // namespace

// Folded to 16 bits, and any sizes taken, as Linux does since 6.13.
Word csum_diff(Word from, Word from_size, Word to, Word to_size, Word seed, Env&) {
  std::uint32_t sum = low32(seed);
  if (low32(from_size) != 0 && low32(to_size) != 0) {
    sum = subtract(sum_words(to, low32(to_size), sum), sum_words(from, low32(from_size), 0));
  } else if (low32(to_size) != 0) {
    sum = sum_words(to, low32(to_size), sum);
  } else if (low32(from_size) != 0) {
    sum = ~sum_words(from, low32(from_size), ~sum);
  }
  return fold(sum);
}

Word l3_csum_replace(Word context, Word offset, Word from, Word to, Word flags, Env&) {
  if ((flags & ~Word{0xf}) != 0) return failure(EINVAL);
  const Field field = checksum_field(skb_at(context), offset);
  if (field.error != 0) return failure(field.error);
  const int error = replace(field.at, from, to, flags);
  return error != 0 ? failure(error) : 0;
}

Word l4_csum_replace(Word context, Word offset, Word from, Word to, Word flags, Env&) {
  constexpr Word kPseudoHeader = 0x10, kMarkMangled0 = 0x20, kMarkEnforce = 0x40, kIpv6 = 0x80;
  if ((flags & ~(Word{0xf} | kPseudoHeader | kMarkMangled0 | kMarkEnforce | kIpv6)) != 0) return failure(EINVAL);
  const Field field = checksum_field(skb_at(context), offset);
  if (field.error != 0) return failure(field.error);
  // UDP over IPv4: a checksum of 0 means that there is none, and one that comes out as 0 is sent as 0xffff.
  const bool zero_is_none = (flags & kMarkMangled0) != 0;
  if (zero_is_none && (flags & kMarkEnforce) == 0 && load16(field.at) == 0) return 0;
  if (const int error = replace(field.at, from, to, flags); error != 0) return failure(error);
  if (zero_is_none && load16(field.at) == 0) store16(field.at, 0xffff);
  return 0;
}

// Packets here carry no checksum that hardware computed, the only one that Linux would update.
Word csum_update(Word, Word, Word, Word, Word, Env&) { return failure(kNotSupported); }

}  // namespace skep::helpers
