// SPDX-License-Identifier: Apache-2.0
// The context: which fields a program type may read and write, in which sizes (tables/contexts.def).
#include "base/try.h"
#include "skep/context_field.h"
#include "verifier/domain/print.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

struct Request {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  AccessMode mode{};
  isa::Extend extend{};
};

bool allows(const ContextField& field, const Program& program, const Request& want) {
  if (!field.shape.allows(want.offset, want.size, want.mode == AccessMode::kRead)) return false;
  const HookSet& hooks = want.mode == AccessMode::kRead ? field.read : field.write;
  if (!contains(hooks, program.type, program.attach_type)) return false;
  return field.value == FieldValue::Scalar || want.extend == isa::Extend::kZero;
}

/// The field that the access is to; nullptr: there is none that allows it.
const ContextField* find_field(const Program& program, const Request& want) {
  if (want.offset % want.size != 0) return nullptr;
  for (const ContextField& field : fields_of(info(program.type).context))
    if (allows(field, program, want)) return &field;
  return nullptr;
}

}  // namespace

Check check_constant_offset(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  const std::string kind = kind_name(value);
  if (value.offset < 0)
    return run.reject(DiagCode::kNegativeOffset, kind, std::uint64_t{reg}, std::int64_t{value.offset});
  if (!value.scalar.is_constant() || value.scalar.value() != 0)
    return run.reject(DiagCode::kVariablePointer, kind, print_bits(value.scalar.bits));
  return Check::ok();
}

Check check_unmodified(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  if (value.offset > 0)
    return run.reject(DiagCode::kModifiedPointer, kind_name(value), std::uint64_t{reg}, std::int64_t{value.offset});
  return check_constant_offset(run, reg);
}

Check check_context(Run& run, std::uint32_t reg, std::int32_t offset, std::uint32_t size, AccessMode mode,
                    isa::Extend extend, FieldValue& value) {
  TRY_OK(check_unmodified(run, reg));
  const Request want{.offset = static_cast<std::uint32_t>(offset), .size = size, .mode = mode, .extend = extend};
  const ContextField* const field = offset < 0 ? nullptr : find_field(run.program, want);
  if (field != nullptr) return value = field->value, Check::ok();
  return run.reject(DiagCode::kInvalidContextAccess, std::int64_t{offset}, std::uint64_t{size});
}

}  // namespace skep::verifier
