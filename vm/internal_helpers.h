// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "skep/helper.h"

namespace skep {

/// The function behind a negative id of lower/internal_helpers.h; nullptr: there is none.
HelperFn internal_helper(std::int32_t id);

}  // namespace skep
