// SPDX-License-Identifier: Apache-2.0
// Arguments of kernel functions that the kernel manages inside the program's own objects (what bpf_obj_new gives,
// lists, trees, reference counts, locks, work), saved interrupt flags, and callbacks.
#include "verifier/require/kfunc.h"

namespace skep::verifier {
namespace {

Check unsupported(Run& run, const KfuncCall& call) {
  return run.reject(DiagCode::kUnsupported, "kernel function " + std::string(call.kfunc.name));
}

}  // namespace

Check check_kfunc_allocated(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_refcounted(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_irq_flag(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_list_head(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_list_node(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_tree_root(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_tree_node(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_resilient_lock(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_timer(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_work_queue(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_task_work(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }
Check check_kfunc_callback(Run& run, KfuncCall& call, std::uint32_t /*index*/) { return unsupported(run, call); }

Check check_kfunc_sections(Run& /*run*/, const KfuncCall& /*call*/) { return Check::ok(); }

}  // namespace skep::verifier
