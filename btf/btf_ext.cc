// SPDX-License-Identifier: Apache-2.0
#include "btf/btf_ext.h"

#include <array>
#include <string>

#include "base/byte_reader.h"
#include "base/cat.h"
#include "base/try.h"

namespace skep {

namespace {

constexpr std::uint16_t kMagic = 0xeb9f;

struct Header {
  std::uint16_t magic = 0;
  std::uint8_t version = 0;
  std::uint8_t flags = 0;
  std::uint32_t header_size = 0;
  std::uint32_t func_offset = 0, func_size = 0;
  std::uint32_t line_offset = 0, line_size = 0;
};
/// Present when the header is large enough; compilers before CO-RE write none.
struct CoreHeader {
  std::uint32_t offset = 0, size = 0;
};
struct SectionHeader {
  std::uint32_t name = 0, count = 0;
};

// Records as they lie in the file.
struct RawFunc {
  std::uint32_t offset = 0, type = 0;
};
struct RawLine {
  std::uint32_t offset = 0, file = 0, text = 0, position = 0;
};
struct RawCore {
  std::uint32_t offset = 0, type = 0, access = 0, kind = 0;
};

Result<std::string_view> text(const Btf& btf, std::uint32_t offset, std::uint64_t at) {
  const auto found = btf.string_at(offset);
  if (!found)
    return Error{Errc::kMalformed,
                 cat(".BTF.ext offset ", at, ": string offset ", offset, " lies outside .BTF's strings")};
  return *found;
}
Status check_type(const Btf& btf, TypeId type, std::uint64_t at) {
  if (type >= btf.size())
    return Error{Errc::kMalformed, cat(".BTF.ext offset ", at, ": type ", type, ", expected less than ", btf.size())};
  return kOk;
}

Result<FuncRecord> convert(const RawFunc& raw, const Btf& btf, std::uint64_t at) {
  if (btf.find<btf::Func>(raw.type) == nullptr)
    return Error{Errc::kMalformed, cat(".BTF.ext offset ", at, ": type ", raw.type, " is no function")};
  return FuncRecord{.offset = raw.offset, .type = raw.type};
}
Result<LineRecord> convert(const RawLine& raw, const Btf& btf, std::uint64_t at) {
  TRY(const std::string_view file, text(btf, raw.file, at));
  TRY(const std::string_view line, text(btf, raw.text, at));
  return LineRecord{
      .offset = raw.offset, .file = file, .text = line, .line = raw.position >> 10, .column = raw.position & 0x3ff};
}
Result<CoreRecord> convert(const RawCore& raw, const Btf& btf, std::uint64_t at) {
  TRY(const std::string_view access, text(btf, raw.access, at));
  TRY_OK(check_type(btf, raw.type, at));
  return CoreRecord{.offset = raw.offset, .type = raw.type, .access = access, .kind = raw.kind};
}

/// One of the three tables: the size of a record, then for each code section its name, a count and records.
template <class Record, class Raw>
Result<std::vector<SectionRecords<Record>>> read_table(std::span<const std::byte> bytes, std::uint64_t base,
                                                       std::string_view what, const Btf& btf) {
  std::vector<SectionRecords<Record>> result;
  if (bytes.empty()) return result;
  const auto record_size = read_at<std::uint32_t>(bytes, 0);
  if (!record_size || *record_size < sizeof(Raw) || *record_size % 4 != 0)
    return Error{Errc::kMalformed, cat(".BTF.ext offset ", base, ": ", what, " records of ", record_size.value_or(0),
                                       " bytes, expected a multiple of 4 of at least ", sizeof(Raw))};
  std::uint64_t at = sizeof(std::uint32_t);
  while (at < bytes.size()) {
    const auto header = read_at<SectionHeader>(bytes, at);
    if (!header)
      return Error{Errc::kTruncated, cat(".BTF.ext offset ", base + at, ": ", what, " section header of ",
                                         sizeof(SectionHeader), " bytes expected, ", bytes.size() - at, " left")};
    TRY(const std::string_view section, text(btf, header->name, base + at));
    if (header->count == 0)
      return Error{Errc::kMalformed,
                   cat(".BTF.ext offset ", base + at, ": section '", section, "' has no ", what, " record")};
    at += sizeof(SectionHeader);
    if (std::uint64_t{header->count} * *record_size > bytes.size() - at)
      return Error{Errc::kTruncated, cat(".BTF.ext offset ", base + at, ": ", header->count, " ", what, " records of ",
                                         *record_size, " bytes expected, ", bytes.size() - at, " bytes left")};
    SectionRecords<Record> records{.section = section, .records = {}};
    for (std::uint32_t i = 0; i < header->count; ++i, at += *record_size) {
      TRY(Record record, convert(*read_at<Raw>(bytes, at), btf, base + at));
      records.records.push_back(record);
    }
    result.push_back(std::move(records));
  }
  return result;
}

Result<std::span<const std::byte>> table_bytes(std::span<const std::byte> bytes, std::uint32_t header_size,
                                               std::uint32_t offset, std::uint32_t size, std::string_view what) {
  const auto found = slice(bytes, std::uint64_t{header_size} + offset, size);
  if (!found || offset % 4 != 0)
    return Error{Errc::kMalformed, cat(".BTF.ext: ", what, " at ", offset, " of size ", size,
                                       ", expected 4-byte aligned within ", bytes.size() - header_size, " bytes")};
  return *found;
}

}  // namespace

Result<BtfExt> parse_btf_ext(std::span<const std::byte> bytes, const Btf& btf) {
  const auto header = read_at<Header>(bytes, 0);
  if (!header)
    return Error{Errc::kTruncated,
                 cat(".BTF.ext: ", bytes.size(), " bytes, a header of ", sizeof(Header), " expected")};
  if (header->magic != kMagic || header->version != 1)
    return Error{Errc::kMalformed, cat(".BTF.ext offset 0: magic ", header->magic, " version ", header->version,
                                       ", expected ", kMagic, " version 1")};
  if (header->header_size < sizeof(Header) || header->header_size > bytes.size())
    return Error{Errc::kMalformed, cat(".BTF.ext offset 4: header size ", header->header_size, ", expected ",
                                       sizeof(Header), " to ", bytes.size())};
  const std::uint32_t base = header->header_size;
  BtfExt result;
  TRY(const auto functions, table_bytes(bytes, base, header->func_offset, header->func_size, "function info"));
  TRY(const auto lines, table_bytes(bytes, base, header->line_offset, header->line_size, "line info"));
  TRY(result.functions,
      (read_table<FuncRecord, RawFunc>(functions, std::uint64_t{base} + header->func_offset, "function info", btf)));
  TRY(result.lines,
      (read_table<LineRecord, RawLine>(lines, std::uint64_t{base} + header->line_offset, "line info", btf)));
  if (base < sizeof(Header) + sizeof(CoreHeader)) return result;
  const auto core_header = read_at<CoreHeader>(bytes, sizeof(Header));
  TRY(const auto core, table_bytes(bytes, base, core_header->offset, core_header->size, "CO-RE"));
  TRY(result.core, (read_table<CoreRecord, RawCore>(core, std::uint64_t{base} + core_header->offset, "CO-RE", btf)));
  return result;
}

std::string_view core_kind_name(std::uint32_t kind) {
  // UAPI enum bpf_core_relo_kind.
  static constexpr std::array<std::string_view, 13> kNames = {
      "field_byte_offset", "field_byte_size", "field_exists",   "field_signed", "field_lshift_u64",
      "field_rshift_u64",  "type_id_local",   "type_id_target", "type_exists",  "type_size",
      "enumval_exists",    "enumval_value",   "type_matches"};
  return kind < kNames.size() ? kNames[kind] : "unknown";
}

}  // namespace skep
