// SPDX-License-Identifier: Apache-2.0
// `struct bpf_map_def SEC("maps") name = {...}`: type, key size, value size, entries, flags, and in some libraries'
// variants more. The variant's size is the section's divided by the number of its symbols.
#include <algorithm>
#include <array>
#include <string>

#include "base/byte_reader.h"
#include "base/cat.h"
#include "base/try.h"
#include "loader/maps.h"

namespace skep::loader {

namespace {

constexpr std::uint64_t kSmallest = 16;  // Without flags.
constexpr std::uint64_t kKnown = 20;

Result<MapSpec> read_definition(std::span<const std::byte> bytes, const std::string& where) {
  std::array<std::uint32_t, 5> words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = read_at<std::uint32_t>(bytes, i * 4).value_or(0);
  for (std::size_t i = kKnown; i < bytes.size(); ++i)
    if (bytes[i] != std::byte{0})
      return Error{Errc::kUnsupported,
                   cat(where, ": byte ", i, " of its definition of ", bytes.size(),
                       " bytes is not 0; beyond the flags nothing is supported, declare the map in .maps")};
  if (words[0] == 0 || words[0] > UINT8_MAX)
    return Error{Errc::kOutOfRange, cat(where, ": map type ", words[0], " does not exist")};
  MapSpec spec;
  spec.type = static_cast<MapType>(words[0]);
  spec.key_size = words[1];
  spec.value_size = words[2];
  spec.max_entries = words[3];
  spec.flags = words[4];
  return spec;
}

Status read_section(const ElfFile& file, SectionIndex index, std::vector<MapEntry>& maps) {
  const ElfSection& section = file.sections[index];
  std::vector<const ElfSymbol*> symbols;
  for (const ElfSymbol& symbol : file.symbols)
    if (symbol.section == index && (symbol.type == SymbolType::kObject || symbol.type == SymbolType::kNone))
      symbols.push_back(&symbol);
  if (symbols.empty() || section.type != SectionType::kProgbits || section.size % symbols.size() != 0 ||
      section.size / symbols.size() < kSmallest)
    return Error{Errc::kMalformed, cat("section '", section.name, "': ", section.size, " bytes for ", symbols.size(),
                                       " maps, expected the same number, at least ", kSmallest, ", for each")};
  const std::uint64_t size = section.size / symbols.size();
  std::sort(symbols.begin(), symbols.end(), [](const auto* a, const auto* b) { return a->value < b->value; });
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    const ElfSymbol& symbol = *symbols[i];
    const std::string where = cat("section '", section.name, "' offset ", symbol.value, ": map '", symbol.name, "'");
    const auto bytes = slice(section.data, symbol.value, size);
    if (!bytes || symbol.value != i * size)
      return Error{Errc::kMalformed, cat(where, ", expected at offset ", i * size)};
    TRY(MapSpec spec, read_definition(*bytes, where));
    spec.name = std::string(symbol.name);
    maps.push_back({.spec = std::make_shared<const MapSpec>(std::move(spec)),
                    .kind = MapKind::kDeclared,
                    .section = index,
                    .offset = symbol.value});
  }
  return kOk;
}

}  // namespace

Result<std::vector<MapEntry>> read_legacy_maps(const ElfFile& file) {
  std::vector<MapEntry> maps;
  for (SectionIndex i = 1; i < file.sections.size(); ++i) {
    const ElfSection& section = file.sections[i];
    const bool is_maps = section.name == "maps" || section.name.starts_with("maps/");
    if (is_maps && section.size != 0) TRY_OK(read_section(file, i, maps));
  }
  return maps;
}

}  // namespace skep::loader
