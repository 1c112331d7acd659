// SPDX-License-Identifier: Apache-2.0
// The maps that an object declares, and where in its sections they are declared.
#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "loader/elf.h"
#include "skep/map.h"

namespace skep::loader {

enum class MapKind : std::uint8_t { kDeclared, kData, kConfig };
struct MapEntry {
  std::shared_ptr<const MapSpec> spec;
  MapKind kind{};
  SectionIndex section = 0;
  std::uint64_t offset = 0;  ///< kDeclared: of the declaration. Else: 0.
};

/// What the one value of a data section's map is made of.
struct DataMap {
  std::string_view section;  ///< ".rodata"...
  std::string_view object;   ///< Name of the file.
  std::uint64_t size = 0;
  std::span<const std::byte> initial;
};
/// Without MapEntry::section. `.rodata` and `.kconfig` are constant.
MapEntry make_data_map(const DataMap& data, const std::shared_ptr<const Btf>& btf);

/// BTF-defined maps: the structures of section .maps.
Result<std::vector<MapEntry>> read_btf_maps(const ElfFile& file, const std::shared_ptr<const Btf>& btf);
/// Arrays of struct bpf_map_def in section maps.
Result<std::vector<MapEntry>> read_legacy_maps(const ElfFile& file);
/// .data, .rodata and .bss, each an array of one element. `object` is the file's name.
Result<std::vector<MapEntry>> read_data_maps(const ElfFile& file, const std::shared_ptr<const Btf>& btf,
                                             std::string_view object);

}  // namespace skep::loader
