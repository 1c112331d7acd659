// SPDX-License-Identifier: Apache-2.0
// The JIT compilation interface of gdb and lldb: a list of ELF files in memory that a debugger reads.
#pragma once
#include <memory>

#include "vm/debug/symbols.h"

namespace skep::debug {

/// One file in the list, for as long as it lives. Made and destroyed on any thread.
class GdbEntry {
 public:
  virtual ~GdbEntry() = default;
};
/// `symbols.code` must lie at its address. What is passed is copied.
std::unique_ptr<const GdbEntry> tell_gdb(const Symbols& symbols);

}  // namespace skep::debug
