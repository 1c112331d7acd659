// SPDX-License-Identifier: Apache-2.0
// Decoding of .BTF, record by record. Nothing of the input is trusted: every read is bounded, every count is bounded by
// the bytes that remain before anything is allocated for it.
#include <algorithm>
#include <limits>

#include "base/byte_reader.h"
#include "base/cat.h"
#include "base/try.h"
#include "btf/format.h"
#include "btf/parser.h"

namespace skep {

namespace {

using namespace btf::format;

constexpr std::uint16_t kMagicSwapped = 0x9feb;
// The kernel's BTF_MAX_TYPE and BTF_MAX_NAME_OFFSET.
constexpr std::uint32_t kMaxTypes = 0x000fffff;
constexpr std::uint32_t kMaxStrings = 0x00ffffff;

struct Words1 {
  std::uint32_t a = 0;
};
struct Words2 {
  std::uint32_t a = 0, b = 0;
};
struct Words3 {
  std::uint32_t a = 0, b = 0, c = 0;
};

}  // namespace

Error BtfParser::malformed(const std::string& what) const {
  return Error{Errc::kMalformed, cat(".BTF offset ", types_offset_ + position_, ", type ", btf_.size(), ": ", what)};
}

template <class T>
Result<T> BtfParser::next() {
  const std::optional<T> value = read_at<T>(types_, position_);
  if (!value)
    return Error{Errc::kTruncated,
                 cat(".BTF offset ", types_offset_ + position_, ", type ", btf_.size(), ": ", sizeof(T),
                     " bytes expected, ", types_.size() - std::min<std::uint64_t>(position_, types_.size()), " left")};
  position_ += sizeof(T);
  return *value;
}

Result<std::string_view> BtfParser::text(std::uint32_t offset) const {
  const std::optional<std::string_view> found = text_at(*btf_.strings_, offset);
  if (!found)
    return malformed(
        cat("string offset ", offset, " lies outside the string section of ", btf_.strings_->size(), " bytes"));
  return *found;
}

Result<Btf> BtfParser::run(std::span<const std::byte> bytes) {
  TRY_OK(read_header(bytes));
  TRY_OK(read_types());
  TRY_OK(check_references());
  TRY_OK(check_kinds());
  TRY_OK(compute_sizes());
  TRY_OK(check_members());
  index_names();
  return std::move(btf_);
}

Status BtfParser::read_header(std::span<const std::byte> bytes) {
  const std::optional<Header> header = read_at<Header>(bytes, 0);
  if (!header)
    return Error{Errc::kTruncated, cat(".BTF: ", bytes.size(), " bytes, a header of ", sizeof(Header), " expected")};
  if (header->magic == kMagicSwapped)
    return Error{Errc::kUnsupported, ".BTF offset 0: big-endian BTF; compile for a little-endian target (-target bpf)"};
  if (header->magic != kMagic)
    return Error{Errc::kMalformed, cat(".BTF offset 0: magic ", header->magic, ", expected ", kMagic)};
  if (header->version != 1)
    return Error{Errc::kUnsupported, cat(".BTF offset 2: version ", header->version, ", expected 1")};
  if (header->header_size < sizeof(Header) || header->header_size > bytes.size())
    return Error{Errc::kMalformed, cat(".BTF offset 4: header size ", header->header_size, ", expected ",
                                       sizeof(Header), " to ", bytes.size())};
  const std::uint64_t base = header->header_size;
  const auto types = slice(bytes, base + header->type_offset, header->type_size);
  const auto strings = slice(bytes, base + header->string_offset, header->string_size);
  if (!types || header->type_offset % 4 != 0)
    return Error{Errc::kMalformed, cat(".BTF offset 8: types at ", header->type_offset, " of size ", header->type_size,
                                       ", expected 4-byte aligned within ", bytes.size() - base, " bytes")};
  if (!strings || header->string_size > kMaxStrings)
    return Error{Errc::kMalformed,
                 cat(".BTF offset 16: strings at ", header->string_offset, " of size ", header->string_size,
                     ", expected within ", bytes.size() - base, " bytes and at most ", kMaxStrings)};
  const bool overlap = header->type_offset < std::uint64_t{header->string_offset} + header->string_size &&
                       header->string_offset < std::uint64_t{header->type_offset} + header->type_size;
  if (overlap) return Error{Errc::kMalformed, ".BTF offset 8: the types and the strings overlap"};
  std::string text(strings->size(), '\0');
  std::transform(strings->begin(), strings->end(), text.begin(), [](std::byte b) { return static_cast<char>(b); });
  if (text.empty() || text.front() != '\0' || text.back() != '\0')
    return Error{Errc::kMalformed,
                 cat(".BTF offset ", base + header->string_offset, ": the strings must begin and end with a NUL byte")};
  btf_.strings_ = std::make_shared<const std::string>(std::move(text));
  types_ = *types;
  types_offset_ = base + header->type_offset;
  return kOk;
}

Status BtfParser::read_types() {
  btf_.types_.emplace_back(btf::Void{});
  while (position_ < types_.size()) {
    if (btf_.size() > kMaxTypes) return Error{Errc::kLimit, cat(".BTF: more than ", kMaxTypes, " types")};
    TRY(const Words3 words, next<Words3>());
    TRY(btf::Type type, read_type({.name_offset = words.a, .info = words.b, .size_or_type = words.c}));
    btf_.types_.push_back(std::move(type));
  }
  return kOk;
}

Result<btf::Type> BtfParser::read_type(const Record& record) {
  if (record.kind() == 0 || record.kind() >= kKinds)
    return malformed(cat("kind ", record.kind(), ", expected 1 to ", kKinds - 1));
  const TypeId target = record.size_or_type;
  TRY(const std::string_view name, text(record.name_offset));
  using btf::Type;
  switch (static_cast<Kind>(record.kind())) {
    case Kind::kVoid:
      break;
    case Kind::kInt:
      return read_int(record);
    case Kind::kPointer:
      return Type{btf::Pointer{target}};
    case Kind::kArray:
      return read_array();
    case Kind::kStruct:
      return read_composite(record, btf::Aggregate::kStruct);
    case Kind::kUnion:
      return read_composite(record, btf::Aggregate::kUnion);
    case Kind::kEnum:
      return read_enum(record);
    case Kind::kForward:
      return Type{btf::Forward{name, record.flag() ? btf::Aggregate::kUnion : btf::Aggregate::kStruct}};
    case Kind::kTypedef:
      return Type{btf::Typedef{name, target}};
    case Kind::kVolatile:
      return Type{btf::Qualifier{btf::QualifierKind::kVolatile, target}};
    case Kind::kConst:
      return Type{btf::Qualifier{btf::QualifierKind::kConst, target}};
    case Kind::kRestrict:
      return Type{btf::Qualifier{btf::QualifierKind::kRestrict, target}};
    case Kind::kFunc:
      return read_func(record);
    case Kind::kFuncProto:
      return read_func_proto(record);
    case Kind::kVar:
      return read_var(record);
    case Kind::kDataSec:
      return read_data_section(record);
    case Kind::kFloat:
      return Type{btf::Float{name, record.size_or_type}};
    case Kind::kDeclTag:
      return read_decl_tag(record);
    case Kind::kTypeTag:
      return Type{btf::TypeTag{name, target}};
    case Kind::kEnum64:
      return read_enum64(record);
  }
  return malformed("kind 0 is void and has no record");
}

Result<btf::Type> BtfParser::read_int(const Record& record) {
  TRY(const Words1 data, next<Words1>());
  TRY(const std::string_view name, text(record.name_offset));
  const std::uint32_t encoding = data.a >> 24 & 0xf, bit_offset = data.a >> 16 & 0xff, width = data.a & 0xff;
  const std::uint32_t size = record.size_or_type;
  if (size != 1 && size != 2 && size != 4 && size != 8 && size != 16)
    return malformed(cat("integer '", name, "' of ", size, " bytes, expected 1, 2, 4, 8 or 16"));
  if (width == 0 || bit_offset + width > size * 8)
    return malformed(cat("integer '", name, "' has bits ", bit_offset, " to ", bit_offset + width, " of ", size * 8));
  return btf::Type{btf::Int{.name = name,
                            .size = size,
                            .bits = static_cast<std::uint8_t>(width),
                            .bit_offset = static_cast<std::uint8_t>(bit_offset),
                            .is_signed = (encoding & 1) != 0,
                            .is_char = (encoding & 2) != 0,
                            .is_bool = (encoding & 4) != 0}};
}

Result<btf::Type> BtfParser::read_array() {
  TRY(const Words3 data, next<Words3>());
  return btf::Type{btf::Array{.element = data.a, .index = data.b, .count = data.c}};
}

Result<btf::Type> BtfParser::read_composite(const Record& record, btf::Aggregate kind) {
  TRY(const std::string_view name, text(record.name_offset));
  btf::Composite result{.kind = kind, .name = name, .size = record.size_or_type, .members = {}};
  for (std::uint32_t i = 0; i < record.count(); ++i) {
    TRY(const Words3 member, next<Words3>());
    TRY(const std::string_view member_name, text(member.a));
    // kind_flag: the offset word holds the width of a bitfield in its upper 8 bits.
    result.members.push_back({.name = member_name,
                              .type = member.b,
                              .bit_offset = record.flag() ? member.c & 0xffffff : member.c,
                              .bitfield_bits = record.flag() ? member.c >> 24 : 0});
  }
  return btf::Type{std::move(result)};
}

Result<btf::Type> BtfParser::read_enum(const Record& record) {
  TRY(const std::string_view name, text(record.name_offset));
  btf::Enum result{.name = name, .size = record.size_or_type, .is_signed = record.flag(), .values = {}};
  const bool declared_only = result.size == 0 && record.count() == 0;  // `enum mode;`
  if (!declared_only && result.size != 1 && result.size != 2 && result.size != 4 && result.size != 8)
    return malformed(cat("enumeration '", name, "' of ", result.size, " bytes, expected 1, 2, 4 or 8"));
  for (std::uint32_t i = 0; i < record.count(); ++i) {
    TRY(const Words2 value, next<Words2>());
    TRY(const std::string_view value_name, text(value.a));
    const auto number = static_cast<std::int32_t>(value.b);
    result.values.push_back(
        {.name = value_name, .value = result.is_signed ? static_cast<std::uint64_t>(std::int64_t{number}) : value.b});
  }
  return btf::Type{std::move(result)};
}

Result<btf::Type> BtfParser::read_enum64(const Record& record) {
  TRY(const std::string_view name, text(record.name_offset));
  btf::Enum result{.name = name, .size = record.size_or_type, .is_signed = record.flag(), .values = {}};
  if (result.size != 1 && result.size != 2 && result.size != 4 && result.size != 8)
    return malformed(cat("enumeration '", name, "' of ", result.size, " bytes, expected 1, 2, 4 or 8"));
  for (std::uint32_t i = 0; i < record.count(); ++i) {
    TRY(const Words3 value, next<Words3>());
    TRY(const std::string_view value_name, text(value.a));
    result.values.push_back({.name = value_name, .value = value.b | std::uint64_t{value.c} << 32});
  }
  return btf::Type{std::move(result)};
}

Result<btf::Type> BtfParser::read_func(const Record& record) {
  TRY(const std::string_view name, text(record.name_offset));
  if (record.count() > 2)
    return malformed(cat("function '", name, "' has linkage ", record.count(), ", expected 0 to 2"));
  return btf::Type{btf::Func{name, record.size_or_type, static_cast<btf::Linkage>(record.count())}};
}

Result<btf::Type> BtfParser::read_func_proto(const Record& record) {
  btf::FuncProto result{.returns = record.size_or_type, .parameters = {}};
  for (std::uint32_t i = 0; i < record.count(); ++i) {
    TRY(const Words2 parameter, next<Words2>());
    TRY(const std::string_view name, text(parameter.a));
    result.parameters.push_back({.name = name, .type = parameter.b});
  }
  return btf::Type{std::move(result)};
}

Result<btf::Type> BtfParser::read_var(const Record& record) {
  TRY(const Words1 data, next<Words1>());
  TRY(const std::string_view name, text(record.name_offset));
  if (data.a > 2) return malformed(cat("variable '", name, "' has linkage ", data.a, ", expected 0 to 2"));
  return btf::Type{btf::Var{name, record.size_or_type, static_cast<btf::Linkage>(data.a)}};
}

Result<btf::Type> BtfParser::read_data_section(const Record& record) {
  TRY(const std::string_view name, text(record.name_offset));
  btf::DataSec result{.name = name, .size = record.size_or_type, .vars = {}};
  for (std::uint32_t i = 0; i < record.count(); ++i) {
    TRY(const Words3 var, next<Words3>());
    result.vars.push_back({.var = var.a, .offset = var.b, .size = var.c});
  }
  return btf::Type{std::move(result)};
}

Result<btf::Type> BtfParser::read_decl_tag(const Record& record) {
  TRY(const Words1 data, next<Words1>());
  TRY(const std::string_view value, text(record.name_offset));
  btf::DeclTag result{.value = value, .target = record.size_or_type, .component = std::nullopt};
  if (data.a != std::numeric_limits<std::uint32_t>::max()) result.component = data.a;
  return btf::Type{result};
}

}  // namespace skep
