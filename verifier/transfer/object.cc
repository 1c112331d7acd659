// SPDX-License-Identifier: Apache-2.0
// Objects of the program's own types (bpf_obj_new): what a load or store through a pointer to one may touch.
#include <string>

#include "base/try.h"
#include "verifier/btf/walk.h"
#include "verifier/domain/print.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

/// An access to a member of the object, by its type in the program's BTF.
Check check_object_access(Run& run, const Access& access) {
  const Value& base = run.reg(access.base);
  const Btf& types = *run.program.btf;
  const std::string name(struct_name(types, base.target));
  if (!base.scalar.is_constant() || base.scalar.value() != 0)
    return run.reject(DiagCode::kVariableFieldOffset, std::uint64_t{access.base}, name, std::int64_t{base.offset},
                      print_bits(base.scalar.bits));
  const std::int64_t offset = std::int64_t{base.offset} + access.offset;
  if (offset < 0) return run.reject(DiagCode::kNegativeFieldOffset, std::uint64_t{access.base}, name, offset);
  if (base.has(PointerFlag::kPerCpu))
    return run.reject(DiagCode::kForeignAddressSpace, std::uint64_t{access.base}, name, std::string("percpu"), offset);
  if (!base.has(PointerFlag::kUntrusted))
    for (const SpecialField& field : fields_of_type(run, base.target).fields)
      if (offset < std::int64_t{field.offset} + field.size && std::int64_t{field.offset} < offset + access.bytes())
        return run.reject(DiagCode::kObjectDirectAccess, std::string(info(field.kind).name));
  const Field field = walk(types, base.target, static_cast<std::uint32_t>(offset), access.bytes());
  return field.kind == FieldKind::kInvalid ? run.reject(DiagCode::kInvalidField, field.fault) : Check::ok();
}

}  // namespace

Check load_object(Run& run, const Access& access, std::uint32_t dst) {
  TRY_OK(check_object_access(run, access));
  run.reg(dst) = unknown_scalar();
  return Check::ok();
}

Check store_object(Run& run, const Access& access) {
  if (run.reg(access.base).has(PointerFlag::kUntrusted)) return run.reject(DiagCode::kReadOnlyStruct);
  return check_object_access(run, access);
}

Value object_pointer(TypeId type, std::uint32_t offset) {
  Value value = pointer(ValueKind::kBtf);
  value.set(PointerFlag::kAlloc);
  value.target = type;
  value.offset = static_cast<std::int32_t>(offset);
  return value;
}

}  // namespace skep::verifier
