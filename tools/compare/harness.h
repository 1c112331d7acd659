// SPDX-License-Identifier: Apache-2.0
// What veristat and the kernel's own test loader settle before they load a program of an object that is no use without
// its loader: so that both judges see the same program.
#pragma once
#include "skep/program.h"

namespace skep::tools {

/// - Flags that declaration tags of the entry function ask for ("comment:test_prog_flags=...", kernel selftests).
/// - A program whose section says no type, or that replaces a function, gets the type that its context argument has.
/// - Maps whose size is left to the loader have one element, maps of maps without an inner one have arrays.
Program as_harness_loads(Program program);

}  // namespace skep::tools
