// SPDX-License-Identifier: Apache-2.0
// Reads little-endian records out of bytes that nobody vouches for.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace skep {

static_assert(std::endian::native == std::endian::little, "skep runs on little-endian hosts only");

/// The T at `offset`; nullopt: it does not lie within `bytes`.
template <class T>
std::optional<T> read_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// `size` bytes from `offset` on; nullopt: they do not lie within `bytes`.
inline std::optional<std::span<const std::byte>> slice(std::span<const std::byte> bytes, std::uint64_t offset,
                                                       std::uint64_t size) {
  if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

/// The NUL-terminated text at `offset` of a string table; nullopt: it does not begin or does not end in the table.
inline std::optional<std::string_view> text_at(std::string_view table, std::uint64_t offset) {
  if (offset >= table.size()) return std::nullopt;
  const std::size_t end = table.find('\0', static_cast<std::size_t>(offset));
  if (end == std::string_view::npos) return std::nullopt;
  return table.substr(static_cast<std::size_t>(offset), end - static_cast<std::size_t>(offset));
}

}  // namespace skep
