// SPDX-License-Identifier: Apache-2.0
// The only user of libelf, and of it only the headers: contents are read by bounded copies out of the input.
#include "loader/elf.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "base/byte_reader.h"
#include "base/cat.h"
#include "base/try.h"

namespace skep::loader {

namespace {

constexpr std::size_t kMaxSections = 65536;
constexpr std::size_t kMaxName = 4096;

struct EndElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, EndElf>;

/// What of a section header the later steps need and ElfSection does not keep.
struct Header {
  std::uint64_t offset = 0;
  std::uint64_t name = 0;
  std::uint32_t link = 0, info = 0;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<ElfFile> run() {
    TRY_OK(check_identity());
    TRY_OK(read_headers());
    TRY_OK(check_overlap());
    TRY_OK(name_sections());
    TRY_OK(read_symbols());
    TRY_OK(read_relocations());
    return std::move(file_);
  }

 private:
  [[nodiscard]] Status check_identity() const {
    if (bytes_.size() < sizeof(Elf64_Ehdr))
      return Error{Errc::kTruncated, cat("ELF header: ", bytes_.size(), " bytes, ", sizeof(Elf64_Ehdr), " expected")};
    const Elf64_Ehdr header = *read_at<Elf64_Ehdr>(bytes_, 0);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
      return Error{Errc::kMalformed, "not an ELF file: the first four bytes are not 7f 45 4c 46"};
    if (header.e_ident[EI_CLASS] != ELFCLASS64)
      return Error{Errc::kUnsupported, cat("ELF header: class ", +header.e_ident[EI_CLASS], ", expected 2 (64 bit)")};
    if (header.e_ident[EI_DATA] != ELFDATA2LSB)
      return Error{Errc::kUnsupported,
                   "ELF header: big-endian object; compile for a little-endian target (-target bpfel)"};
    if (header.e_type != ET_REL)
      return Error{Errc::kUnsupported, cat("ELF header: type ", header.e_type, ", expected 1 (relocatable object)")};
    if (header.e_machine != EM_BPF && header.e_machine != EM_NONE)
      return Error{Errc::kUnsupported,
                   cat("ELF header: machine ", header.e_machine, ", expected 247 (BPF); compile with -target bpf")};
    return kOk;
  }

  Status read_headers() {
    if (elf_version(EV_CURRENT) == EV_NONE) return Error{Errc::kSystem, "libelf is too old for this program"};
    // libelf wants writable, aligned memory that it then leaves alone.
    std::vector<char> image(bytes_.size());
    std::memcpy(image.data(), bytes_.data(), bytes_.size());
    const ElfHandle elf(elf_memory(image.data(), image.size()));
    if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return libelf_error("ELF header");
    std::size_t count = 0;
    if (elf_getshdrnum(elf.get(), &count) != 0 || elf_getshdrstrndx(elf.get(), &names_section_) != 0)
      return libelf_error("ELF header");
    if (count > kMaxSections)
      return Error{Errc::kLimit, cat("ELF header: ", count, " sections, at most ", kMaxSections)};
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Shdr header;
      Elf_Scn* section = elf_getscn(elf.get(), i);
      if (section == nullptr || gelf_getshdr(section, &header) == nullptr) return libelf_error(cat("section ", i));
      TRY_OK(add_section(header));
    }
    if (count == 0) return Error{Errc::kMalformed, "ELF header: no sections"};
    return kOk;
  }
  static Error libelf_error(std::string_view where) {
    const char* reason = elf_errmsg(-1);
    return Error{Errc::kMalformed, cat(where, ": ", reason == nullptr ? "not readable" : reason)};
  }
  Status add_section(const GElf_Shdr& header) {
    ElfSection section{.name = {},
                       .type = static_cast<SectionType>(header.sh_type),
                       .executable = (header.sh_flags & SHF_EXECINSTR) != 0,
                       .size = header.sh_size,
                       .data = {},
                       .relocations = {}};
    const bool in_file = section.type != SectionType::kNobits && section.type != SectionType::kNull;
    if (in_file) {
      const auto data = slice(bytes_, header.sh_offset, header.sh_size);
      if (!data)
        return Error{Errc::kTruncated, cat("section ", file_.sections.size(), " at offset ", header.sh_offset, ": ",
                                           header.sh_size, " bytes expected, the file has ", bytes_.size())};
      section.data = *data;
    }
    if ((header.sh_flags & SHF_COMPRESSED) != 0)
      return Error{Errc::kUnsupported, cat("section ", file_.sections.size(), " is compressed")};
    file_.sections.push_back(std::move(section));
    headers_.push_back(
        {.offset = header.sh_offset, .name = header.sh_name, .link = header.sh_link, .info = header.sh_info});
    return kOk;
  }

