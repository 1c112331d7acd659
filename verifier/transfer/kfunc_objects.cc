// SPDX-License-Identifier: Apache-2.0
// What kernel functions do that work on the program's own objects, locks, sections and exceptions.
#include <array>
#include <string>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/call_kfunc.h"
#include "verifier/transfer/objects.h"

namespace skep::verifier {
namespace {

Check return_number(Run& run) {
  clobber_arguments(run);
  run.reg(isa::kR0) = unknown_scalar();
  return Check::ok();
}
Check return_nothing(Run& run) {
  clobber_arguments(run);
  return Check::ok();
}

// --- Objects --------------------------------------------------------------------------------------------------------

enum class Nullable : std::uint8_t { kNo, kYes };

/// The result is an object that the program now holds.
Check return_owned(Run& run, Value object, Nullable nullable) {
  clobber_arguments(run);
  object.maybe_null = nullable == Nullable::kYes;
  if (object.maybe_null) run.new_id();  // Linux numbers the pointer before its reference takes its place.
  object.reference = acquire_reference(run, ReferenceKind::kObject);
  if (object.reference == 0) return Check::rejected();
  if (object.maybe_null) object.id = object.reference;
  if (object.id == 0 && may_hold_lock(run, object)) object.id = run.new_id();
  run.reg(isa::kR0) = object;
  return Check::ok();
}

/// The result is an object that hangs in a list or tree.
Check return_non_owning(Run& run, Value object) {
  clobber_arguments(run);
  object.set(PointerFlag::kNonOwning);
  object.maybe_null = true;
  object.id = run.new_id();
  run.reg(isa::kR0) = object;
  return Check::ok();
}

/// Objects that each CPU has a copy of hold numbers only, and not many.
Check check_per_cpu_type(Run& run, TypeId type) {
  constexpr std::uint32_t kMost = 512;
  const Btf& types = *run.program.btf;
  const std::uint32_t size = types.find<btf::Composite>(type)->size;
  if (size > kMost) return run.reject(DiagCode::kPerCpuObjectSize, std::uint64_t{size}, std::uint64_t{kMost});
  if (!size_of_plain(types, type))
    return run.reject(DiagCode::kPerCpuObjectType, std::string("must be of a struct of scalars"));
  if (fields_of_type(run, type).fields.empty()) return Check::ok();
  return run.reject(DiagCode::kPerCpuObjectType, std::string("must not contain special fields"));
}

Check make_object(Run& run, const KfuncCall& call) {
  const std::uint64_t wanted = call.constant.value_or(0);
  if (wanted > 0xffffffff) return run.reject(DiagCode::kObjectTypeRange);
  if (run.program.btf == nullptr) return run.reject(DiagCode::kObjectWithoutBtf);
  const auto type = static_cast<TypeId>(wanted);
  const auto* composite = run.program.btf->find<btf::Composite>(type);
  if (composite == nullptr || composite->kind != btf::Aggregate::kStruct) return run.reject(DiagCode::kObjectType);
  Value object = object_pointer(type, 0);
  if (call.kfunc.row->id == KfuncId::bpf_percpu_obj_new_impl) {
    TRY_OK(check_per_cpu_type(run, type));
    object.set(PointerFlag::kPerCpu);
  }
  return return_owned(run, object, Nullable::kYes);
}

/// A second reference to an object that the program holds cannot fail.
Check share_object(Run& run, const KfuncCall& call) {
  const Value& held = call.args[1];
  const bool owned = !held.has(PointerFlag::kNonOwning);
  return return_owned(run, object_pointer(held.target, 0), owned ? Nullable::kNo : Nullable::kYes);
}

// --- Lists and trees ------------------------------------------------------------------------------------------------

/// The node now belongs to the list or tree; the program may use it until it gives the lock back.
Check give_away(Run& run, const Value& node) {
  const std::uint32_t id = node.reference;
  if (!forget_reference(run.state, id)) return run.reject(DiagCode::kUnknownReference, std::uint64_t{id});
  for_each_value(run.state, [&](Value& value) {
    if (!value.is_pointer() || value.reference != id) return;
    value.reference = 0;
    value.set(PointerFlag::kNonOwning);
  });
  return Check::ok();
}

Value node_of(const SpecialField& root) { return object_pointer(root.type, root.node_offset); }

Check push_node(Run& run, const KfuncCall& call) {
  TRY_OK(give_away(run, call.args[2]));
  return return_number(run);
}
Check pop_node(Run& run, const KfuncCall& call) { return return_owned(run, node_of(*call.root), Nullable::kYes); }
Check peek_node(Run& run, const KfuncCall& call) { return return_non_owning(run, node_of(*call.root)); }

Check add_to_tree(Run& run, const KfuncCall& call) {
  TRY_OK(enter_tree_callback(run, call.callback, node_of(*call.root)));
  return push_node(run, call);
}

// --- Sections -------------------------------------------------------------------------------------------------------

Check unmatched(Run& run, const KfuncCall& call, std::string_view what) {
  return run.reject(DiagCode::kUnmatchedSection, std::string(what), std::string(call.kfunc.name));
}

Check enter_rcu(Run& run, const KfuncCall& call) {
  if (run.state.rcu_locks != 0) return unmatched(run, call, "nested rcu read lock");
  ++run.state.rcu_locks;
  return return_nothing(run);
}

/// What RCU kept alive may now be stale.
Check leave_rcu(Run& run, const KfuncCall& call) {
  if (run.state.rcu_locks == 0) return unmatched(run, call, "unmatched rcu read unlock");
  --run.state.rcu_locks;
  for_each_value(run.state, [](Value& value) {
    if (!value.is_pointer() || !value.has(PointerFlag::kRcu)) return;
    value.clear(PointerFlag::kRcu);
    value.clear(PointerFlag::kNonOwning);
    value.maybe_null = false;
    value.set(PointerFlag::kUntrusted);
  });
  for_each_object(run.state, [](Value& value) {
    if (value.kind == ValueKind::kIterator && value.has(PointerFlag::kRcu)) value.set(PointerFlag::kUntrusted);
  });
  return return_nothing(run);
}

Check disable_preemption(Run& run, const KfuncCall& /*call*/) {
  ++run.state.preempt_locks;
  return return_nothing(run);
}

Check enable_preemption(Run& run, const KfuncCall& call) {
  if (run.state.preempt_locks == 0) return unmatched(run, call, "unmatched attempt to enable preemption");
  --run.state.preempt_locks;
  return return_nothing(run);
}

// --- Locks and deferred work ----------------------------------------------------------------------------------------

bool saves_flags(const KfuncCall& call) {
  const KfuncId id = call.kfunc.row->id;
  return id == KfuncId::bpf_res_spin_lock_irqsave || id == KfuncId::bpf_res_spin_unlock_irqrestore;
}
ReferenceKind lock_kind(const KfuncCall& call) {
  return saves_flags(call) ? ReferenceKind::kResilientLockIrq : ReferenceKind::kResilientLock;
}

/// It may fail: then the lock is not held.
Check take_resilient_lock(Run& run, const KfuncCall& call) {
  constexpr std::int64_t kMaxErrno = 4095;
  State* const failed = run.push_branch(run.at + 1);
  if (failed == nullptr) return Check::rejected();
  for (std::uint32_t reg = 0; reg <= 5; ++reg) failed->frame().regs[reg] = Value{};
  failed->frame().regs[0] = unknown_scalar();
  failed->frame().regs[0].scalar = Scalar::signed_range(-kMaxErrno, -1);
  TRY_OK(take_lock(run, 1, lock_kind(call)));
  if (saves_flags(call)) TRY_OK(save_flags(run, 2, IrqFamily::kLock));
  clobber_arguments(run);
  run.reg(isa::kR0) = constant_scalar(0);
  return Check::ok();
}

Check give_back_resilient_lock(Run& run, const KfuncCall& call) {
  TRY_OK(give_back_lock(run, 1, lock_kind(call)));
  if (saves_flags(call)) TRY_OK(restore_flags(run, 2, IrqFamily::kLock));
  return return_nothing(run);
}

Check save_irq(Run& run, const KfuncCall& /*call*/) {
  TRY_OK(save_flags(run, 1, IrqFamily::kNative));
  return return_nothing(run);
}
Check restore_irq(Run& run, const KfuncCall& /*call*/) {
  TRY_OK(restore_flags(run, 1, IrqFamily::kNative));
  return return_nothing(run);
}

Check defer_work(Run& run, const KfuncCall& call) {
  TRY_OK(push_async_callback(run, call.callback, call.deferred.map, Sleep::kAllowed));
  return return_number(run);
}

Check unsupported(Run& run, const KfuncCall& call) {
  return run.reject(DiagCode::kUnsupported, "kernel function " + std::string(call.kfunc.name));
}

struct Effect {
  KfuncId id;
  Check (*apply)(Run& run, const KfuncCall& call);
};
constexpr auto kEffects = std::to_array<Effect>({
    {KfuncId::bpf_obj_new_impl, make_object},
    {KfuncId::bpf_percpu_obj_new_impl, make_object},
    {KfuncId::bpf_refcount_acquire_impl, share_object},
    {KfuncId::bpf_list_push_front_impl, push_node},
    {KfuncId::bpf_list_push_back_impl, push_node},
    {KfuncId::bpf_list_pop_front, pop_node},
    {KfuncId::bpf_list_pop_back, pop_node},
    {KfuncId::bpf_list_front, peek_node},
    {KfuncId::bpf_list_back, peek_node},
    {KfuncId::bpf_rbtree_add_impl, add_to_tree},
    {KfuncId::bpf_rbtree_remove, pop_node},
    {KfuncId::bpf_rbtree_first, peek_node},
    {KfuncId::bpf_rbtree_root, peek_node},
    {KfuncId::bpf_rbtree_left, peek_node},
    {KfuncId::bpf_rbtree_right, peek_node},
    {KfuncId::bpf_rcu_read_lock, enter_rcu},
    {KfuncId::bpf_rcu_read_unlock, leave_rcu},
    {KfuncId::bpf_preempt_disable, disable_preemption},
    {KfuncId::bpf_preempt_enable, enable_preemption},
    {KfuncId::bpf_local_irq_save, save_irq},
    {KfuncId::bpf_local_irq_restore, restore_irq},
    {KfuncId::bpf_res_spin_lock, take_resilient_lock},
    {KfuncId::bpf_res_spin_unlock, give_back_resilient_lock},
    {KfuncId::bpf_res_spin_lock_irqsave, take_resilient_lock},
    {KfuncId::bpf_res_spin_unlock_irqrestore, give_back_resilient_lock},
    {KfuncId::bpf_wq_set_callback_impl, defer_work},
    {KfuncId::bpf_task_work_schedule_resume_impl, unsupported},
    {KfuncId::bpf_task_work_schedule_signal_impl, unsupported},
    {KfuncId::bpf_throw, throw_exception},
});

}  // namespace

std::optional<Check> call_object_kfunc(Run& run, const KfuncCall& call) {
  for (const Effect& effect : kEffects)
    if (effect.id == call.kfunc.row->id) return effect.apply(run, call);
  return std::nullopt;
}

}  // namespace skep::verifier
