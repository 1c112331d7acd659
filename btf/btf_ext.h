// SPDX-License-Identifier: Apache-2.0
// .BTF.ext: which function and which source line each instruction belongs to, and CO-RE relocations.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "skep/btf.h"

namespace skep {

/// Offsets are bytes into the code section `section`. All names are views into the Btf given to parse_btf_ext().
struct FuncRecord {
  std::uint32_t offset = 0;
  TypeId type = 0;
};
struct LineRecord {
  std::uint32_t offset = 0;
  std::string_view file;
  std::string_view text;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};
/// The instruction at `offset` holds a property of `access` in `type` that depends on the running kernel's types.
struct CoreRecord {
  std::uint32_t offset = 0;
  TypeId type = 0;
  std::string_view access;  ///< "0:1:2": indices of the members on the way from `type`.
  std::uint32_t kind = 0;   ///< UAPI bpf_core_relo_kind.
};
template <class Record>
struct SectionRecords {
  std::string_view section;
  std::vector<Record> records;
};
struct BtfExt {
  std::vector<SectionRecords<FuncRecord>> functions;
  std::vector<SectionRecords<LineRecord>> lines;
  std::vector<SectionRecords<CoreRecord>> core;
};

/// The contents of a section .BTF.ext whose names and types are those of `btf`.
Result<BtfExt> parse_btf_ext(std::span<const std::byte> bytes, const Btf& btf);

/// UAPI name of a CO-RE relocation kind without its prefix: "field_byte_offset"; "unknown" where there is none.
std::string_view core_kind_name(std::uint32_t kind);

}  // namespace skep
