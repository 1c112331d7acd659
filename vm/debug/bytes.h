// SPDX-License-Identifier: Apache-2.0
// Writes the little-endian records of ELF and DWARF.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace skep::debug {

class Bytes {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
  }
  void u8(std::uint32_t value) { put(static_cast<std::uint8_t>(value)); }
  void u16(std::uint32_t value) { put(static_cast<std::uint16_t>(value)); }
  void u32(std::size_t value) { put(static_cast<std::uint32_t>(value)); }
  void u64(std::uint64_t value) { put(value); }
  void uleb(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) u8(static_cast<std::uint32_t>(value & 0x7f) | 0x80);
    u8(static_cast<std::uint32_t>(value));
  }
  void sleb(std::int64_t value) {
    while (value < -0x40 || value > 0x3f) {
      u8((static_cast<std::uint32_t>(value) & 0x7f) | 0x80);
      value >>= 7;
    }
    u8(static_cast<std::uint32_t>(value) & 0x7f);
  }
  /// With the NUL that ends it.
  void text(std::string_view value) {
    for (const char c : value) put(c);
    u8(0);
  }
  void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void align(std::size_t to, std::uint32_t filler = 0) {
    while (bytes_.size() % to != 0) u8(filler);
  }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  /// Writes over the u32 at `at`: a length that is known afterwards.
  void patch_u32(std::size_t at, std::size_t value) {
    const auto word = static_cast<std::uint32_t>(value);
    std::memcpy(bytes_.data() + at, &word, sizeof(word));
  }
  [[nodiscard]] std::span<const std::byte> view() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace skep::debug
