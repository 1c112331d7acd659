// SPDX-License-Identifier: Apache-2.0
// What kernel functions do that work on the program's own objects, locks, sections and exceptions.
#include <array>

#include "verifier/transfer/call_kfunc.h"

namespace skep::verifier {
namespace {

Check unsupported(Run& run, const KfuncCall& call) {
  return run.reject(DiagCode::kUnsupported, "kernel function " + std::string(call.kfunc.name));
}

struct Effect {
  KfuncId id;
  Check (*apply)(Run& run, const KfuncCall& call);
};
constexpr auto kEffects = std::to_array<Effect>({
    {KfuncId::bpf_obj_new_impl, unsupported},
    {KfuncId::bpf_percpu_obj_new_impl, unsupported},
    {KfuncId::bpf_preempt_disable, unsupported},
    {KfuncId::bpf_preempt_enable, unsupported},
    {KfuncId::bpf_rcu_read_lock, unsupported},
    {KfuncId::bpf_rcu_read_unlock, unsupported},
    {KfuncId::bpf_throw, unsupported},
});

}  // namespace

std::optional<Check> call_object_kfunc(Run& run, const KfuncCall& call) {
  for (const Effect& effect : kEffects)
    if (effect.id == call.kfunc.row->id) return effect.apply(run, call);
  return std::nullopt;
}

}  // namespace skep::verifier
