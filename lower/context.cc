// SPDX-License-Identifier: Apache-2.0
// Context access. The program was compiled against the UAPI structure; the context that it is given has the members of
// include/skep/context.h. Member and field have the same bytes (hosts are little-endian), except that packet pointers
// grow from 32 to 64 bits, so that an access moves to its member's place and, for a packet pointer, widens.
#include <cstddef>
#include <string>

#include "base/try.h"
#include "lower/rewrite.h"
#include "skep/context.h"
#include "skep/context_field.h"

namespace skep::lower {
namespace {

struct Member {
  ContextKind kind{};
  FieldValue value{};
  std::uint32_t offset = 0, size = 0;
  std::uint32_t member_offset = 0, member_size = 0;
};

// Run-time structure of each kind of context; void: the program sees the bytes as they are.
template <ContextKind kind>
struct RunTime;
#define CONTEXT(name, uapi, type, bytes) \
  template <>                            \
  struct RunTime<ContextKind::k##name> { \
    using Type = type;                   \
  };
#include "skep/tables/contexts.def"

constexpr Member kMembers[] = {
#define CONTEXT_FIELD(context, name, offset, size, value, parts, member, read, write)    \
  {ContextKind::k##context,                                                              \
   FieldValue::value,                                                                    \
   offset,                                                                               \
   size,                                                                                 \
   static_cast<std::uint32_t>(offsetof(RunTime<ContextKind::k##context>::Type, member)), \
   static_cast<std::uint32_t>(sizeof(std::declval<RunTime<ContextKind::k##context>::Type&>().member))},
#include "skep/tables/contexts.def"
};
constexpr bool sizes_agree() {
  for (const Member& field : kMembers)
    if (field.member_size != (field.value == FieldValue::Scalar ? field.size : 8)) return false;
  return true;
}
static_assert(sizes_agree(), "a scalar member has its field's size, a packet pointer has 8 bytes");

constexpr bool is_rewritten(ContextKind kind) {
  switch (kind) {
#define CONTEXT(name, uapi, type, bytes) \
  case ContextKind::k##name:             \
    return !std::is_void_v<type>;
#include "skep/tables/contexts.def"
  }
  return false;
}

const Member* find_member(ContextKind kind, std::int64_t offset) {
  for (const Member& field : kMembers)
    if (field.kind == kind && offset >= field.offset && offset < std::int64_t{field.offset} + field.size) return &field;
  return nullptr;
}
constexpr std::int32_t shift_of(const Member& field) {
  return static_cast<std::int32_t>(field.member_offset) - static_cast<std::int32_t>(field.offset);
}

std::string field_name(ContextKind kind, std::int32_t offset) {
  for (const ContextField& field : fields_of(kind))
    if (offset >= static_cast<std::int32_t>(field.shape.offset) &&
        offset < static_cast<std::int32_t>(field.shape.offset + field.shape.size))
      return std::string(field.name);
  return "no field";
}

/// A context whose bytes are given as they are has no pointers that a program could follow.
Status check_bytes(ContextKind kind, InsnIndex at, std::int32_t offset, std::uint32_t size) {
  for (const ContextField& field : fields_of(kind)) {
    const bool here = field.shape.offset == static_cast<std::uint32_t>(offset) && field.shape.size == size;
    if (here && field.value != FieldValue::Scalar)
      return Error{Errc::kUnsupported, "instruction " + std::to_string(at) + " loads the context's pointer " +
                                           std::string(field.name) + ", which only the kernel can give"};
  }
  return kOk;
}

}  // namespace

Result<ContextAccess> rewrite_context(const Source& source, InsnIndex at, isa::Size size) {
  const ContextKind kind = info(source.program.type).context;
  if (!source.verified() || source.facts.insns[at].memory != MemoryKind::kContext)
    return ContextAccess{.shift = 0, .size = size};
  const std::int32_t offset = source.facts.insns[at].context_offset;
  if (!is_rewritten(kind)) {
    TRY_OK(check_bytes(kind, at, offset, isa::bytes(size)));
    return ContextAccess{.shift = 0, .size = size};
  }
  const Member* first = find_member(kind, offset);
  // The last byte's field may be another one (cb[0] and cb[1] as one word), when both moved by as much.
  const Member* last = find_member(kind, std::int64_t{offset} + isa::bytes(size) - 1);
  if (first == nullptr || last == nullptr || shift_of(*first) != shift_of(*last))
    return Error{Errc::kUnsupported, "instruction " + std::to_string(at) + ": access of " +
                                         std::to_string(isa::bytes(size)) + " bytes at offset " +
                                         std::to_string(offset) + " of the context (" + field_name(kind, offset) +
                                         "), which only the kernel can give"};
  if (first->value != FieldValue::Scalar) return ContextAccess{.shift = shift_of(*first), .size = isa::Size::k64};
  return ContextAccess{.shift = shift_of(*first), .size = size};
}

}  // namespace skep::lower
