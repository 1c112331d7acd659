// SPDX-License-Identifier: Apache-2.0
// Rules of calls of kernel functions: who may call, and what each argument must be. What the arguments tell is kept for
// the effects of the call (transfer/call_kfunc.cc).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "verifier/engine/kfuncs.h"
#include "verifier/require/require.h"

namespace skep::verifier {

/// A field for what is done later, that a call was given: its map must be the one that is given with it.
struct DeferredField {
  SpecialKind kind{};
  std::uint32_t map = 0, map_uid = 0;
  bool seen = false;
};

/// A call in progress.
struct KfuncCall {
  const Kfunc& kfunc;
  std::array<Value, 6> args{};              ///< r1 to r5 as they were before the call, by register number.
  std::uint32_t released = 0;               ///< Register that the call takes the reference of; 0: none.
  std::optional<std::uint64_t> constant{};  ///< Of the __k argument.
  std::optional<std::uint64_t> size{};      ///< Of the __szk argument.
  const SpecialField* root = nullptr;       ///< The list or tree.
  DeferredField deferred{};                 ///< The timer or work queue.
  std::uint32_t callback = 0;               ///< Subprogram.
  std::optional<Value> dynptr{};            ///< The first dynptr among the arguments.
  std::optional<Value> made{};              ///< Points to where a dynptr or iterator is to be made.

  [[nodiscard]] bool has(KfuncFlag flag) const { return kfunc.row->has(flag); }
  /// Pointer arguments must be valid, if only within an RCU read-side section.
  [[nodiscard]] bool trusted_or_rcu() const {
    return has(KfuncFlag::kTrustedArgs) || has(KfuncFlag::kRelease) || has(KfuncFlag::kRcu);
  }
};

// kfunc.cc
Check check_kfunc_available(Run& run, const Kfunc& kfunc);
/// Argument number `index`, in register index + 1.
Check check_kfunc_argument(Run& run, KfuncCall& call, std::uint32_t index);
/// "arg#N TEXT"
Check reject_argument(Run& run, std::uint32_t index, std::string text);

// kfunc_pointer.cc: objects of the kernel, and memory.
Check check_kfunc_pointer(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_sized_memory(Run& run, KfuncCall& call, std::uint32_t index);
/// "STRUCT task_struct", "INT int": as the kernel's log writes a type.
std::string type_words(const Btf& btf, TypeId type);

// kfunc_objects.cc: what the kernel manages inside the program's own objects (lists, trees, locks), and callbacks.
Check check_kfunc_allocated(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_refcounted(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_irq_flag(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_list_head(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_list_node(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_tree_root(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_tree_node(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_resilient_lock(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_timer(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_work_queue(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_task_work(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_map(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_callback(Run& run, KfuncCall& call, std::uint32_t index);
/// Before the arguments: whether the sections that the program is in (RCU, preemption, interrupts, locks) allow the
/// call.
Check check_kfunc_sections(Run& run, const KfuncCall& call);

// dynptr.cc, iterator.cc
/// The program may write to memory of the dynptr.
Check check_slice_writable(Run& run, const Value& dynptr);
Check check_kfunc_dynptr(Run& run, KfuncCall& call, std::uint32_t index);
Check check_kfunc_iterator(Run& run, KfuncCall& call, std::uint32_t index);

}  // namespace skep::verifier
