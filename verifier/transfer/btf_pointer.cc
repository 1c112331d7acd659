// SPDX-License-Identifier: Apache-2.0
// Pointers to objects of the kernel's types: what a load through one gives, and what may be stored.
#include <string>

#include "base/cat.h"
#include "base/try.h"
#include "base/unreachable.h"
#include "skep/btf.h"
#include "verifier/btf/map_struct.h"
#include "verifier/btf/operations.h"
#include "verifier/btf/trust.h"
#include "verifier/btf/walk.h"
#include "verifier/domain/print.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

/// What must hold of the pointer, whatever lies at the offset.
Check check_btf_pointer(Run& run, const Access& access) {
  const Value& base = run.reg(access.base);
  const std::string name(struct_name(*run.program.target_btf, base.target));
  const std::int64_t offset = std::int64_t{base.offset} + access.offset;
  if (!is_gpl_compatible(run.program.license)) return run.reject(DiagCode::kKernelStructGpl, name);
  if (!base.scalar.is_constant() || base.scalar.value() != 0)
    return run.reject(DiagCode::kVariableFieldOffset, std::uint64_t{access.base}, name, std::int64_t{base.offset},
                      print_bits(base.scalar.bits));
  if (offset < 0) return run.reject(DiagCode::kNegativeFieldOffset, std::uint64_t{access.base}, name, offset);
  const bool user = base.has(PointerFlag::kUser);
  if (user || base.has(PointerFlag::kPerCpu))
    return run.reject(DiagCode::kForeignAddressSpace, std::uint64_t{access.base}, name,
                      std::string(user ? "user" : "percpu"), offset);
  return Check::ok();
}

void mark_or_null(Run& run, Value& value) {
  value.maybe_null = true;
  value.id = run.new_id();
}

/// How far the pointer that was read from `field` of `base` may be relied on.
void set_trust(Run& run, const Value& base, const Field& field, Value& result) {
  const Btf& kernel = *run.program.target_btf;
  if (base.has(PointerFlag::kUntrusted) || field.in_union) return result.set(PointerFlag::kUntrusted);
  if (field.space == AddressSpace::kUser) result.set(PointerFlag::kUser);
  if (field.space == AddressSpace::kPerCpu) result.set(PointerFlag::kPerCpu);
  // Pointers of neither kind may be read through and no more.
  const bool alive = base.has(PointerFlag::kTrusted) || base.has(PointerFlag::kRcu) || base.reference != 0;
  if (!alive) return;
  Trust trust = trust_of(kernel, base.target, field.name);
  if (trust == Trust::kNone && field.space == AddressSpace::kRcu) trust = Trust::kRcuOrNull;
  switch (trust) {
    case Trust::kNone:
      if (!in_rcu_section(run.state)) result.set(PointerFlag::kUntrusted);
      return;
    case Trust::kTrusted:
    case Trust::kTrustedOrNull:
      result.set(PointerFlag::kTrusted);
      if (trust == Trust::kTrustedOrNull) mark_or_null(run, result);
      return;
    case Trust::kRcu:
    case Trust::kRcuOrNull:
      if (!in_rcu_section(run.state)) return result.set(PointerFlag::kUntrusted);
      result.set(PointerFlag::kRcu);
      if (trust == Trust::kRcuOrNull) mark_or_null(run, result);
      return;
  }
  unreachable();
}

Value loaded_value(Run& run, const Value& base, const Field& field) {
  switch (field.kind) {
    case FieldKind::kScalar:
    case FieldKind::kInvalid:
      return unknown_scalar();
    case FieldKind::kMemory: {
      if (field.space == AddressSpace::kUser || field.space == AddressSpace::kPerCpu) return unknown_scalar();
      Value result = pointer(ValueKind::kMemory);
      result.read_only = true;
      result.set(PointerFlag::kUntrusted);
      return result;
    }
    case FieldKind::kStruct: {
      Value result = pointer(ValueKind::kBtf);
      result.target = field.target;
      set_trust(run, base, field, result);
      return result;
    }
  }
  unreachable();
}

