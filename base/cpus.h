// SPDX-License-Identifier: Apache-2.0
// CPUs of the machine.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace skep {

/// How many CPUs this machine may have.
inline std::uint32_t possible_cpus() { return static_cast<std::uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF))); }

}  // namespace skep
