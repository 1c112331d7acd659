// SPDX-License-Identifier: Apache-2.0
// The bytes of .BTF (docs.kernel.org/bpf/btf.html): what parse.cc reads and encode.cc writes.
#pragma once
#include <cstdint>

namespace skep::btf::format {

inline constexpr std::uint16_t kMagic = 0xeb9f;

struct Header {
  std::uint16_t magic = 0;
  std::uint8_t version = 0;
  std::uint8_t flags = 0;
  std::uint32_t header_size = 0;
  std::uint32_t type_offset = 0, type_size = 0;
  std::uint32_t string_offset = 0, string_size = 0;
};
static_assert(sizeof(Header) == 24);

/// BTF_KIND_*.
enum class Kind : std::uint32_t {
  kVoid,
  kInt,
  kPointer,
  kArray,
  kStruct,
  kUnion,
  kEnum,
  kForward,
  kTypedef,
  kVolatile,
  kConst,
  kRestrict,
  kFunc,
  kFuncProto,
  kVar,
  kDataSec,
  kFloat,
  kDeclTag,
  kTypeTag,
  kEnum64,
};
inline constexpr std::uint32_t kKinds = 20;

}  // namespace skep::btf::format
