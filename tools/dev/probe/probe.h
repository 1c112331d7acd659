// SPDX-License-Identifier: Apache-2.0
// Asks the running kernel what the tables of include/skep/tables/ say. For developers: it needs bpf(2).
#pragma once
#include <cstdint>
#include <vector>

#include "skep/program_type.h"

namespace skep::probe {

/// Where a program is loaded for.
struct Hook {
  ProgramType type{};
  std::uint32_t attach = 0;
  bool sleepable = false;
};
/// All that could be.
std::vector<Hook> hooks();

/// Prints what the kernel says of a program that returns anything: which hooks there are, and what they take back.
void probe_hooks();
/// Prints which accesses to the context every hook allows, and what loads give.
void probe_contexts();
/// Prints who may call each kernel function, and what the kernel says of arguments that tell its flags.
void probe_kfuncs();
/// Prints of every helper where it may be called, what it takes and what it returns.
void probe_helpers();

}  // namespace skep::probe
