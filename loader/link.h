// SPDX-License-Identifier: Apache-2.0
// One program with the subprograms that it reaches, relocated.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loader/elf.h"
#include "loader/externs.h"
#include "loader/functions.h"
#include "loader/maps.h"

namespace skep::loader {

/// A function and the slot of the linked program at which it begins.
struct Placement {
  std::size_t function = 0;
  std::uint32_t first = 0;
};
struct LinkedProgram {
  std::vector<isa::RawInsn> insns;
  std::vector<Placement> functions;  ///< Sorted by `first`; the program's own is the first.
  std::vector<std::size_t> maps;     ///< Of LinkInput::maps, in the order of their first use.
  std::string unsupported;           ///< Why some reference could not be resolved; empty: all were.
};
struct LinkInput {
  const ElfFile& file;
  const std::vector<Function>& functions;
  const std::vector<MapEntry>& maps;
  const Externals& externals;
};
/// Error: the program has more than `slot_limit` slots.
Result<LinkedProgram> link_program(const LinkInput& input, std::size_t program, std::size_t slot_limit);

}  // namespace skep::loader
