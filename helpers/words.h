// SPDX-License-Identifier: Apache-2.0
// Between the words that helpers get and give, and what they mean.
#pragma once
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.h"

namespace skep::helpers {

using Word = std::uint64_t;

/// ENOTSUPP of the kernel, which errno.h does not have.
inline constexpr int kNotSupported = 524;

/// A result that may be negative.
constexpr Word result(std::int64_t value) { return static_cast<Word>(value); }
constexpr Word failure(int error_number) { return result(-std::int64_t{error_number}); }
constexpr std::uint32_t low32(Word word) { return static_cast<std::uint32_t>(word); }

inline std::byte* bytes_at(Word address) { return from_address<std::byte>(address); }
inline std::span<std::byte> memory_at(Word address, Word size) { return {bytes_at(address), size}; }
inline std::span<const std::byte> constant_at(Word address, Word size) { return {bytes_at(address), size}; }

}  // namespace skep::helpers
