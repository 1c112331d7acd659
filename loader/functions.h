// SPDX-License-Identifier: Apache-2.0
// The functions of the code sections, cut out by their symbols.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/elf.h"
#include "skep/insn.h"

namespace skep::loader {

enum class Role : std::uint8_t { kProgram, kSubprogram };
struct Function {
  std::string_view name;
  SectionIndex section = 0;
  std::uint32_t first = 0;  ///< Slot within the section.
  bool global = false;      ///< To the kernel, which does not see hidden subprograms as such.
  Role role{};
  std::vector<isa::RawInsn> insns;
  std::vector<ElfRelocation> relocations;           ///< Sorted; offsets are those of the section.
  std::optional<std::size_t> exception_callback{};  ///< Number of the function that its declaration tag names.
  std::string unsupported{};                        ///< Why programs that reach it cannot run; empty: they can.
};

/// Sorted by section and slot; they do not overlap.
Result<std::vector<Function>> read_functions(const ElfFile& file);
/// The function that begins at that slot; nullopt: none does.
std::optional<std::size_t> find_function(const std::vector<Function>& functions, SectionIndex section,
                                         std::int64_t slot);

}  // namespace skep::loader
