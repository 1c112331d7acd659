// SPDX-License-Identifier: Apache-2.0
// An executable without program headers: its addresses are final, and nothing loads it.
#include "vm/debug/elf.h"

#include <elf.h>

#include <cstring>
#include <utility>

#include "vm/debug/dwarf.h"

namespace skep::debug {
namespace {

struct Section {
  const char* name = nullptr;
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::uint64_t address = 0;
  Bytes bytes{};
  std::uint32_t link = 0, info = 0;
  std::uint64_t alignment = 1, entry_size = 0;
};

/// Sections by number, and the number of each that another names.
constexpr std::uint32_t kText = 1, kStrtab = 3;

void symbol(Bytes& symtab, std::uint32_t name, std::uint32_t type, std::uint64_t value, std::uint64_t size) {
  Elf64_Sym row{};
  row.st_name = name;
  row.st_info = static_cast<unsigned char>(ELF64_ST_INFO(STB_GLOBAL, type));
  row.st_shndx = static_cast<Elf64_Section>(kText);
  row.st_value = value;
  row.st_size = size;
  symtab.put(row);
}

std::vector<Section> sections(const Symbols& symbols) {
  Bytes text, symtab, strtab;
  text.append(symbols.code);
  strtab.u8(0);
  symtab.put(Elf64_Sym{});
  for (const Symbol& function : symbols.functions) {
    symbol(symtab, static_cast<std::uint32_t>(strtab.size()), STT_FUNC, symbols.address + function.begin,
           function.end - function.begin);
    strtab.text(function.name);
  }
  std::vector<Section> all(1);
  all.push_back({.name = ".text",
                 .type = SHT_PROGBITS,
                 .flags = SHF_ALLOC | SHF_EXECINSTR,
                 .address = symbols.address,
                 .bytes = std::move(text),
                 .alignment = 16});
  all.push_back({.name = ".symtab",
                 .type = SHT_SYMTAB,
                 .bytes = std::move(symtab),
                 .link = kStrtab,
                 .info = 1,  // The first global symbol.
                 .alignment = 8,
                 .entry_size = sizeof(Elf64_Sym)});
  all.push_back({.name = ".strtab", .type = SHT_STRTAB, .bytes = std::move(strtab)});
  all.push_back({.name = ".eh_frame", .type = SHT_PROGBITS, .bytes = eh_frame(symbols), .alignment = 8});
  all.push_back({.name = ".debug_abbrev", .type = SHT_PROGBITS, .bytes = debug_abbrev()});
  all.push_back({.name = ".debug_info", .type = SHT_PROGBITS, .bytes = debug_info(symbols)});
  all.push_back({.name = ".debug_line", .type = SHT_PROGBITS, .bytes = debug_line(symbols)});
  return all;
}

Elf64_Ehdr header(jit::Arch arch, std::size_t sections_at, std::size_t count) {
  Elf64_Ehdr out{};
  std::memcpy(out.e_ident, ELFMAG, SELFMAG);
  out.e_ident[EI_CLASS] = ELFCLASS64;
  out.e_ident[EI_DATA] = ELFDATA2LSB;
  out.e_ident[EI_VERSION] = EV_CURRENT;
  out.e_type = ET_EXEC;
  out.e_machine = arch == jit::Arch::kX86_64 ? EM_X86_64 : EM_AARCH64;
  out.e_version = EV_CURRENT;
  out.e_ehsize = sizeof(Elf64_Ehdr);
  out.e_shentsize = sizeof(Elf64_Shdr);
  out.e_shoff = sections_at;
  out.e_shnum = static_cast<Elf64_Half>(count);
  out.e_shstrndx = static_cast<Elf64_Half>(count - 1);
  return out;
}

}  // namespace

std::vector<std::byte> elf_image(const Symbols& symbols) {
  std::vector<Section> all = sections(symbols);
  Bytes names;
  std::vector<std::uint32_t> name_at;
  all.push_back({.name = ".shstrtab", .type = SHT_STRTAB});
  for (const Section& section : all) {
    name_at.push_back(static_cast<std::uint32_t>(names.size()));
    names.text(section.name == nullptr ? "" : section.name);
  }
  all.back().bytes = std::move(names);

  Bytes contents;
  contents.put(Elf64_Ehdr{});  // Its place.
  Bytes headers;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Section& section = all[i];
    contents.align(16);
    Elf64_Shdr row{};
    row.sh_name = name_at[i];
    row.sh_type = section.type;
    row.sh_flags = section.flags;
    row.sh_addr = section.address;
    row.sh_offset = i == 0 ? 0 : contents.size();
    row.sh_size = section.bytes.size();
    row.sh_link = section.link;
    row.sh_info = section.info;
    row.sh_addralign = i == 0 ? 0 : section.alignment;
    row.sh_entsize = section.entry_size;
    headers.put(row);
    contents.append(section.bytes.view());
  }
  contents.align(16);
  const Elf64_Ehdr first = header(symbols.arch, contents.size(), all.size());
  contents.append(headers.view());
  std::vector<std::byte> out = contents.take();
  std::memcpy(out.data(), &first, sizeof(first));
  return out;
}

}  // namespace skep::debug
