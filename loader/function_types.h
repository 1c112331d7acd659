// SPDX-License-Identifier: Apache-2.0
// Where ELF and BTF both speak of a function.
#pragma once
#include <vector>

#include "loader/btf_sections.h"
#include "loader/functions.h"

namespace skep::loader {

/// - Types follow symbols: a function that is not global to the kernel has static linkage.
/// - Functions learn the callback that their declaration tag names ("exception_callback:NAME").
void connect_types(ObjectTypes& types, std::vector<Function>& functions);

}  // namespace skep::loader
