// SPDX-License-Identifier: Apache-2.0
// Arguments of kernel functions that the kernel manages inside the program's own objects (what bpf_obj_new gives,
// lists, trees, reference counts, locks, work), saved interrupt flags, and callbacks.
#include <string>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/require/kfunc.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

/// A pointer into an object of the program's own that is there: held, or in a list or tree whose lock is held.
bool is_object(const Value& value) {
  return value.kind == ValueKind::kBtf && value.has(PointerFlag::kAlloc) && !value.has(PointerFlag::kUntrusted) &&
         !value.has(PointerFlag::kPerCpu) && !value.maybe_null;
}
/// One that the program holds.
bool is_owned(const Value& value) {
  return is_object(value) && !value.has(PointerFlag::kNonOwning) && !value.has(PointerFlag::kRcu) &&
         value.reference != 0;
}

std::string type_name(const Run& run, TypeId type) { return std::string(run.program.btf->name(type)); }

/// The list or tree that register index + 1 points to; its lock is held.
Check check_root(Run& run, KfuncCall& call, std::uint32_t index, SpecialKind kind) {
  const std::uint32_t reg = index + 1;
  const Value& value = run.reg(reg);
  const bool in_map = value.kind == ValueKind::kMapValue && !value.maybe_null;
  if (!in_map && !is_owned(value))
    return reject_argument(run, index, "expected pointer to map value or allocated object");
  const std::string name(info(kind).name);
  if (!in_map && !value.scalar.is_constant())
    return run.reject(DiagCode::kVariablePointer, kind_name(value), print_bits(value.scalar.bits));
  FieldPlace place;
  TRY_OK(find_place(run, reg, name, place));
  if (place.record->unresolved)
    return run.reject(DiagCode::kUnsupported, std::string("lists and trees in maps of another object"));
  const SpecialField* const root = place.record->at(place.offset);
  if (root == nullptr || root->kind != kind) return run.reject(DiagCode::kFieldNotFound, name, place.offset);
  TRY_OK(check_lock_held(run, value, *place.record, name));
  call.root = root;
  return Check::ok();
}

/// The node that register index + 1 points to is what the list or tree contains.
Check check_node_type(Run& run, const KfuncCall& call, std::uint32_t index, SpecialKind kind) {
  const Value& value = run.reg(index + 1);
  const std::string name(info(kind).name), root_name(info(call.root->kind).name);
  const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.scalar.value());
  const SpecialField* const node = fields_of_type(run, value.target).at(offset);
  if (node == nullptr || node->kind != kind) return run.reject(DiagCode::kFieldNotFound, name, offset);
  const std::string wanted = type_name(run, call.root->type);
  if (value.target != call.root->type)
    return run.reject(DiagCode::kNodeType, root_name, std::uint64_t{index}, name, std::uint64_t{call.root->node_offset},
                      wanted, offset, type_name(run, value.target));
  if (offset == std::int64_t{call.root->node_offset}) return Check::ok();
  return run.reject(DiagCode::kNodeOffset, std::uint64_t{index}, offset, name, std::uint64_t{call.root->node_offset},
                    wanted);
}

Check check_known_offset(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  if (value.scalar.is_constant()) return Check::ok();
  return run.reject(DiagCode::kVariablePointer, kind_name(value), print_bits(value.scalar.bits));
}

/// A node that the program holds and gives to the list or tree.
Check check_added_node(Run& run, KfuncCall& call, std::uint32_t index, SpecialKind kind) {
  if (!is_owned(run.reg(index + 1))) return reject_argument(run, index, "expected pointer to allocated object");
  TRY_OK(check_known_offset(run, index + 1));
  return check_node_type(run, call, index, kind);
}

/// Fields that name the map they lie in.
Check check_deferred_argument(Run& run, KfuncCall& call, std::uint32_t index, SpecialKind kind) {
  const Value& value = run.reg(index + 1);
  if (value.kind != ValueKind::kMapValue || value.maybe_null)
    return reject_argument(run, index, "doesn't point to a map value");
  return check_deferred_field(run, index + 1, kind, call.deferred);
}

}  // namespace

Check check_kfunc_allocated(Run& run, KfuncCall& call, std::uint32_t index) {
  const std::uint32_t reg = index + 1;
  const Value& value = run.reg(reg);
  if (value.reference == 0 || !value.is_pointer())
    return run.reject(DiagCode::kKfuncTrust, std::uint64_t{reg}, std::string("referenced or trusted"));
  TRY_OK(check_known_offset(run, reg));
  if (value.offset != 0) return run.reject(DiagCode::kKfuncOffset, std::uint64_t{reg});
  if (value.kind != ValueKind::kBtf || !value.has(PointerFlag::kAlloc) || value.has(PointerFlag::kNonOwning) ||
      value.has(PointerFlag::kRcu))
    return reject_argument(run, index, "expected pointer to allocated object");
  const KfuncId wanted =
      value.has(PointerFlag::kPerCpu) ? KfuncId::bpf_percpu_obj_drop_impl : KfuncId::bpf_obj_drop_impl;
  if (call.kfunc.row->id != wanted)
    return reject_argument(run, index,
                           "expected for " + std::string(value.has(PointerFlag::kPerCpu) ? "bpf_percpu_obj_drop_impl()"
                                                                                         : "bpf_obj_drop_impl()"));
  call.released = reg;
  return Check::ok();
}

