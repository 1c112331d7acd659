// SPDX-License-Identifier: Apache-2.0
// Sums with carry in a row, as unrolled checksums have them: each would add its carry to its sum before the next one
// begins, two instructions after each other for each word. Where the next adds to that sum anyway, its addition can
// take the carry in from the flag.
#pragma once
#include "jit/plan.h"
#include "lower/code.h"

namespace skep::jit {

/// Whether the AddWithCarry at `at` may leave its carry in the CPU's flag for the next one, which comes before anything
/// that reads the sum or changes the flags. Exact: a sum that carried is not all ones, so that it is the same whether
/// the carry is added to it or to the next sum.
bool leaves_carry(const lower::Code& code, const Plan& plan, lower::Label at);

}  // namespace skep::jit
