// SPDX-License-Identifier: Apache-2.0
#include "verifier/btf/match.h"

#include <optional>
#include <string_view>

namespace skep::verifier {
namespace {

/// What lies at `offset` of a structure: the member's type and the offset within it.
struct Inner {
  TypeId type = 0;
  std::int64_t offset = 0;
};
std::optional<Inner> member_at(const Btf& btf, TypeId type, std::int64_t offset) {
  if (const auto* array = btf.find<btf::Array>(type)) {
    const auto size = btf.size_of(array->element);
    if (!size.has_value() || *size == 0) return std::nullopt;
    return Inner{.type = btf.resolve(array->element), .offset = offset % *size};
  }
  const auto* composite = btf.find<btf::Composite>(type);
  if (composite == nullptr) return std::nullopt;
  for (const btf::Member& member : composite->members) {
    if (member.bitfield_bits != 0) continue;
    const std::int64_t first = member.bit_offset / 8;
    const auto size = btf.size_of(member.type);
    if (size.has_value() && offset >= first && offset < first + *size)
      return Inner{.type = btf.resolve(member.type), .offset = offset - first};
  }
  return std::nullopt;
}

}  // namespace

bool struct_matches(const Btf& btf, TypeId type, std::int64_t offset, TypeId wanted, Matching how) {
  for (std::uint32_t depth = 0; depth < Btf::kMaxDepth; ++depth) {
    if (type == wanted && offset == 0) return true;
    if (how == Matching::kExact) return false;
    const auto inner = member_at(btf, type, offset);
    if (!inner) return false;
    type = inner->type;
    offset = inner->offset;
  }
  return false;
}

bool is_no_cast_alias(const Btf& btf, TypeId a, TypeId b) {
  constexpr std::string_view kSuffix = "___init";
  const std::string_view first = btf.name(a), second = btf.name(b);
  const auto extends = [&](std::string_view longer, std::string_view shorter) {
    return longer.size() == shorter.size() + kSuffix.size() && longer.ends_with(kSuffix) && longer.starts_with(shorter);
  };
  return extends(first, second) || extends(second, first);
}

}  // namespace skep::verifier
