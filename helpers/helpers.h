// SPDX-License-Identifier: Apache-2.0
// The functions behind helpers.def. A row without a function does not link.
#pragma once
#include <cstdint>

#include "skep/env.h"
#include "skep/helper.h"

namespace skep::helpers {

// Arguments, results and errors are those of the UAPI documentation (linux/bpf.h).
#define HELPER(id, name, ...)                                                                                  \
  std::uint64_t name(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3, std::uint64_t r4, std::uint64_t r5, \
                     Env& env);
#include "skep/tables/helpers.def"

/// nullptr: the table has no such helper.
HelperFn find(std::int32_t id);

}  // namespace skep::helpers
