// SPDX-License-Identifier: Apache-2.0
// Pointers to objects that are kept in map values and in allocated objects:
// plain loads give a pointer that lasts for the RCU read-side section, or an untrusted one; owning fields are written
// by bpf_kptr_xchg only.
#include <string>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

const Btf* types_of(const Run& run, const SpecialField& field) {
  return field.kernel_type ? run.program.target_btf.get() : run.program.btf.get();
}

/// Nodes of lists and trees hang in them while a pointer field knows them: the program does not own them.
bool has_nodes(Run& run, const SpecialField& field) {
  if (field.kernel_type) return false;
  const FieldRecord& record = fields_of_type(run, field.type);
  return record.has(SpecialKind::kListNode) || record.has(SpecialKind::kTreeNode);
}

Value pointer_of_field(Run& run, const SpecialField& field) {
  Value value = pointer(ValueKind::kBtf);
  value.target = field.type;
  value.maybe_null = true;
  value.id = run.new_id();
  if (!field.kernel_type) value.set(PointerFlag::kAlloc);
  if (field.kind == SpecialKind::kPerCpuKptr) value.set(PointerFlag::kPerCpu);
  return value;
}

/// Types of the kernel whose objects are freed only after an RCU grace period; the program's own always are.
bool is_rcu_protected(const Run& run, const SpecialField& field) {
  if (field.kind == SpecialKind::kUntrustedKptr) return false;
  if (!field.kernel_type || field.kind == SpecialKind::kPerCpuKptr) return true;
  constexpr auto kProtected = std::to_array<std::string_view>(
      {"task_struct", "cgroup", "bpf_cpumask", "bpf_crypto_ctx", "prog_test_ref_kfunc"});
  const std::string_view name = types_of(run, field)->name(field.type);
  return std::find(kProtected.begin(), kProtected.end(), name) != kProtected.end();
}

Value loaded_pointer(Run& run, const SpecialField& field) {
  Value value = pointer_of_field(run, field);
  if (is_rcu_protected(run, field) && in_rcu_section(run.state)) {
    value.set(PointerFlag::kRcu);
    if (has_nodes(run, field)) value.set(PointerFlag::kNonOwning);
  } else {
    value.clear(PointerFlag::kPerCpu);
    value.set(PointerFlag::kUntrusted);
  }
  return value;
}

Value loaded_user_memory(Run& run, const SpecialField& field) {
  Value value = pointer(ValueKind::kMemory);
  const auto size = run.program.btf->size_of(field.type);
  value.extent = size ? static_cast<std::int32_t>(*size) : 0;
  value.maybe_null = true;
  value.id = run.new_id();
  return value;
}

/// A pointer to `type` + `offset` points to a `wanted`: the same type, or what it begins with there.
bool reaches_type(const Btf& types, TypeId type, std::int64_t offset, TypeId wanted) {
  for (std::uint32_t depth = 0; depth < Btf::kMaxDepth; ++depth) {
    if (offset == 0 && type == wanted) return true;
    const auto* composite = types.find<btf::Composite>(type);
    if (composite == nullptr) return false;
    const btf::Member* inside = nullptr;
    for (const btf::Member& member : composite->members) {
      const auto size = types.size_of(member.type);
      const std::int64_t start = member.bit_offset / 8;
      if (size && start <= offset && offset < start + std::int64_t{*size}) inside = &member;
    }
    if (inside == nullptr) return false;
    offset -= inside->bit_offset / 8;
    type = types.resolve(inside->type);
  }
  return false;
}

/// Of a pointer to one of the kernel's types, or of the program's own.
std::uint8_t allowed_flags(const SpecialField& field, const Value& value) {
  const auto bit = [](PointerFlag flag) { return static_cast<std::uint8_t>(flag); };
  std::uint8_t allowed = !value.has(PointerFlag::kAlloc) ? bit(PointerFlag::kTrusted) | bit(PointerFlag::kRcu) : 0;
  if (value.has(PointerFlag::kAlloc)) allowed |= bit(PointerFlag::kAlloc);
  if (field.kind == SpecialKind::kPerCpuKptr) allowed |= bit(PointerFlag::kPerCpu);
  if (field.kind == SpecialKind::kUntrustedKptr) allowed |= bit(PointerFlag::kUntrusted);
  return allowed;
}

/// What is put into the field is a pointer to its type.
Check check_fits(Run& run, std::uint32_t reg, const SpecialField& field) {
  const Value& value = run.reg(reg);
  const Btf& types = *types_of(run, field);
  const bool owning = field.kind != SpecialKind::kUntrustedKptr;
  const auto expectation = [&] {
    std::string expected = "ptr_" + std::string(types.name(field.type));
    if (!owning) expected += " or untrusted_" + expected;
    return expected;
  };
  const auto refuse_type = [&] {
    return run.reject(DiagCode::kFieldBadPointer, std::uint64_t{reg}, kind_name(value), expectation());
  };
  const auto refuse = [&] {
    return run.reject(DiagCode::kFieldBadPointer, std::uint64_t{reg}, print_kind_and_type(run, value), expectation());
  };
  const bool local = value.has(PointerFlag::kAlloc);
  if (value.kind != ValueKind::kBtf || (value.flags & ~allowed_flags(field, value)) != 0) return refuse_type();
  if (!value.scalar.is_constant())
    return run.reject(DiagCode::kVariablePointer, kind_name(value), print_bits(value.scalar.bits));
  if (local == field.kernel_type) return refuse();
  const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.scalar.value());
  if (offset < 0) return refuse();
  const bool fits =
      owning ? offset == 0 && value.target == field.type : reaches_type(types, value.target, offset, field.type);
  return fits ? Check::ok() : refuse();
}

}  // namespace

