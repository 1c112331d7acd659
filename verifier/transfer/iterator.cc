// SPDX-License-Identifier: Apache-2.0
// What new(), next() and destroy() of iterators do. next() forks: one path goes on with an element, which may happen
// any number of times and converges as callbacks do; the other with null, after which there is no element any more.
#include "verifier/transfer/iterator.h"

#include "base/try.h"

namespace skep::verifier {
namespace {

Check make_iterator(Run& run, const KfuncCall& call) {
  const TypeId type = call.kfunc.parameters[0].type;
  const std::uint32_t slots = iterator_slots(run, type);
  Value iterator = pointer(ValueKind::kIterator);
  iterator.target = type;
  iterator.detail = static_cast<std::uint8_t>(IteratorState::kActive);
  iterator.reference = acquire_reference(run, ReferenceKind::kObject);
  if (iterator.reference == 0) return Check::rejected();
  if (call.has(KfuncFlag::kRcuProtected)) iterator.set(PointerFlag::kRcu);
  put_object(run, *stack_place(*call.made, slots), iterator, ByteKind::kIterator, slots);
  clobber_arguments(run);
  run.reg(isa::kR0) = unknown_scalar();
  return Check::ok();
}

Check destroy_iterator(Run& run, const KfuncCall& call) {
  const TypeId type = call.kfunc.parameters[0].type;
  const std::uint32_t slots = iterator_slots(run, type), reference = find_iterator(run, call.args[1], type)->reference;
  TRY_OK(release_reference(run, reference));
  remove_object(run, *stack_place(call.args[1], slots), slots);
  clobber_arguments(run);
  return Check::ok();
}

/// What next() gives where it does not give null: an object of the kernel, or a number in memory of the iterator.
Value element(Run& run, const KfuncCall& call, const Value& iterator) {
  const Btf& kernel = *run.program.target_btf;
  const TypeId target = kernel.resolve(kernel.find<btf::Pointer>(call.kfunc.returns)->target);
  const bool object = kernel.find<btf::Composite>(target) != nullptr;
  Value value = pointer(object ? ValueKind::kBtf : ValueKind::kMemory);
  value.id = run.new_id();
  if (object) {
    value.target = target;
    value.set(iterator.has(PointerFlag::kRcu) ? PointerFlag::kRcu : PointerFlag::kTrusted);
  } else {
    value.read_only = true;
    value.reference = iterator.reference;
    value.extent = static_cast<std::int32_t>(size_of_plain(kernel, target).value_or(0));
  }
  return value;
}

void set_state(Run& run, StackPlace place, std::uint32_t slots, const Value& iterator) {
  for (std::uint32_t part = 0; part < slots; ++part) {
    Value& value = part_of(run, place, part).value;
    value.detail = iterator.detail;
    value.extent = iterator.extent;
  }
  if (run.log.on() && place.frame == run.state.current) run.log.touch_slot(place.slot);
}

Check next_element(Run& run, const KfuncCall& call) {
  const TypeId type = call.kfunc.parameters[0].type;
  const std::uint32_t slots = iterator_slots(run, type);
  const StackPlace place = *stack_place(call.args[1], slots);
  const Value before = *find_iterator(run, call.args[1], type);
  clobber_arguments(run);
  if (before.detail == static_cast<std::uint8_t>(IteratorState::kActive)) {
    Value active = before;
    ++active.extent;
    set_state(run, place, slots, active);
    run.reg(isa::kR0) = element(run, call, before);
    State* const saved = run.push_branch(run.at + 1);
    if (saved == nullptr) return Check::rejected();
    run.widen(*saved, run.at, run.state.depth - 1);
  }
  Value drained = before;
  drained.detail = static_cast<std::uint8_t>(IteratorState::kDrained);
  set_state(run, place, slots, drained);
  run.reg(isa::kR0) = constant_scalar(0);
  return Check::ok();
}

}  // namespace

std::uint32_t iterator_slots(const Run& run, TypeId type) {
  const auto size = run.program.target_btf->size_of(type);
  const std::uint32_t bytes = size.has_value() ? *size : 0;
  return std::max(1u, (bytes + kSlotBytes - 1) / kSlotBytes);
}

Value* find_iterator(Run& run, const Value& pointer, TypeId type) {
  const std::uint32_t slots = iterator_slots(run, type);
  const auto place = stack_place(pointer, slots);
  Value* const found = place ? find_object(run, *place, ByteKind::kIterator, slots) : nullptr;
  return found != nullptr && found->target == type ? found : nullptr;
}

std::optional<Check> call_iterator(Run& run, const KfuncCall& call) {
  if (call.has(KfuncFlag::kIterNew)) return make_iterator(run, call);
  if (call.has(KfuncFlag::kIterNext)) return next_element(run, call);
  if (call.has(KfuncFlag::kIterDestroy)) return destroy_iterator(run, call);
  return std::nullopt;
}

}  // namespace skep::verifier
