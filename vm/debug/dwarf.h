// SPDX-License-Identifier: Apache-2.0
// Symbols as DWARF 4: the sections that debuggers read. Addresses are absolute.
#pragma once
#include "vm/debug/bytes.h"
#include "vm/debug/symbols.h"

namespace skep::debug {

Bytes debug_abbrev();
/// One compile unit, whose line table begins the section .debug_line.
Bytes debug_info(const Symbols& symbols);
Bytes debug_line(const Symbols& symbols);
/// How to unwind from every address of the code.
Bytes eh_frame(const Symbols& symbols);

}  // namespace skep::debug
