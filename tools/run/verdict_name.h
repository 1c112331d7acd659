// SPDX-License-Identifier: Apache-2.0
// What r0 means to whoever called the program.
#pragma once
#include <cstdint>
#include <string>

#include "skep/program_type.h"

namespace skep::tools {

/// XDP_PASS, TC_ACT_SHOT, allow... A value without a name is given as a number.
std::string verdict_name(ProgramType type, std::uint64_t r0);
/// Whether the packet goes on after the run (passed, sent, redirected), and would be in a capture behind the program.
bool lets_through(ProgramType type, std::uint64_t r0);

}  // namespace skep::tools