const SpecialField* pointer_field_at(const FieldRecord& record, const Value& base, std::int32_t offset) {
  if (record.fields.empty() || !base.scalar.is_constant()) return nullptr;
  const SpecialField* const field =
      record.at(std::int64_t{base.offset} + offset + static_cast<std::int64_t>(base.scalar.value()));
  return field != nullptr && is_pointer_field(field->kind) ? field : nullptr;
}

Check load_pointer_field(Run& run, const Access& access, const SpecialField& field, std::uint32_t dst) {
  const FieldRecord& record = fields_of_map(run, run.reg(access.base).target);
  if (record.unresolved)
    return run.reject(DiagCode::kUnsupported, std::string("kernel pointers without the kernel's BTF"));
  // Linux makes such maps of no other type; memory of the user's is nothing that a Vm could hand out.
  const bool user = field.kind == SpecialKind::kUserPointer;
  if (user && run.map_of(run.reg(access.base)).type != MapType::kTaskStorage)
    return run.reject(DiagCode::kUnsupported, std::string("pointers to user memory outside of task storage"));
  if (access.extend != isa::Extend::kZero)
    return run.reject(DiagCode::kFieldAccessMode, std::string(info(field.kind).name));
  run.reg(dst) = user ? loaded_user_memory(run, field) : loaded_pointer(run, field);
  return Check::ok();
}

Check store_pointer_field(Run& run, const SpecialField& field, const StoredValue& stored) {
  if (field.kind == SpecialKind::kUserPointer) return run.reject(DiagCode::kFieldStoreUser);
  if (field.kind != SpecialKind::kUntrustedKptr)
    return run.reject(DiagCode::kFieldStoreOwned, std::string(info(SpecialKind::kKptr).name));
  if (stored.constant) {
    if (*stored.constant == 0) return Check::ok();
    return run.reject(DiagCode::kFieldStoreImmediate, std::string(info(field.kind).name), std::uint64_t{field.offset});
  }
  if (stored.reg >= kRegs) return run.reject(DiagCode::kFieldAccessMode, std::string(info(field.kind).name));
  if (run.reg(stored.reg).is_null()) return Check::ok();
  return check_fits(run, stored.reg, field);
}

Check check_kptr_field(Run& run, std::uint32_t reg, const SpecialField*& field) {
  FieldPlace place;
  TRY_OK(find_place(run, reg, "kptr", place));
  if (place.record->unresolved)
    return run.reject(DiagCode::kUnsupported, std::string("kernel pointers without the kernel's BTF"));
  const auto& fields = place.record->fields;
  if (std::none_of(fields.begin(), fields.end(), [](const SpecialField& f) { return is_kptr(f.kind); }))
    return run.reject(DiagCode::kFieldNoPointer, std::uint64_t{reg});
  field = place.record->at(place.offset);
  if (field == nullptr || !is_kptr(field->kind)) return run.reject(DiagCode::kFieldNotPointer, place.offset);
  if (field->kind == SpecialKind::kUntrustedKptr) return run.reject(DiagCode::kFieldNotOwning, place.offset);
  return Check::ok();
}

Check check_kptr_object(Run& run, std::uint32_t reg, const SpecialField& field) {
  const Value& value = run.reg(reg);
  if (value.is_null()) return Check::ok();
  if (value.maybe_null) return run.reject(DiagCode::kMaybeNullObject, std::uint64_t{reg});
  TRY_OK(check_fits(run, reg, field));
  if (value.reference == 0) return run.reject(DiagCode::kNotReferencedObject, std::uint64_t{reg});
  return Check::ok();
}

Check exchange_kptr(Run& run, const SpecialField& field, std::uint32_t reg) {
  if (const std::uint32_t id = run.reg(reg).reference; id != 0) {
    // A per-CPU object that is now the map's lives on until the RCU section ends.
    const bool in_rcu = in_rcu_section(run.state);
    if (!forget_reference(run.state, id)) return run.reject(DiagCode::kUnknownReference, std::uint64_t{id});
    for_each_value(run.state, [&](Value& value) {
      if (!value.is_pointer() || value.reference != id) return;
      if (in_rcu && value.has(PointerFlag::kAlloc) && value.has(PointerFlag::kPerCpu)) {
        value.reference = 0;
        value.set(PointerFlag::kRcu);
      } else {
        make_unknown(value);
      }
    });
  }
  clobber_arguments(run);
  Value result = pointer_of_field(run, field);
  result.id = result.reference = acquire_reference(run, ReferenceKind::kObject);
  if (result.reference == 0) return Check::rejected();
  run.reg(isa::kR0) = result;
  return Check::ok();
}

}  // namespace skep::verifier
