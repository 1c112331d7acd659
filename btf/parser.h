// SPDX-License-Identifier: Apache-2.0
// Builds a Btf: decoding (parse.cc), then the properties that hold for the whole (layout.cc).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "skep/btf.h"

namespace skep {

class BtfParser {
 public:
  Result<Btf> run(std::span<const std::byte> bytes);

 private:
  // Type record: three words (Documentation/bpf/btf.rst, struct btf_type).
  struct Record {
    std::uint32_t name_offset = 0;
    std::uint32_t info = 0;
    std::uint32_t size_or_type = 0;
    [[nodiscard]] std::uint32_t count() const { return info & 0xffff; }
    [[nodiscard]] std::uint32_t kind() const { return info >> 24 & 0x1f; }
    [[nodiscard]] bool flag() const { return info >> 31 != 0; }
  };

  Status read_header(std::span<const std::byte> bytes);
  Status read_types();
  Result<btf::Type> read_type(const Record& record);
  Result<btf::Type> read_int(const Record& record);
  Result<btf::Type> read_array();
  Result<btf::Type> read_composite(const Record& record, btf::Aggregate kind);
  Result<btf::Type> read_enum(const Record& record);
  Result<btf::Type> read_enum64(const Record& record);
  Result<btf::Type> read_func(const Record& record);
  Result<btf::Type> read_func_proto(const Record& record);
  Result<btf::Type> read_var(const Record& record);
  Result<btf::Type> read_data_section(const Record& record);
  Result<btf::Type> read_decl_tag(const Record& record);

  template <class T>
  Result<T> next();
  [[nodiscard]] Result<std::string_view> text(std::uint32_t offset) const;
  [[nodiscard]] Error malformed(const std::string& what) const;

  // layout.cc
  [[nodiscard]] Status check_references() const;
  Status check_reference(TypeId from, TypeId to, const char* role) const;
  [[nodiscard]] Status check_kinds() const;
  Status compute_sizes();
  [[nodiscard]] Result<std::uint32_t> own_size(TypeId id) const;
  [[nodiscard]] Status check_members() const;
  void index_names();

  Btf btf_;
  std::span<const std::byte> types_;
  std::uint64_t types_offset_ = 0;  // Of types_ within the section, for messages.
  std::uint64_t position_ = 0;
};

/// The types that a value of `type` holds by value, with the name of that relation.
std::vector<TypeId> contained_types(const btf::Type& type);

}  // namespace skep
