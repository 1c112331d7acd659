// SPDX-License-Identifier: Apache-2.0
#include "loader/struct_ops.h"

#include <algorithm>
#include <optional>

#include "base/cat.h"

namespace skep::loader {
namespace {

constexpr std::uint32_t kBits = 8;

bool is_table_section(std::string_view name) {
  if (name.starts_with('?')) name.remove_prefix(1);
  return name == ".struct_ops" || name == ".struct_ops.link";
}

/// "TYPE.MEMBER" at this byte of the section.
std::optional<std::string> operation_at(const Btf& btf, const btf::DataSec& section, std::uint64_t offset) {
  const auto var = std::find_if(section.vars.begin(), section.vars.end(), [&](const btf::SectionVar& one) {
    return one.offset <= offset && offset < std::uint64_t{one.offset} + one.size;
  });
  if (var == section.vars.end()) return std::nullopt;
  const auto* variable = btf.find<btf::Var>(var->var);
  const auto* type = variable == nullptr ? nullptr : btf.find<btf::Composite>(btf.resolve(variable->type));
  if (type == nullptr) return std::nullopt;
  for (const btf::Member& member : type->members)
    if (member.bit_offset == (offset - var->offset) * kBits) return cat(type->name, ".", member.name);
  return std::nullopt;
}

}  // namespace

std::unordered_map<std::size_t, std::string> read_struct_ops(const ElfFile& file, const Btf* btf,
                                                             const std::vector<Function>& functions) {
  std::unordered_map<std::size_t, std::string> found;
  if (btf == nullptr) return found;
  for (const ElfSection& section : file.sections) {
    if (!is_table_section(section.name)) continue;
    const auto* layout = btf->find<btf::DataSec>(btf->find_by_name<btf::DataSec>(section.name));
    if (layout == nullptr) continue;
    for (const ElfRelocation& relocation : section.relocations) {
      const ElfSymbol& symbol = file.symbols[relocation.symbol];
      const auto function =
          find_function(functions, symbol.section, static_cast<std::int64_t>(symbol.value / sizeof(isa::RawInsn)));
      auto operation = operation_at(*btf, *layout, relocation.offset);
      if (function && operation) found.emplace(*function, *std::move(operation));
    }
  }
  return found;
}

}  // namespace skep::loader
