// SPDX-License-Identifier: Apache-2.0
#include "verifier/btf/operations.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/cat.h"
#include "verifier/btf/walk.h"

namespace skep::verifier {
namespace {

constexpr std::uint32_t kBits = 8;

constexpr auto kStructures = std::to_array<std::string_view>({
#define OPERATIONS(name) #name,
#include "verifier/btf/operations.def"
});

struct Operation {
  std::string_view structure, member;
  friend bool operator==(const Operation&, const Operation&) = default;
};
constexpr auto kRefused = std::to_array<Operation>({
#define REFUSED_OPERATION(structure, member) {#structure, #member},
#include "verifier/btf/operations.def"
});
constexpr auto kWakeful = std::to_array<Operation>({
#define WAKEFUL_OPERATION(structure, member) {#structure, #member},
#include "verifier/btf/operations.def"
});

struct RefusedHelper {
  std::string_view structure, member, helper;
};
constexpr auto kRefusedHelpers = std::to_array<RefusedHelper>({
#define REFUSED_HELPER(structure, member, helper) {#structure, #member, #helper},
#include "verifier/btf/operations.def"
});

struct Promotion {
  std::string_view structure, from, to;
};
constexpr auto kPromotions = std::to_array<Promotion>({
#define PROMOTED_ARGUMENT(structure, from, to) {#structure, #from, #to},
#include "verifier/btf/operations.def"
});

enum class Place : std::uint8_t { Start, Anywhere };
struct Writable {
  std::string_view structure, type, member;
  Place place{};
};
constexpr auto kWritable = std::to_array<Writable>({
#define WRITABLE_FIELD(structure, type, member, place) {#structure, #type, #member, Place::place},
#include "verifier/btf/operations.def"
});

struct Bytes {
  std::uint32_t begin = 0, end = 0;
  TypeId type = 0;
};
/// Where the first member of that name lies, however deep.
std::optional<Bytes> find_member(const Btf& btf, TypeId type, std::string_view name, std::uint32_t depth = 0) {
  const auto* composite = btf.find<btf::Composite>(btf.resolve(type));
  if (composite == nullptr || depth == Btf::kMaxDepth) return std::nullopt;
  for (const btf::Member& member : composite->members) {
    const std::uint32_t start = member.bit_offset / kBits;
    const auto size = btf.size_of(member.type);
    if (member.name == name && size) return Bytes{.begin = start, .end = start + *size, .type = member.type};
    const auto inner = find_member(btf, member.type, name, depth + 1);
    if (inner) return Bytes{.begin = start + inner->begin, .end = start + inner->end, .type = inner->type};
  }
  return std::nullopt;
}
/// The same of "OUTER.INNER".
std::optional<Bytes> find_path(const Btf& btf, TypeId type, std::string_view path) {
  const std::size_t dot = path.find('.');
  const auto outer = find_member(btf, type, path.substr(0, dot));
  if (!outer || dot == std::string_view::npos) return outer;
  const auto inner = find_path(btf, outer->type, path.substr(dot + 1));
  if (!inner) return std::nullopt;
  return Bytes{.begin = outer->begin + inner->begin, .end = outer->begin + inner->end, .type = inner->type};
}

}  // namespace

bool is_operations(std::string_view structure) {
  return std::find(kStructures.begin(), kStructures.end(), structure) != kStructures.end();
}
bool may_implement(std::string_view structure, std::string_view member) {
  return std::find(kRefused.begin(), kRefused.end(), Operation{structure, member}) == kRefused.end();
}
bool may_sleep(std::string_view structure, std::string_view member) {
  return std::find(kWakeful.begin(), kWakeful.end(), Operation{structure, member}) == kWakeful.end();
}

bool may_call(std::string_view structure, std::string_view member, std::string_view helper) {
  const auto names = [](std::string_view row, std::string_view name) { return row == "all" || row == name; };
  return std::none_of(kRefusedHelpers.begin(), kRefusedHelpers.end(), [&](const RefusedHelper& row) {
    return row.structure == structure && names(row.member, member) && names(row.helper, helper);
  });
}

TypeId promoted(const Btf& kernel, std::string_view structure, TypeId type) {
  for (const Promotion& one : kPromotions)
    if (one.structure == structure && kernel.name(type) == one.from) return kernel.find_by_name<btf::Composite>(one.to);
  return type;
}

std::string why_not_writable(const Btf& kernel, std::string_view structure, TypeId type, std::uint32_t offset,
                             std::uint32_t size) {
  const std::string_view name = struct_name(kernel, type);
  bool has_rows = false, one_member = false;
  for (const Writable& one : kWritable) {
    if (one.structure != structure || one.type != name) continue;
    one_member = !has_rows;
    has_rows = true;
    const auto bytes = find_path(kernel, type, one.member);
    if (!bytes || offset < bytes->begin || offset >= bytes->end) continue;
    if (one.place == Place::Start && offset != bytes->begin) continue;
    if (std::uint64_t{offset} + size <= bytes->end) return {};
    if (!one_member)
      return cat("write access at off ", offset, " with size ", size, " beyond the member of ", name, " ended at ",
                 bytes->end);
  }
  if (!has_rows) return "only read is supported";
  if (one_member) return cat("write access at off ", offset, " with size ", size);
  return cat("no write support to ", name, " at off ", offset);
}

}  // namespace skep::verifier
