// SPDX-License-Identifier: Apache-2.0
// Sections in which a program may not sleep, call or end: RCU read-side, preemption or interrupts off, a lock held.
#pragma once
#include <string_view>

#include "verifier/require/require.h"

namespace skep::verifier {

/// Objects that RCU protects stay: the program does not sleep, or said so.
bool in_rcu_section(const State& state);
bool may_sleep(const State& state);
/// For helpers that might sleep.
Check check_sleeping_helper(Run& run, const HelperProto& proto);
/// Where the program ends, or `what` may end it: everything was given back. `leak`: an object was not.
Check check_nothing_held(Run& run, DiagCode leak, std::string_view what);
/// While a lock is held few functions may be called.
Check check_call_in_section(Run& run, const isa::Call& insn);
Check check_global_call_in_section(Run& run, const Subprogram& callee);
/// Programs that run in any context may not use maps with locks.
Check check_fields_fit_program(Run& run);

}  // namespace skep::verifier
