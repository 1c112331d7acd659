// SPDX-License-Identifier: Apache-2.0
// The format strings of trace_printk, trace_vprintk and snprintf.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "skep/env.h"

namespace skep::helpers {

/// Checks `format` as Linux does and writes as much of the text as fits into `to` (which may be empty), NUL-terminated.
/// Returns the length of the whole text without NUL; -EINVAL: no format, or one that wants more arguments; -ENOSPC:
/// strings too long.
std::int64_t format_text(std::span<char> to, std::string_view format, std::span<const std::uint64_t> arguments,
                         Host& host);

}  // namespace skep::helpers
