// SPDX-License-Identifier: Apache-2.0
// How many programs, and which: from the environment, so that a soak is the same test with other numbers.
#pragma once
#include <cstdint>
#include <cstdlib>

namespace skep::soundness {

inline std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace skep::soundness
