// SPDX-License-Identifier: Apache-2.0
#include "tools/hex.h"

#include <algorithm>

namespace skep::tools {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<std::vector<std::byte>> parse_hex(std::string_view text) {
  std::vector<std::byte> bytes;
  bool between_groups = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (kSpace.find(text[at]) != std::string_view::npos) {
      between_groups = true;
      continue;
    }
    if (between_groups && (text.substr(at).starts_with("0x") || text.substr(at).starts_with("0X"))) {
      ++at;
      between_groups = false;
      continue;
    }
    between_groups = false;
    const int high = digit(text[at]);
    const int low = at + 1 < text.size() ? digit(text[at + 1]) : -1;
    if (high < 0 || low < 0)
      return Error{Errc::kMalformed,
                   "character " + std::to_string(at + 1) + ": expected two hexadecimal digits for each byte"};
    bytes.push_back(static_cast<std::byte>(high << 4 | low));
    ++at;
  }
  return bytes;
}

std::string print_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    if (!text.empty()) text += ' ';
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 0xf];
  }
  return text;
}

bool looks_like_hex(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) {
    const char c = static_cast<char>(byte);
    return digit(c) >= 0 || c == 'x' || c == 'X' || kSpace.find(c) != std::string_view::npos;
  });
}

}  // namespace skep::tools
