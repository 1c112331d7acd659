// SPDX-License-Identifier: Apache-2.0
// Global variables: each data section is an array of one element.
#include <algorithm>
#include <cctype>
#include <string>

#include "base/cat.h"
#include "base/try.h"
#include "loader/maps.h"
#include "skep/btf.h"

namespace skep::loader {

namespace {

// The kernel's BPF_OBJ_NAME_LEN without the NUL.
constexpr std::size_t kNameLimit = 15;
// Largest value that the kernel allocates for an array element.
constexpr std::uint64_t kLargestSection = 0x7fffffff;

bool is_section(std::string_view name, std::string_view base) {
  return name == base || (name.starts_with(base) && name[base.size()] == '.');
}

/// "objects/flow.bpf.o" -> "flow".
std::string_view object_stem(std::string_view path) {
  if (const auto slash = path.rfind('/'); slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return path.substr(0, path.find('.'));
}

/// libbpf's name: the object's, cut so that the section's fits (".rodata" is reserved 7 characters); sections of the
/// kind ".rodata.str1.1" stand alone.
std::string map_name(std::string_view object, std::string_view section) {
  constexpr std::size_t kReserved = 7;
  std::string name;
  if (section.find('.', 1) == std::string_view::npos) {
    const std::size_t tail = std::min(kNameLimit, std::max(kReserved, section.size()));
    name = std::string(object_stem(object).substr(0, kNameLimit - tail));
  }
  name += section.substr(0, kNameLimit - name.size());
  for (char& letter : name)
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0 && letter != '_' && letter != '.') letter = '_';
  return name;
}

/// As libbpf: user space may map the section when some variable of it is visible to the linker.
bool has_visible_variable(const Btf& btf, TypeId section) {
  const auto* data = btf.find<btf::DataSec>(section);
  return data != nullptr && std::any_of(data->vars.begin(), data->vars.end(), [&](const btf::SectionVar& entry) {
           const auto* var = btf.find<btf::Var>(entry.var);
           return var != nullptr && var->linkage != btf::Linkage::kStatic;
         });
}

}  // namespace

MapEntry make_data_map(const DataMap& data, const std::shared_ptr<const Btf>& btf) {
  const bool config = data.section == ".kconfig";
  const bool constant = config || is_section(data.section, ".rodata");
  MapSpec spec;
  spec.name = map_name(data.object, data.section);
  spec.section = std::string(data.section);
  spec.type = MapType::kArray;
  spec.key_size = sizeof(std::uint32_t);
  spec.value_size = static_cast<std::uint32_t>(data.size);
  spec.max_entries = 1;
  spec.initial.assign(data.initial.begin(), data.initial.end());
  spec.frozen = constant;
  spec.btf = btf;
  if (btf != nullptr) spec.value_type_id = btf->find_by_name<btf::DataSec>(data.section);
  if (constant) spec.flags |= map_flags::kReadOnlyProgram;
  if (btf != nullptr && has_visible_variable(*btf, spec.value_type_id)) spec.flags |= map_flags::kMmapable;
  return {.spec = std::make_shared<const MapSpec>(std::move(spec)),
          .kind = config ? MapKind::kConfig : MapKind::kData,
          .section = kUndefinedSection,
          .offset = 0};
}

Result<std::vector<MapEntry>> read_data_maps(const ElfFile& file, const std::shared_ptr<const Btf>& btf,
                                             std::string_view object) {
  std::vector<MapEntry> maps;
  for (SectionIndex i = 1; i < file.sections.size(); ++i) {
    const ElfSection& section = file.sections[i];
    const bool constant = is_section(section.name, ".rodata");
    const bool zeroed = is_section(section.name, ".bss");
    if ((!constant && !zeroed && !is_section(section.name, ".data")) || section.size == 0) continue;
    const bool right_type = section.type == (zeroed ? SectionType::kNobits : SectionType::kProgbits);
    if (!right_type || section.executable || section.size > kLargestSection)
      return Error{Errc::kMalformed, cat("section '", section.name, "' of ", section.size, " bytes: ELF type ",
                                         static_cast<std::uint32_t>(section.type), ", expected data of at most ",
                                         kLargestSection, " bytes")};
    maps.push_back(
        make_data_map({.section = section.name, .object = object, .size = section.size, .initial = section.data}, btf));
    maps.back().section = i;
  }
  return maps;
}

}  // namespace skep::loader
