// SPDX-License-Identifier: Apache-2.0
// Pointers to objects of the kernel's types as arguments and results of helpers.
#include <string>

#include "base/try.h"
#include "base/unreachable.h"
#include "skep/btf.h"
#include "verifier/btf/match.h"
#include "verifier/btf/walk.h"
#include "verifier/transfer/helper_call.h"

namespace skep::verifier {
namespace {

constexpr std::string_view kObjectKinds = "ptr_, trusted_ptr_, rcu_ptr_";
constexpr std::string_view kPerCpuKinds = "percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_";

Check unsupported(Run& run, const Arguments& seen) {
  return run.reject(DiagCode::kUnsupported, "kernel objects of helper bpf_" + std::string(seen.proto.name));
}

/// An object that is alive, or that reads of cannot harm. What may be null does where null is allowed.
bool is_object(Value value, bool null_allowed) {
  if (value.kind != ValueKind::kBtf || (value.maybe_null && !null_allowed)) return false;
  value.clear(value.has(PointerFlag::kTrusted) ? PointerFlag::kTrusted : PointerFlag::kRcu);
  return value.flags == 0;
}

/// The kernel's structure of that name; 0: its BTF is not known, or has none.
TypeId find_struct(const Run& run, std::string_view name) {
  const Btf* const kernel = run.program.target_btf.get();
  return kernel == nullptr ? 0 : kernel->find_by_name<btf::Composite>(name);
}

/// What lies at the pointer is a `wanted`.
Check check_struct(Run& run, std::uint32_t reg, TypeId wanted) {
  const Value& value = run.reg(reg);
  const Btf& kernel = *run.program.target_btf;
  if (!struct_matches(kernel, kernel.resolve(value.target), value.offset, wanted, Matching::kEmbedded))
    return run.reject(DiagCode::kArgumentBtfType, std::uint64_t{reg}, std::string(struct_name(kernel, value.target)),
                      std::string(struct_name(kernel, wanted)));
  return check_constant_offset(run, reg);
}

/// This CPU's, or another's, copy of the per-CPU variable in r1.
Check return_percpu(Run& run, const Arguments& seen) {
  const Value variable = run.reg(1);
  const Btf* const kernel = run.program.target_btf.get();
  if (kernel == nullptr || variable.has(PointerFlag::kAlloc)) return unsupported(run, seen);
  Value result = variable;
  result.clear(PointerFlag::kPerCpu);
  if (kernel->find<btf::Composite>(kernel->resolve(variable.target)) != nullptr) {
    result.set(PointerFlag::kTrusted);
  } else {
    const auto size = kernel->size_of(variable.target);
    if (!size) return unsupported(run, seen);
    result = pointer(ValueKind::kMemory);
    result.read_only = true;
    result.extent = static_cast<std::int32_t>(*size);
  }
  result.maybe_null = seen.proto.returns.kind == RetKind::MemOrBtfIdOrNull;
  if (result.maybe_null) result.id = run.new_id();
  run.reg(isa::kR0) = result;
  return Check::ok();
}

}  // namespace

Check check_struct_argument(Run& run, std::uint32_t reg, std::string_view name) {
  const TypeId wanted = find_struct(run, name);
  if (wanted == 0) return run.reject(DiagCode::kUnsupported, "no kernel types to find struct " + std::string(name));
  return check_struct(run, reg, wanted);
}

Check check_kernel_object(Run& run, std::uint32_t reg, TypeId wanted, NullAllowed null) {
  if (!is_object(run.reg(reg), null == NullAllowed::kYes)) return wrong_type(run, reg, kObjectKinds);
  return check_struct(run, reg, wanted);
}

Check check_btf_argument(Run& run, std::uint32_t reg, const Arg& arg, Arguments& seen) {
  if (arg.kind == ArgKind::PtrToPercpuBtfId) {
    const Value& value = run.reg(reg);
    if (value.kind != ValueKind::kBtf || !value.has(PointerFlag::kPerCpu) || value.maybe_null)
      return wrong_type(run, reg, kPerCpuKinds);
    const bool variable = value.offset == 0 && !value.has(PointerFlag::kAlloc) && !value.has(PointerFlag::kUntrusted) &&
                          value.scalar.is_constant() && value.scalar.value() == 0;
    return variable ? Check::ok() : unsupported(run, seen);
  }
  if (!is_object(run.reg(reg), arg.kind == ArgKind::PtrToBtfIdOrNull)) return wrong_type(run, reg, kObjectKinds);
  return check_struct_argument(run, reg, arg.btf_type);
}

Check check_btf_memory(Run& run, std::uint32_t reg, std::uint32_t size, AccessMode mode) {
  const Value& value = run.reg(reg);
  if (mode != AccessMode::kRead || value.has(PointerFlag::kAlloc))
    return run.reject(DiagCode::kUnsupported, kind_name(value) + " as memory");
  TRY_OK(check_constant_offset(run, reg));
  const Btf& kernel = *run.program.target_btf;
  if (!is_gpl_compatible(run.program.license))
    return run.reject(DiagCode::kKernelStructGpl, std::string(struct_name(kernel, value.target)));
  const Field field = walk(kernel, value.target, static_cast<std::uint32_t>(value.offset), size);
  if (field.kind == FieldKind::kInvalid) return run.reject(DiagCode::kInvalidField, field.fault);
  return Check::ok();
}

Check return_btf(Run& run, const Arguments& seen) {
  const Ret& ret = seen.proto.returns;
  if (ret.kind == RetKind::MemOrBtfId || ret.kind == RetKind::MemOrBtfIdOrNull) return return_percpu(run, seen);
  auto value = kernel_object(run, ret.btf_type);
  if (!value) return unsupported(run, seen);
  if (ret.trusted) value->set(PointerFlag::kTrusted);
  value->maybe_null = ret.kind == RetKind::PtrToBtfIdOrNull;
  if (value->maybe_null) value->id = run.new_id();
  run.reg(isa::kR0) = *value;
  return Check::ok();
}

std::optional<Value> kernel_object(const Run& run, std::string_view type) {
  Value value = pointer(ValueKind::kBtf);
  value.target = find_struct(run, type);
  return value.target == 0 ? std::nullopt : std::optional<Value>{value};
}

}  // namespace skep::verifier
