// SPDX-License-Identifier: Apache-2.0
#include "loader/btf_sections.h"

#include <cstring>

#include "base/byte_reader.h"
#include "base/cat.h"
#include "base/try.h"

namespace skep::loader {

namespace {

/// The section with its relocations applied: each adds the symbol's place in its section to the word in the file.
Result<std::vector<std::byte>> relocated(const ElfFile& file, const ElfSection& section) {
  std::vector<std::byte> bytes(section.data.begin(), section.data.end());
  for (const ElfRelocation& relocation : section.relocations) {
    const ElfSymbol& symbol = file.symbols[relocation.symbol];
    if (relocation.type == RelocationType::k64_Abs64)
      return Error{Errc::kUnsupported, cat("section '", section.name, "' offset ", relocation.offset,
                                           ": relocation R_BPF_64_ABS64, expected a 32-bit one")};
    const auto word = read_at<std::uint32_t>(bytes, relocation.offset);
    if (!word)
      return Error{Errc::kMalformed, cat("section '", section.name, "' offset ", relocation.offset,
                                         ": relocation of 4 bytes, expected within ", bytes.size())};
    const auto sum = static_cast<std::uint32_t>(*word + symbol.value);
    std::memcpy(bytes.data() + relocation.offset, &sum, sizeof(sum));
  }
  return bytes;
}

/// Compilers leave the sizes of data sections to the linker: they are those of the ELF sections.
Result<Btf> with_layouts(Btf btf, const ElfFile& file) {
  for (TypeId id = 1; id < btf.size(); ++id) {
    const auto* section = btf.find<btf::DataSec>(id);
    if (section == nullptr) continue;
    const SectionIndex index = file.find_section(section->name);
    if (index == kUndefinedSection || section->size != 0) continue;
    const ElfSection& elf = file.sections[index];
    if (elf.size > UINT32_MAX)
      return Error{Errc::kLimit, cat("section '", elf.name, "' of ", elf.size, " bytes, expected at most 4294967295")};
    for (const btf::SectionVar& var : section->vars)
      if (std::uint64_t{var.offset} + var.size > elf.size)
        return Error{Errc::kMalformed, cat(".BTF type ", id, ": variable '", btf.name(var.var), "' at ", var.offset,
                                           " of size ", var.size, ", section '", elf.name, "' has ", elf.size)};
    btf = btf.with_section_layout(id, static_cast<std::uint32_t>(elf.size), section->vars);
  }
  return btf;
}

}  // namespace

Result<ObjectTypes> read_types(const ElfFile& file) {
  ObjectTypes types;
  const SectionIndex btf_section = file.find_section(".BTF");
  if (btf_section == kUndefinedSection) return types;
  TRY(const std::vector<std::byte> bytes, relocated(file, file.sections[btf_section]));
  TRY(Btf parsed, Btf::parse(bytes));
  TRY(Btf laid_out, with_layouts(std::move(parsed), file));
  types.btf = std::make_shared<const Btf>(std::move(laid_out));
  const SectionIndex ext_section = file.find_section(".BTF.ext");
  if (ext_section == kUndefinedSection) return types;
  TRY(const std::vector<std::byte> ext_bytes, relocated(file, file.sections[ext_section]));
  TRY(types.ext, parse_btf_ext(ext_bytes, *types.btf));
  return types;
}

}  // namespace skep::loader
