// SPDX-License-Identifier: Apache-2.0
// What an instruction must hold: the property of the candidate that fits, or poison where none does.
#include <algorithm>
#include <string>

#include "base/cat.h"
#include "base/try.h"
#include "btf/core.h"

namespace skep::core {

namespace {

/// A property of one side, and the type and size of a field that is accessed directly.
struct Value {
  std::uint64_t value = 0;
  std::uint32_t size = 0;
  TypeId type = 0;
  bool ambiguous = false;  ///< Compilers may choose otherwise.
};
/// nullopt: the property does not exist on that side.
using Found = std::optional<Value>;

/// The bytes that a load of the field reads: for bitfields the smallest aligned integer that holds all of it.
struct Extent {
  std::uint64_t byte_offset = 0, bytes = 0, bits = 0;
};
Result<Extent> field_extent(const Btf& btf, const btf::Member& member, std::uint64_t bit_offset) {
  TRY(const std::uint32_t size, btf.size_of(member.type));
  if (member.bitfield_bits == 0)
    return Extent{.byte_offset = bit_offset / 8, .bytes = size, .bits = std::uint64_t{size} * 8};
  Extent extent{.byte_offset = 0, .bytes = size, .bits = member.bitfield_bits};
  while (true) {
    if (extent.bytes == 0 || extent.bytes > 8)
      return Error{Errc::kMalformed, cat("CO-RE: bitfield '", member.name, "' takes more than 8 bytes")};
    extent.byte_offset = bit_offset / 8 / extent.bytes * extent.bytes;
    if (bit_offset + extent.bits <= (extent.byte_offset + extent.bytes) * 8) return extent;
    extent.bytes *= 2;
  }
}

bool is_signed(const Btf& btf, TypeId type) {
  const TypeId id = btf.resolve(type);
  if (const auto* number = btf.find<btf::Int>(id)) return number->is_signed;
  const auto* values = btf.find<btf::Enum>(id);
  return values != nullptr && values->is_signed;
}

Result<Found> element_value(Kind kind, const Btf& btf, const Spec& spec) {
  TRY(const std::uint32_t size, btf.size_of(spec.steps.back().type));
  const TypeId type = spec.steps.back().type;
  if (kind == Kind::kFieldByteOffset)
    return Found(Value{.value = spec.bit_offset / 8, .size = size, .type = type, .ambiguous = false});
  if (kind == Kind::kFieldByteSize) return Found(Value{.value = size, .size = 0, .type = 0, .ambiguous = false});
  return Error{Errc::kMalformed,
               cat("CO-RE: ", core_kind_name(static_cast<std::uint32_t>(kind)), " of an array element")};
}

/// Of an array, loads and stores access an element.
Result<std::uint32_t> access_size(const Btf& btf, TypeId type) {
  TypeId id = btf.resolve(type);
  while (const auto* array = btf.find<btf::Array>(id)) id = btf.resolve(array->element);
  return btf.size_of(id);
}

Result<Found> field_value(Kind kind, const Btf& btf, const Spec& spec) {
  const Step& last = spec.steps.back();
  if (last.name.empty()) return element_value(kind, btf, spec);
  const btf::Member& member = btf.find<btf::Composite>(last.type)->members[last.index];
  TRY(const Extent extent, field_extent(btf, member, spec.bit_offset));
  const bool bitfield = member.bitfield_bits != 0;
  Value result{.value = 0, .size = 0, .type = btf.resolve(member.type), .ambiguous = bitfield};
  switch (kind) {
    case Kind::kFieldByteOffset:
      result.value = extent.byte_offset;
      if (!bitfield) {
        TRY(result.size, access_size(btf, member.type));
      }
      break;
    case Kind::kFieldByteSize:
      result.value = extent.bytes;
      break;
    case Kind::kFieldSigned:
      result.value = is_signed(btf, member.type) ? 1 : 0;
      result.ambiguous = false;
      break;
    case Kind::kFieldLeftShift:
      result.value = 64 - (spec.bit_offset + extent.bits - extent.byte_offset * 8);
      break;
    case Kind::kFieldRightShift:
      result.value = 64 - extent.bits;
      result.ambiguous = false;
      break;
    case Kind::kFieldExists:
    case Kind::kTypeIdLocal:
    case Kind::kTypeIdTarget:
    case Kind::kTypeExists:
    case Kind::kTypeSize:
    case Kind::kEnumeratorExists:
    case Kind::kEnumeratorValue:
    case Kind::kTypeMatches:
      break;  // No properties of a field, see property().
  }
  return Found(result);
}

/// The property of the type or enumerator that `spec` leads to.
Result<Found> property(Kind kind, const Btf& btf, const Spec& spec) {
  Value result;
  switch (kind) {
    case Kind::kFieldExists:
    case Kind::kEnumeratorExists:
    case Kind::kTypeExists:
    case Kind::kTypeMatches:
      result.value = 1;
      return Found(result);
    case Kind::kTypeIdLocal:
    case Kind::kTypeIdTarget:
      result.value = spec.root;
      result.ambiguous = true;  // Linkers renumber types.
      return Found(result);
    case Kind::kTypeSize: {
      TRY(result.value, btf.size_of(spec.root));
      return Found(result);
    }
    case Kind::kEnumeratorValue:
      result.value = btf.find<btf::Enum>(spec.steps[0].type)->values[spec.steps[0].index].value;
      return Found(result);
    case Kind::kFieldByteOffset:
    case Kind::kFieldByteSize:
    case Kind::kFieldSigned:
    case Kind::kFieldLeftShift:
    case Kind::kFieldRightShift:
      break;
  }
  return field_value(kind, btf, spec);
}

/// What the property is where the target has nothing that fits.
Found missing(Kind kind) {
  switch (kind) {
    case Kind::kFieldExists:
    case Kind::kEnumeratorExists:
    case Kind::kTypeIdTarget:
    case Kind::kTypeExists:
    case Kind::kTypeSize:
    case Kind::kTypeMatches:
      return Value{};
    case Kind::kFieldByteOffset:
    case Kind::kFieldByteSize:
    case Kind::kFieldSigned:
    case Kind::kFieldLeftShift:
    case Kind::kFieldRightShift:
    case Kind::kTypeIdLocal:
    case Kind::kEnumeratorValue:
      break;
  }
  return std::nullopt;
}

bool is_pointer(const Btf& btf, TypeId type) { return btf.find<btf::Pointer>(type) != nullptr; }
bool is_unsigned(const Btf& btf, TypeId type) {
  const auto* number = btf.find<btf::Int>(type);
  // Exactly "signed": a signed char or bool passes, as in libbpf.
  return number != nullptr && !(number->is_signed && !number->is_char && !number->is_bool);
}

/// Whether zero extension makes an access of another size give the same value.
bool may_resize(const Btf& local, TypeId from, const Btf& target, TypeId to) {
  return (is_pointer(local, from) && is_pointer(target, to)) || (is_unsigned(local, from) && is_unsigned(target, to));
}

Result<Decision> decide(Kind kind, const Btf& local_btf, const Spec& local, const Btf& target_btf,
                        const std::optional<Spec>& target) {
  Decision decision;
  TRY(const Found before, property(kind, local_btf, local));
  decision.original = before->value;
  decision.original_size = before->size;
  decision.checked = !before->ambiguous;
  Found after = missing(kind);
  if (target) {
    TRY(after, property(kind, target_btf, *target));
  }
  if (!after) {
    decision.poison = true;
    return decision;
  }
  decision.wanted = after->value;
  decision.wanted_size = after->size;
  decision.bad_access =
      target && before->size != after->size && !may_resize(local_btf, before->type, target_btf, after->type);
  return decision;
}

}  // namespace

void Resolver::list_flavours() {
  flavours_listed_ = true;
  for (TypeId id = 1; id < target_.size(); ++id) {
    const std::string_view name = target_.name(id);
    if (name.find("___") == std::string_view::npos) continue;
    if (const std::string_view plain = essential_name(name); plain != name) flavours_.emplace(plain, id);
  }
}

std::vector<TypeId> Resolver::find_candidates(TypeId local) {
  if (!flavours_listed_) list_flavours();
  const std::string_view name = essential_name(local_.name(local));
  std::vector<TypeId> found = target_.all_by_name(name);
  const auto [first, last] = flavours_.equal_range(name);
  for (auto it = first; it != last; ++it) found.push_back(it->second);
  const btf::Type& wanted = local_.type(local);
  const auto other_kind = [&](TypeId id) {
    const btf::Type& type = target_.type(id);
    if (type.index() != wanted.index()) return true;
    const auto* composite = std::get_if<btf::Composite>(&wanted);
    return composite != nullptr && composite->kind != std::get<btf::Composite>(type).kind;
  };
  found.erase(std::remove_if(found.begin(), found.end(), other_kind), found.end());
  std::sort(found.begin(), found.end());
  return found;
}

Result<Decision> Resolver::resolve(const CoreRecord& record) {
  TRY(const Spec local, parse_spec(local_, record));
  const auto kind = static_cast<Kind>(record.kind);
  const auto describe = [&] {
    return cat("CO-RE relocation ", core_kind_name(record.kind), " of '", local_.name(record.type), "' (",
               record.access, ")");
  };
  if (kind == Kind::kTypeIdLocal) return decide(kind, local_, local, local_, local);
  if (local_.name(record.type).empty())
    return Error{Errc::kUnsupported, cat(describe(), ": a type without a name cannot be found in the target")};
  auto [entry, added] = candidates_.try_emplace(record.type);
  if (added) entry->second = find_candidates(record.type);
  std::optional<Decision> result;
  std::uint64_t bit_offset = 0;
  std::vector<TypeId> fitting;
  for (const TypeId candidate : entry->second) {
    TRY(const std::optional<Spec> spec, match_spec(kind, local_, local, target_, candidate));
    if (!spec) continue;
    TRY(const Decision decision, decide(kind, local_, local, target_, spec));
    if (result && (spec->bit_offset != bit_offset || decision.wanted != result->wanted))
      return Error{Errc::kUnsupported, cat(describe(), ": types ", fitting.front(), " and ", candidate,
                                           " of the target both fit and differ")};
    if (!result) {
      result = decision;
      bit_offset = spec->bit_offset;
    }
    fitting.push_back(candidate);
  }
  if (!result) return decide(kind, local_, local, target_, std::nullopt);
  entry->second = std::move(fitting);
  return *result;
}

}  // namespace skep::core
