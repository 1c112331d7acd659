// SPDX-License-Identifier: Apache-2.0
// An ELF file as plain data. All that elf.cc returns was checked: every view lies within the input, every index names
// something that exists.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "skep/result.h"

namespace skep::loader {

using SectionIndex = std::uint32_t;
using SymbolIndex = std::uint32_t;
inline constexpr SectionIndex kUndefinedSection = 0;

enum class SectionType : std::uint32_t {
  kNull = 0,
  kProgbits = 1,
  kSymtab = 2,
  kStrtab = 3,
  kRela = 4,
  kNobits = 8,
  kRel = 9
};

/// R_BPF_* (docs.kernel.org/bpf/llvm_reloc.html).
enum class RelocationType : std::uint32_t {
  kNone = 0,
  k64_64 = 1,
  k64_Abs64 = 2,
  k64_Abs32 = 3,
  k64_Nodyld32 = 4,
  k64_32 = 10,
};
/// "R_BPF_64_64"; "R_BPF_?" of a number that has no meaning.
std::string_view name(RelocationType type);

struct ElfRelocation {
  std::uint64_t offset = 0;  ///< Into the section that it changes.
  RelocationType type{};
  SymbolIndex symbol = 0;
};
struct ElfSection {
  std::string_view name;
  SectionType type{};
  bool executable = false;
  std::uint64_t size = 0;
  std::span<const std::byte> data;  ///< Empty for kNobits, else `size` bytes.
  std::vector<ElfRelocation> relocations;
};
enum class SymbolType : std::uint8_t { kNone = 0, kObject = 1, kFunction = 2, kSection = 3, kFile = 4 };
enum class Binding : std::uint8_t { kLocal = 0, kGlobal = 1, kWeak = 2 };
struct ElfSymbol {
  std::string_view name;
  SymbolType type{};
  Binding binding{};
  bool hidden = false;
  SectionIndex section = 0;  ///< kUndefinedSection for externals and for those that belong to no section.
  bool external = false;
  std::uint64_t value = 0;
  std::uint64_t size = 0;
};
struct ElfFile {
  std::vector<ElfSection> sections;
  std::vector<ElfSymbol> symbols;

  /// Index of the first section of that name; kUndefinedSection: there is none.
  [[nodiscard]] SectionIndex find_section(std::string_view wanted) const;
};

/// A relocatable little-endian BPF object. The result's views are into `bytes`.
Result<ElfFile> read_elf(std::span<const std::byte> bytes);

}  // namespace skep::loader
