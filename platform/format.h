// SPDX-License-Identifier: Apache-2.0
// The format strings of bpf_snprintf, bpf_trace_printk and their like: %d %i %u %x %X with l and ll, %c, %s, %p, %pK,
// %px, %ps, %pS, %pB, %pks, %pus, %pI4, %pi4, %pI6, %pi6, %%, with the flags "0+- " and a width. The verifier asks
// whether a format is one, helpers write it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace skep {

struct FormatSpecifier {
  enum class Kind : std::uint8_t { kSigned, kUnsigned, kHex, kUpperHex, kChar, kString, kPointer, kSymbol, kIp };
  Kind kind{};
  bool left = false, zero = false, plus = false, space = false;
  std::size_t width = 0;
  bool wide = false;      ///< 64-bit.
  std::string_view name;  ///< kIp: "I4", "i6"...
};
/// A character of the text, or what an argument is written as.
using FormatPiece = std::variant<char, FormatSpecifier>;

/// Reads one piece and moves `rest`, which is not empty, past it; nullopt: Linux 6.18 refuses the format.
std::optional<FormatPiece> read_format(std::string_view& rest);
/// Linux takes `format` with so many arguments; some may be left over.
bool is_format(std::string_view format, std::size_t arguments);

}  // namespace skep
