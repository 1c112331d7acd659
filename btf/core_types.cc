// SPDX-License-Identifier: Apache-2.0
// Which types of the target may stand for a type of the object.
#include <algorithm>

#include "base/cat.h"
#include "base/try.h"
#include "btf/core.h"

namespace skep::core {

namespace {

constexpr int kMaxDepth = 32;

bool same_kind(const btf::Type& a, const btf::Type& b) {
  if (a.index() != b.index()) return false;
  const auto* composite = std::get_if<btf::Composite>(&a);
  return composite == nullptr || composite->kind == std::get<btf::Composite>(b).kind;
}
bool same_name(std::string_view a, std::string_view b) { return essential_name(a) == essential_name(b); }

bool plain_integers(const btf::Type& a, const btf::Type& b) {
  return std::get<btf::Int>(a).bit_offset == 0 && std::get<btf::Int>(b).bit_offset == 0;
}

/// A type of each side, and how deep the comparison may still go.
struct Pair {
  const Btf& local_btf;
  TypeId local = 0;
  const Btf& target_btf;
  TypeId target = 0;

  [[nodiscard]] Pair resolved() const { return at(local_btf.resolve(local), target_btf.resolve(target)); }
  [[nodiscard]] Pair at(TypeId new_local, TypeId new_target) const {
    return {.local_btf = local_btf, .local = new_local, .target_btf = target_btf, .target = new_target};
  }
  [[nodiscard]] const btf::Type& local_type() const { return local_btf.type(local); }
  [[nodiscard]] const btf::Type& target_type() const { return target_btf.type(target); }
};

Error too_deep(const Pair& pair) {
  return Error{Errc::kLimit, cat("CO-RE: type ", pair.local, " '", pair.local_btf.name(pair.local),
                                 "' nests more than ", kMaxDepth, " types")};
}

Result<bool> compatible(const Pair& unresolved, int depth);

template <class Compare>
Result<bool> compare_prototypes(const Pair& pair, const Compare& compare) {
  const auto& local = std::get<btf::FuncProto>(pair.local_type());
  const auto& target = std::get<btf::FuncProto>(pair.target_type());
  if (local.parameters.size() != target.parameters.size()) return false;
  for (std::size_t i = 0; i < local.parameters.size(); ++i) {
    TRY(const bool fits, compare(pair.at(local.parameters[i].type, target.parameters[i].type)));
    if (!fits) return false;
  }
  return compare(pair.at(local.returns, target.returns));
}

Result<bool> compatible(const Pair& unresolved, int depth) {
  const Pair pair = unresolved.resolved();
  if (depth == 0) return too_deep(pair);
  const btf::Type &local = pair.local_type(), &target = pair.target_type();
  if (!same_kind(local, target)) return false;
  if (std::holds_alternative<btf::Int>(local)) return plain_integers(local, target);
  if (const auto* pointer = std::get_if<btf::Pointer>(&local))
    return compatible(pair.at(pointer->target, std::get<btf::Pointer>(target).target), depth - 1);
  if (const auto* array = std::get_if<btf::Array>(&local))
    return compatible(pair.at(array->element, std::get<btf::Array>(target).element), depth - 1);
  if (std::holds_alternative<btf::FuncProto>(local))
    return compare_prototypes(pair, [&](const Pair& next) { return compatible(next, depth - 1); });
  return std::holds_alternative<btf::Void>(local) || std::holds_alternative<btf::Composite>(local) ||
         std::holds_alternative<btf::Enum>(local) || std::holds_alternative<btf::Forward>(local);
}

/// Behind a pointer, a structure's name is enough, and it may be only declared.
enum class Place : std::uint8_t { kDirect, kBehindPointer };
Result<bool> matches(const Pair& unresolved, Place place, int depth);

bool match_enums(const btf::Enum& local, const btf::Enum& target) {
  return local.values.size() <= target.values.size() &&
         std::all_of(local.values.begin(), local.values.end(), [&](const btf::Enumerator& wanted) {
           return std::any_of(target.values.begin(), target.values.end(),
                              [&](const btf::Enumerator& value) { return same_name(wanted.name, value.name); });
         });
}

Result<bool> match_members(const Pair& pair, int depth) {
  const auto& local = std::get<btf::Composite>(pair.local_type());
  const auto& target = std::get<btf::Composite>(pair.target_type());
  if (local.members.size() > target.members.size()) return false;
  for (const btf::Member& wanted : local.members) {
    bool found = false;
    for (const btf::Member& member : target.members) {
      if (!same_name(wanted.name, member.name)) continue;
      TRY(found, matches(pair.at(wanted.type, member.type), Place::kDirect, depth));
      if (found) break;
    }
    if (!found) return false;
  }
  return true;
}

Result<bool> match_composites(const Pair& pair, const btf::Composite& local, Place place, int depth) {
  const btf::Type& target = pair.target_type();
  if (same_kind(pair.local_type(), target))
    return place == Place::kBehindPointer ? Result(true) : match_members(pair, depth - 1);
  const auto* forward = std::get_if<btf::Forward>(&target);
  return place == Place::kBehindPointer && forward != nullptr && forward->kind == local.kind;
}

bool match_forwards(const btf::Forward& local, const btf::Type& target) {
  if (const auto* forward = std::get_if<btf::Forward>(&target)) return local.kind == forward->kind;
  const auto* composite = std::get_if<btf::Composite>(&target);
  return composite != nullptr && composite->kind == local.kind;
}

Result<bool> matches(const Pair& unresolved, Place place, int depth) {
  const Pair pair = unresolved.resolved();
  if (depth == 0) return too_deep(pair);
  if (!same_name(pair.local_btf.name(pair.local), pair.target_btf.name(pair.target))) return false;
  const btf::Type &local = pair.local_type(), &target = pair.target_type();
  if (const auto* forward = std::get_if<btf::Forward>(&local)) return match_forwards(*forward, target);
  if (const auto* composite = std::get_if<btf::Composite>(&local))
    return match_composites(pair, *composite, place, depth);
  if (local.index() != target.index()) return false;
  if (std::holds_alternative<btf::Void>(local)) return true;
  if (const auto* values = std::get_if<btf::Enum>(&local)) return match_enums(*values, std::get<btf::Enum>(target));
  if (const auto* number = std::get_if<btf::Int>(&local)) {
    const auto& other = std::get<btf::Int>(target);
    return number->size == other.size && number->is_signed == other.is_signed;
  }
  if (const auto* pointer = std::get_if<btf::Pointer>(&local))
    return matches(pair.at(pointer->target, std::get<btf::Pointer>(target).target), Place::kBehindPointer, depth - 1);
  if (const auto* array = std::get_if<btf::Array>(&local)) {
    const auto& other = std::get<btf::Array>(target);
    return array->count == other.count ? matches(pair.at(array->element, other.element), place, depth - 1)
                                       : Result(false);
  }
  if (std::holds_alternative<btf::FuncProto>(local))
    return compare_prototypes(pair, [&](const Pair& next) { return matches(next, place, depth - 1); });
  return false;
}

}  // namespace

bool fields_compatible(const Btf& local_btf, TypeId local, const Btf& target_btf, TypeId target) {
  while (true) {
    local = local_btf.resolve(local);
    target = target_btf.resolve(target);
    const btf::Type &mine = local_btf.type(local), &theirs = target_btf.type(target);
    if (std::holds_alternative<btf::Composite>(mine) && std::holds_alternative<btf::Composite>(theirs)) return true;
    if (!same_kind(mine, theirs)) return false;
    if (std::holds_alternative<btf::Pointer>(mine) || std::holds_alternative<btf::Float>(mine)) return true;
    if (std::holds_alternative<btf::Int>(mine)) return plain_integers(mine, theirs);
    if (std::holds_alternative<btf::Enum>(mine) || std::holds_alternative<btf::Forward>(mine)) {
      const std::string_view a = local_btf.name(local), b = target_btf.name(target);
      return a.empty() || b.empty() || same_name(a, b);
    }
    const auto* array = std::get_if<btf::Array>(&mine);  // Ends: nesting by value is bounded.
    if (array == nullptr) return false;
    local = array->element;
    target = std::get<btf::Array>(theirs).element;
  }
}

Result<bool> types_compatible(const Btf& local_btf, TypeId local, const Btf& target_btf, TypeId target) {
  if (!same_kind(local_btf.type(local), target_btf.type(target))) return false;
  return compatible({local_btf, local, target_btf, target}, kMaxDepth);
}

Result<bool> types_match(const Btf& local_btf, TypeId local, const Btf& target_btf, TypeId target) {
  return matches({local_btf, local, target_btf, target}, Place::kDirect, kMaxDepth);
}

}  // namespace skep::core
