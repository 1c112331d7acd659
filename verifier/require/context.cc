// SPDX-License-Identifier: Apache-2.0
// The context: which fields a program type may read and write, in which sizes (tables/contexts.def).
#include <algorithm>
#include <array>

#include "base/try.h"
#include "base/unreachable.h"
#include "verifier/domain/print.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

enum class FieldValue : std::uint8_t { Scalar, PacketData, PacketMeta, PacketEnd };
struct Field {
  ContextKind context{};
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  FieldValue value{};
  ProgramTypeSet read = kNoTypes, write = kNoTypes;
};
constexpr auto kFields = std::to_array<Field>({
#define CONTEXT_FIELD(context, name, offset, size, value, member, read, write) \
  {ContextKind::k##context, offset, size, FieldValue::value, read, write},
#include "skep/tables/contexts.def"
});
constexpr auto kBytes = std::to_array<std::uint32_t>({
#define CONTEXT(name, uapi, run_time, bytes) bytes,
#include "skep/tables/contexts.def"
});

constexpr std::uint32_t kSkbFirstCb = 48, kSkbCbEnd = 68;
constexpr std::uint32_t kXdpEgress = 20, kAttachXdpDevmap = 33;

const Field* field_at(ContextKind context, std::uint32_t offset) {
  const auto found = std::find_if(kFields.begin(), kFields.end(), [&](const Field& field) {
    return field.context == context && field.offset <= offset && offset < field.offset + field.size;
  });
  return found == kFields.end() ? nullptr : &*found;
}

struct Request {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  AccessMode mode{};
  isa::Extend extend{};
};

ContextValue result_of(FieldValue value) {
  switch (value) {
    case FieldValue::Scalar:
      return ContextValue::kScalar;
    case FieldValue::PacketData:
      return ContextValue::kPacketData;
    case FieldValue::PacketMeta:
      return ContextValue::kPacketMeta;
    case FieldValue::PacketEnd:
      return ContextValue::kPacketEnd;
  }
  unreachable();
}

/// Contexts made of fields: sk_buff allows parts of its 32-bit scalar fields to be read, xdp_md allows none.
bool allows_fields(const Program& program, ContextKind context, const Request& want, ContextValue& value) {
  const Field* const field = field_at(context, want.offset);
  if (field == nullptr) return false;
  if (!contains(want.mode == AccessMode::kRead ? field->read : field->write, program.type)) return false;
  if (context == ContextKind::kXdp) {
    if (want.size != field->size) return false;
    if (field->offset == kXdpEgress && program.attach_type != kAttachXdpDevmap) return false;
  }
  if (context == ContextKind::kSkBuff && want.offset >= kSkbFirstCb && want.offset < kSkbCbEnd)
    return want.offset + want.size <= kSkbCbEnd;
  const bool whole = want.offset == field->offset && want.size == field->size;
  value = result_of(field->value);
  if (value != ContextValue::kScalar) return whole && want.extend == isa::Extend::kZero;
  if (whole) return true;
  return want.mode == AccessMode::kRead && field->size == 4 && want.offset + want.size <= field->offset + field->size;
}

bool allows(const Program& program, const Request& want, ContextValue& value) {
  const ContextKind context = info(program.type).context;
  if (want.offset >= kBytes[static_cast<std::size_t>(context)] || want.offset % want.size != 0) return false;
  constexpr std::uint32_t kPtRegsBytes = 168;
  const bool reads = want.mode == AccessMode::kRead;
  switch (context) {
    case ContextKind::kNone:
      return false;
    case ContextKind::kXdp:
    case ContextKind::kSkBuff:
      return allows_fields(program, context, want, value);
    case ContextKind::kPtRegs:
      return reads && want.offset + want.size <= kPtRegsBytes;
    case ContextKind::kTracepoint:
      return reads && want.offset >= 8;
    case ContextKind::kRawTracepoint:
      return reads;
    case ContextKind::kPerfEvent:
      return reads && (want.offset >= kPtRegsBytes || want.size == 8);
    case ContextKind::kSyscall:
      return true;
  }
  unreachable();
}

}  // namespace

Check check_unmodified(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  const std::string kind(info(value.kind).name);
  if (value.offset < 0)
    return run.reject(DiagCode::kNegativeOffset, kind, std::uint64_t{reg}, std::int64_t{value.offset});
  if (value.offset != 0)
    return run.reject(DiagCode::kModifiedPointer, kind, std::uint64_t{reg}, std::int64_t{value.offset});
  if (!value.scalar.is_constant() || value.scalar.value() != 0)
    return run.reject(DiagCode::kVariablePointer, kind, print_bits(value.scalar.bits));
  return Check::ok();
}

Check check_context(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode,
                    isa::Extend extend, ContextValue& value) {
  TRY_OK(check_unmodified(run, reg));
  value = ContextValue::kScalar;
  const Request want{.offset = static_cast<std::uint32_t>(offset), .size = size, .mode = mode, .extend = extend};
  if (offset >= 0 && allows(run.program, want, value)) return Check::ok();
  return run.reject(DiagCode::kInvalidContextAccess, std::int64_t{offset}, std::uint64_t{size});
}

}  // namespace skep::verifier