Check check_kfunc_refcounted(Run& run, KfuncCall& /*call*/, std::uint32_t index) {
  const Value& value = run.reg(index + 1);
  if (!is_object(value)) return reject_argument(run, index, "is neither owning or non-owning ref");
  TRY_OK(check_known_offset(run, index + 1));
  if (fields_of_type(run, value.target).has(SpecialKind::kRefCount)) return Check::ok();
  return reject_argument(run, index, "doesn't point to a type with bpf_refcount field");
}

Check check_kfunc_list_head(Run& run, KfuncCall& call, std::uint32_t index) {
  return check_root(run, call, index, SpecialKind::kListHead);
}
Check check_kfunc_list_node(Run& run, KfuncCall& call, std::uint32_t index) {
  return check_added_node(run, call, index, SpecialKind::kListNode);
}
Check check_kfunc_tree_root(Run& run, KfuncCall& call, std::uint32_t index) {
  return check_root(run, call, index, SpecialKind::kTreeRoot);
}
Check check_kfunc_tree_node(Run& run, KfuncCall& call, std::uint32_t index) {
  if (call.kfunc.row->id == KfuncId::bpf_rbtree_add_impl)
    return check_added_node(run, call, index, SpecialKind::kTreeNode);
  const Value& value = run.reg(index + 1);
  const std::string name(call.kfunc.name);
  if (in_tree_callback(run)) return run.reject(DiagCode::kTreeCallbackCall, name);
  if (!is_object(value) || (!value.has(PointerFlag::kNonOwning) && value.reference == 0))
    return run.reject(DiagCode::kTreeNodeKind, name);
  TRY_OK(check_known_offset(run, index + 1));
  return check_node_type(run, call, index, SpecialKind::kTreeNode);
}

Check check_kfunc_resilient_lock(Run& run, KfuncCall& /*call*/, std::uint32_t index) {
  const Value& value = run.reg(index + 1);
  const bool in_map = value.kind == ValueKind::kMapValue && !value.maybe_null;
  if (!in_map && !is_owned(value)) return reject_argument(run, index, "doesn't point to map value or allocated object");
  return check_single_field(run, index + 1, SpecialKind::kResilientSpinLock);
}

Check check_kfunc_timer(Run& run, KfuncCall& call, std::uint32_t index) {
  return check_deferred_argument(run, call, index, SpecialKind::kTimer);
}
Check check_kfunc_work_queue(Run& run, KfuncCall& call, std::uint32_t index) {
  return check_deferred_argument(run, call, index, SpecialKind::kWorkQueue);
}
Check check_kfunc_task_work(Run& run, KfuncCall& call, std::uint32_t index) {
  return check_deferred_argument(run, call, index, SpecialKind::kTaskWork);
}

Check check_kfunc_map(Run& run, KfuncCall& call, std::uint32_t index) {
  const Value& value = run.reg(index + 1);
  if (value.kind == ValueKind::kBtf && !call.deferred.seen) return check_kfunc_pointer(run, call, index);
  if (value.kind != ValueKind::kMap || value.maybe_null)
    return run.reject(DiagCode::kKfuncNotMap, std::uint64_t{index + 1});
  return check_own_map(run, index + 1, call.deferred);
}

Check check_kfunc_callback(Run& run, KfuncCall& call, std::uint32_t index) {
  const Value& value = run.reg(index + 1);
  if (value.kind != ValueKind::kFunction) return run.reject(DiagCode::kKfuncCallback, std::uint64_t{index});
  TRY_OK(check_unmodified(run, index + 1));
  call.callback = value.target;
  return Check::ok();
}

Check check_kfunc_sections(Run& run, const KfuncCall& call) {
  if (!call.has(KfuncFlag::kSleepable)) return Check::ok();
  const State& state = run.state;
  const auto refuse = [&](std::string_view where) {
    return run.reject(DiagCode::kKfuncSleepsInSection, std::string(call.kfunc.name), std::string(where));
  };
  if (state.rcu_locks != 0) return refuse("rcu_read_lock");
  if (state.preempt_locks != 0) return refuse("non-preemptible");
  if (state.active_irq != 0) return refuse("IRQ-disabled");
  return Check::ok();
}

}  // namespace skep::verifier
