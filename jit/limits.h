// SPDX-License-Identifier: Apache-2.0
// How native code counts instructions: not one by one, but where a stretch of straight code ends, by jumping backwards
// or by leaving the function. Whatever runs for long passes such a place.
#pragma once
#include <cstdint>
#include <vector>

#include "lower/code.h"

namespace skep::jit {

/// By op, what it takes from the budget: a Branch or Jump backwards when it is taken, a TailCall when it is, a Return
/// always; 0 for all other ops, at least 1 for these.
///
/// An op's depth is the number of ops on the longest way to it from the function's entry without jumping backwards, the
/// op included. A Return takes its depth, a jump from a to b depth(a) - depth(b) + 1. The sum over a run is then the
/// number of ops that ran, plus what shorter ways around something have spared: never less than what the interpreter
/// counts, and the same where all ways to an op are equally long.
std::vector<std::uint32_t> charges(const lower::Code& code);

}  // namespace skep::jit
