// SPDX-License-Identifier: Apache-2.0
// A rejection for people: the kernel's sentence, the C line with a caret, the instruction, the registers before it, the
// way there, and what to do.
#pragma once
#include <string>

#include "skep/verify.h"

namespace skep::tools {

/// Source position of the instruction at `at`: the LineInfo that covers it; nullptr: the program has none there.
const LineInfo* line_at(const Program& program, InsnIndex at);
/// The function that holds the instruction; nullptr: the program names none.
const FunctionInfo* function_at(const Program& program, InsnIndex at);

/// Several lines, the last one ended. `object` is the file's name as the user gave it.
std::string render_rejection(const std::string& object, const Program& program, const Rejection& rejection);

}  // namespace skep::tools
