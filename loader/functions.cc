// SPDX-License-Identifier: Apache-2.0
#include "loader/functions.h"

#include <algorithm>

#include "base/cat.h"
#include "base/try.h"
#include "skep/isa.h"

namespace skep::loader {

namespace {

constexpr std::uint64_t kSlot = sizeof(isa::RawInsn);

struct Extent {
  SectionIndex section = 0;
  std::uint64_t begin = 0, size = 0;  // Bytes.
  std::string_view name;
  bool global = false;
  bool hidden = false;
};

bool is_code(const ElfSection& section) {
  return section.executable && section.type == SectionType::kProgbits && section.size != 0;
}

Result<std::vector<Extent>> extents(const ElfFile& file) {
  std::vector<Extent> result;
  std::vector<bool> named(file.sections.size(), false);
  for (const ElfSymbol& symbol : file.symbols) {
    if (symbol.type != SymbolType::kFunction || symbol.section == kUndefinedSection) continue;
    const ElfSection& section = file.sections[symbol.section];
    if (!is_code(section)) continue;
    if (symbol.value % kSlot != 0 || symbol.size % kSlot != 0 || symbol.size == 0 ||
        symbol.size > section.size - symbol.value)
      return Error{Errc::kMalformed,
                   cat("section '", section.name, "' offset ", symbol.value, ": function '", symbol.name, "' of ",
                       symbol.size, " bytes, expected a multiple of 8 within ", section.size)};
    named[symbol.section] = true;
    result.push_back({.section = symbol.section,
                      .begin = symbol.value,
                      .size = symbol.size,
                      .name = symbol.name,
                      .global = symbol.binding != Binding::kLocal,
                      .hidden = symbol.hidden});
  }
  // Hand-written assembly may have no symbols: its section is one function.
  for (SectionIndex i = 1; i < file.sections.size(); ++i)
    if (is_code(file.sections[i]) && !named[i])
      result.push_back({.section = i,
                        .begin = 0,
                        .size = file.sections[i].size,
                        .name = file.sections[i].name,
                        .global = true,
                        .hidden = false});
  std::sort(result.begin(), result.end(), [](const Extent& a, const Extent& b) {
    return a.section != b.section ? a.section < b.section : a.begin < b.begin;
  });
  for (std::size_t i = 1; i < result.size(); ++i) {
    const Extent &before = result[i - 1], &after = result[i];
    if (before.section == after.section && before.begin + before.size > after.begin)
      return Error{Errc::kMalformed, cat("section '", file.sections[after.section].name, "' offset ", after.begin,
                                         ": function '", after.name, "' overlaps '", before.name, "'")};
  }
  return result;
}

/// As libbpf: functions of .text are subprograms when there are programs elsewhere. Static ones are in any section.
Role role_of(const ElfFile& file, const Extent& extent, bool only_text) {
  const bool text = file.sections[extent.section].name == ".text";
  if (!extent.global) return Role::kSubprogram;
  return text && !only_text ? Role::kSubprogram : Role::kProgram;
}

Result<Function> make_function(const ElfFile& file, const Extent& extent, bool only_text) {
  const ElfSection& section = file.sections[extent.section];
  TRY(std::vector<isa::RawInsn> insns,
      isa::raw_from_bytes(
          section.data.subspan(static_cast<std::size_t>(extent.begin), static_cast<std::size_t>(extent.size))));
  const Role role = role_of(file, extent, only_text);
  return Function{.name = extent.name,
                  .section = extent.section,
                  .first = static_cast<std::uint32_t>(extent.begin / kSlot),
                  .global = extent.global && !(extent.hidden && role == Role::kSubprogram),
                  .role = role,
                  .insns = std::move(insns),
                  .relocations = {},
                  .exception_callback = {},
                  .unsupported = {}};
}

/// Both lists are sorted: one pass gives each function its relocations.
Status give_relocations(const ElfFile& file, SectionIndex index, std::vector<Function>& functions) {
  std::vector<ElfRelocation> all = file.sections[index].relocations;
  std::stable_sort(all.begin(), all.end(),
                   [](const ElfRelocation& a, const ElfRelocation& b) { return a.offset < b.offset; });
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].offset % kSlot != 0 || (i != 0 && all[i - 1].offset == all[i].offset))
      return Error{Errc::kMalformed, cat("section '", file.sections[index].name, "' offset ", all[i].offset,
                                         ": relocation, expected one at a multiple of 8 for each instruction")};
  auto it = functions.begin();
  for (const ElfRelocation& relocation : all) {
    const std::uint64_t slot = relocation.offset / kSlot;
    while (it != functions.end() &&
           (it->section < index || (it->section == index && it->first + it->insns.size() <= slot)))
      ++it;
    if (it != functions.end() && it->section == index && it->first <= slot) it->relocations.push_back(relocation);
  }
  return kOk;
}

}  // namespace

Result<std::vector<Function>> read_functions(const ElfFile& file) {
  for (const ElfSection& section : file.sections)
    if (is_code(section) && section.size % kSlot != 0)
      return Error{Errc::kMalformed,
                   cat("section '", section.name, "': ", section.size, " bytes of code, expected a multiple of 8")};
  TRY(const std::vector<Extent> all, extents(file));
  const bool only_text = std::all_of(
      all.begin(), all.end(), [&](const Extent& extent) { return file.sections[extent.section].name == ".text"; });
  std::vector<Function> result;
  for (const Extent& extent : all) {
    TRY(Function function, make_function(file, extent, only_text));
    result.push_back(std::move(function));
  }
  for (SectionIndex i = 1; i < file.sections.size(); ++i)
    if (is_code(file.sections[i])) TRY_OK(give_relocations(file, i, result));
  return result;
}

std::optional<std::size_t> find_function(const std::vector<Function>& functions, SectionIndex section,
                                         std::int64_t slot) {
  const auto it =
      std::lower_bound(functions.begin(), functions.end(), slot, [&](const Function& f, std::int64_t wanted) {
        return f.section != section ? f.section < section : std::int64_t{f.first} < wanted;
      });
  if (it == functions.end() || it->section != section || it->first != slot) return std::nullopt;
  return static_cast<std::size_t>(it - functions.begin());
}

}  // namespace skep::loader