Check load_field(Run& run, const Access& access, std::uint32_t dst) {
  const Value base = run.reg(access.base);
  const auto offset = static_cast<std::uint32_t>(base.offset + access.offset);
  const Field field = walk(*run.program.target_btf, base.target, offset, access.bytes());
  if (field.kind == FieldKind::kInvalid) return run.reject(DiagCode::kInvalidField, field.fault);
  run.reg(dst) = loaded_value(run, base, field);
  return Check::ok();
}

}  // namespace

Check load_btf(Run& run, const Access& access, std::uint32_t dst) {
  if (run.reg(access.base).has(PointerFlag::kAlloc)) return load_object(run, access, dst);
  TRY_OK(check_btf_pointer(run, access));
  return load_field(run, access, dst);
}

namespace {

/// Programs that see a connection's packets may mark the connection, and write nothing else of it.
Check store_connection(Run& run, const Access& access) {
  const Btf& kernel = *run.program.target_btf;
  const std::int64_t offset = std::int64_t{run.reg(access.base).offset} + access.offset;
  const auto* connection = kernel.find<btf::Composite>(kernel.find_by_name<btf::Composite>("nf_conn"));
  for (const btf::Member& member : connection->members)
    if (member.name == "mark" && member.bit_offset / 8 == offset && access.bytes() <= sizeof(std::uint32_t))
      return Check::ok();
  return run.reject(DiagCode::kInvalidField, cat("no write support to nf_conn at off ", offset));
}

bool is_connection(const Run& run, const Value& base) {
  const std::string_view name = struct_name(*run.program.target_btf, base.target);
  const bool packets = run.program.type == ProgramType::kSchedCls || run.program.type == ProgramType::kXdp;
  return packets && base.reference != 0 && (name == "nf_conn" || name == "nf_conn___init");
}

}  // namespace

Check store_btf(Run& run, const Access& access, const StoredValue& /*stored*/) {
  if (run.reg(access.base).has(PointerFlag::kAlloc)) return store_object(run, access);
  TRY_OK(check_btf_pointer(run, access));
  const Value& base = run.reg(access.base);
  if (is_connection(run, base)) return store_connection(run, access);
  if (!run.traced || run.traced->operations.empty() || !base.has(PointerFlag::kTrusted))
    return run.reject(DiagCode::kReadOnlyStruct);
  const auto offset = static_cast<std::uint32_t>(base.offset + access.offset);
  std::string why =
      why_not_writable(*run.program.target_btf, run.traced->operations, base.target, offset, access.bytes());
  return why.empty() ? Check::ok() : run.reject(DiagCode::kInvalidField, std::move(why));
}

Check load_map(Run& run, const Access& access, std::uint32_t dst) {
  const Value base = run.reg(access.base);
  const std::string name(map_struct(run.map_of(base).type));
  const Btf* const kernel = run.program.target_btf.get();
  const TypeId type = kernel == nullptr || name.empty() ? 0 : kernel->find_by_name<btf::Composite>(name);
  if (type == 0) return run.reject(DiagCode::kUnsupported, std::string("reading a map, whose structure is not known"));
  if (access.offset < 0)
    return run.reject(DiagCode::kNegativeMapOffset, std::uint64_t{access.base}, name, std::int64_t{access.offset});
  const Field field = walk(*kernel, type, static_cast<std::uint32_t>(access.offset), access.bytes());
  if (field.kind == FieldKind::kInvalid) return run.reject(DiagCode::kInvalidField, field.fault);
  run.reg(dst) = loaded_value(run, base, field);
  return Check::ok();
}

Check store_map(Run& run, const Access& access) {
  return run.reject(DiagCode::kReadOnlyMap, std::string(map_struct(run.map_of(run.reg(access.base)).type)));
}

}  // namespace skep::verifier