  [[nodiscard]] Status check_overlap() const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < headers_.size(); ++i)
      if (!file_.sections[i].data.empty()) order.push_back(i);
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return headers_[a].offset < headers_[b].offset; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const std::size_t before = order[i - 1], after = order[i];
      if (headers_[before].offset + file_.sections[before].size > headers_[after].offset)
        return Error{Errc::kMalformed,
                     cat("section ", after, " at offset ", headers_[after].offset, " overlaps section ", before, " at ",
                         headers_[before].offset, " of size ", file_.sections[before].size)};
    }
    return kOk;
  }

  Result<std::string_view> text(std::size_t table, std::uint64_t offset, std::string_view whose) const {
    if (table >= file_.sections.size() || file_.sections[table].type != SectionType::kStrtab)
      return Error{Errc::kMalformed, cat(whose, ": section ", table, " is no string table")};
    const std::span<const std::byte> data = file_.sections[table].data;
    // chars may alias any bytes.
    const std::string_view strings(static_cast<const char*>(static_cast<const void*>(data.data())), data.size());
    const auto found = text_at(strings, offset);
    if (!found || found->size() > kMaxName)
      return Error{Errc::kMalformed,
                   cat(whose, ": name at offset ", offset, " of section ", table,
                       ", expected a NUL-terminated name of at most ", kMaxName, " bytes within ", data.size())};
    return *found;
  }
  Status name_sections() {
    for (std::size_t i = 1; i < headers_.size(); ++i) {
      TRY(file_.sections[i].name, text(names_section_, headers_[i].name, cat("section ", i)));
    }
    return kOk;
  }

  Status read_symbols() {
    for (std::size_t i = 1; i < headers_.size(); ++i) {
      if (file_.sections[i].type != SectionType::kSymtab) continue;
      if (symbols_section_ != 0)
        return Error{Errc::kMalformed, cat("section ", i, ": a second symbol table after section ", symbols_section_)};
      symbols_section_ = i;
    }
    if (symbols_section_ == 0) return Error{Errc::kMalformed, "no symbol table; was the object stripped?"};
    const ElfSection& table = file_.sections[symbols_section_];
    if (table.size % sizeof(Elf64_Sym) != 0)
      return Error{Errc::kMalformed, cat("section '", table.name, "': size ", table.size, ", expected a multiple of ",
                                         sizeof(Elf64_Sym))};
    for (std::uint64_t at = 0; at < table.size; at += sizeof(Elf64_Sym)) {
      TRY(const ElfSymbol symbol, read_symbol(*read_at<Elf64_Sym>(table.data, at), at));
      file_.symbols.push_back(symbol);
    }
    return kOk;
  }
  Result<ElfSymbol> read_symbol(const Elf64_Sym& raw, std::uint64_t at) const {
    const std::string where = cat("section '", file_.sections[symbols_section_].name, "' offset ", at);
    ElfSymbol symbol{.name = {},
                     .type = static_cast<SymbolType>(ELF64_ST_TYPE(raw.st_info)),
                     .binding = static_cast<Binding>(ELF64_ST_BIND(raw.st_info)),
                     .hidden = ELF64_ST_VISIBILITY(raw.st_other) != STV_DEFAULT,
                     .section = 0,
                     .external = raw.st_shndx == SHN_UNDEF && at != 0,
                     .value = raw.st_value,
                     .size = raw.st_size};
    TRY(symbol.name, text(headers_[symbols_section_].link, raw.st_name, where));
    if (raw.st_shndx >= SHN_LORESERVE) return symbol;  // Absolute or common: in no section.
    if (raw.st_shndx >= file_.sections.size())
      return Error{Errc::kMalformed, cat(where, ": symbol '", symbol.name, "' in section ", raw.st_shndx,
                                         ", expected less than ", file_.sections.size())};
    symbol.section = raw.st_shndx;
    if (symbol.section != 0 && symbol.value > file_.sections[symbol.section].size)
      return Error{Errc::kMalformed,
                   cat(where, ": symbol '", symbol.name, "' at ", symbol.value, " of section '",
                       file_.sections[symbol.section].name, "' of size ", file_.sections[symbol.section].size)};
    return symbol;
  }

  Status read_relocations() {
    for (std::size_t i = 1; i < headers_.size(); ++i) {
      const ElfSection& table = file_.sections[i];
      if (table.type != SectionType::kRel && table.type != SectionType::kRela) continue;
      if (headers_[i].info == 0 || headers_[i].info >= file_.sections.size() || headers_[i].link != symbols_section_)
        return Error{Errc::kMalformed, cat("section '", table.name, "': relocates section ", headers_[i].info,
                                           " with symbols of section ", headers_[i].link, ", expected 1 to ",
                                           file_.sections.size() - 1, " and ", symbols_section_)};
      if (file_.sections[headers_[i].info].name.starts_with(".debug")) continue;  // Nothing here reads those.
      if (table.type == SectionType::kRela)
        return Error{Errc::kUnsupported, cat("section '", table.name, "': relocations with addends (RELA)")};
      TRY_OK(read_relocation_table(table, file_.sections[headers_[i].info]));
    }
    return kOk;
  }
  Status read_relocation_table(const ElfSection& table, ElfSection& target) const {
    if (table.size % sizeof(Elf64_Rel) != 0)
      return Error{Errc::kMalformed, cat("section '", table.name, "': size ", table.size, ", expected a multiple of ",
                                         sizeof(Elf64_Rel))};
    for (std::uint64_t at = 0; at < table.size; at += sizeof(Elf64_Rel)) {
      const Elf64_Rel raw = *read_at<Elf64_Rel>(table.data, at);
      const ElfRelocation relocation{.offset = raw.r_offset,
                                     .type = static_cast<RelocationType>(ELF64_R_TYPE(raw.r_info)),
                                     .symbol = static_cast<SymbolIndex>(ELF64_R_SYM(raw.r_info))};
      if (relocation.symbol >= file_.symbols.size() || relocation.offset >= target.size)
        return Error{Errc::kMalformed,
                     cat("section '", table.name, "' offset ", at, ": symbol ", relocation.symbol, " at offset ",
                         relocation.offset, ", expected less than ", file_.symbols.size(), " and ", target.size)};
      target.relocations.push_back(relocation);
    }
    return kOk;
  }

  std::span<const std::byte> bytes_;
  ElfFile file_;
  std::vector<Header> headers_;
  std::size_t names_section_ = 0;
  std::size_t symbols_section_ = 0;
};

}  // namespace

std::string_view name(RelocationType type) {
  switch (type) {
    case RelocationType::kNone:
      return "R_BPF_NONE";
    case RelocationType::k64_64:
      return "R_BPF_64_64";
    case RelocationType::k64_Abs64:
      return "R_BPF_64_ABS64";
    case RelocationType::k64_Abs32:
      return "R_BPF_64_ABS32";
    case RelocationType::k64_Nodyld32:
      return "R_BPF_64_NODYLD32";
    case RelocationType::k64_32:
      return "R_BPF_64_32";
  }
  return "R_BPF_?";
}

SectionIndex ElfFile::find_section(std::string_view wanted) const {
  for (SectionIndex i = 1; i < sections.size(); ++i)
    if (sections[i].name == wanted) return i;
  return kUndefinedSection;
}

Result<ElfFile> read_elf(std::span<const std::byte> bytes) { return Reader(bytes).run(); }

}  // namespace skep::loader
