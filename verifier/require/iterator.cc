// SPDX-License-Identifier: Apache-2.0
// Open-coded iterators as arguments: new() takes stack on which none lies, next() and destroy() one that was made by
// the new() of their kind.
#include "verifier/transfer/iterator.h"
#include "base/try.h"

namespace skep::verifier {
namespace {

/// "iter_num"
std::string iterator_name(const Run& run, TypeId type) {
  constexpr std::string_view kPrefix = "bpf_";
  std::string_view name = run.program.target_btf->name(type);
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return std::string(name);
}

Check check_new(Run& run, KfuncCall& call, std::uint32_t index) {
  const TypeId type = call.kfunc.parameters[index].type;
  const std::uint32_t reg = index + 1, slots = iterator_slots(run, type);
  const Value& value = run.reg(reg);
  const auto refuse = [&] {
    return run.reject(DiagCode::kIteratorUninit, iterator_name(run, type), std::uint64_t{index});
  };
  if (!value.scalar.is_constant()) return refuse();
  if (const auto place = stack_place(value, slots)) {
    const Frame& frame = *run.state.frames[place->frame];
    for (std::uint32_t slot = place->slot + 1 - slots; slot <= place->slot && slot < frame.slots; ++slot)
      if (frame.slot(slot).bytes[0] == ByteKind::kIterator) return refuse();
  } else if (value.offset % std::int32_t{kSlotBytes} != 0) {
    return refuse();
  }
  call.made = value;
  TRY_OK(overwrite_place(run, reg, slots));
  return stack_place(value, slots) ? Check::ok() : refuse();
}

Check check_css_task(Run& run, const KfuncCall& call) {
  constexpr std::uint32_t kTraceIter = 28;
  const Program& program = run.program;
  const bool iterates = program.type == ProgramType::kTracing && program.attach_type == kTraceIter;
  const bool allowed = program.type == ProgramType::kLsm || iterates || program.sleepable;
  if (call.kfunc.row->id != KfuncId::bpf_iter_css_task_new || allowed) return Check::ok();
  return run.reject(DiagCode::kCssTaskIterator);
}

}  // namespace

Check check_kfunc_iterator(Run& run, KfuncCall& call, std::uint32_t index) {
  const TypeId type = call.kfunc.parameters[index].type;
  const Value& value = run.reg(index + 1);
  if (value.kind != ValueKind::kStack) return reject_argument(run, index, "expected pointer to an iterator on stack");
  TRY_OK(check_css_task(run, call));
  if (call.has(KfuncFlag::kIterNew)) return check_new(run, call, index);
  const Value* const iterator = find_iterator(run, value, type);
  if (iterator == nullptr)
    return run.reject(DiagCode::kIteratorExpected, iterator_name(run, type), std::uint64_t{index});
  if (iterator->has(PointerFlag::kUntrusted))
    return run.reject(DiagCode::kIteratorRcuSection, std::string(call.kfunc.name));
  return Check::ok();
}

}  // namespace skep::verifier
