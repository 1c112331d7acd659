// SPDX-License-Identifier: Apache-2.0
// Bytes as hexadecimal text.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/result.h"

namespace skep::tools {

/// Two digits a byte; white space between bytes and a leading "0x" of each group are skipped.
Result<std::vector<std::byte>> parse_hex(std::string_view text);
/// "b7 00 00 00"
std::string print_hex(std::span<const std::byte> bytes);
/// Nothing but hexadecimal digits and white space.
bool looks_like_hex(std::span<const std::byte> bytes);

}  // namespace skep::tools
