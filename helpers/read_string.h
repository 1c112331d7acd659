// SPDX-License-Identifier: Apache-2.0
// Strings in the memory of the traced task.
#pragma once
#include <cstdint>
#include <span>

#include "skep/env.h"

namespace skep::helpers {

/// Copies the string at `from` to `to`, truncated if need be, NUL-terminated. Returns its length with the NUL, or
/// -EFAULT when it is not readable; `to` is then zeroed.
std::int64_t read_string(Host& host, std::uint64_t from, std::span<std::byte> to);

}  // namespace skep::helpers
