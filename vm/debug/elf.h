// SPDX-License-Identifier: Apache-2.0
// Symbols as an ELF file in memory, which debuggers and binary tools read.
#pragma once
#include <cstddef>
#include <vector>

#include "vm/debug/symbols.h"

namespace skep::debug {

/// Sections: the code at its address, symbols, lines and frames.
std::vector<std::byte> elf_image(const Symbols& symbols);

}  // namespace skep::debug
