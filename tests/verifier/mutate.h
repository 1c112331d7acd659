// SPDX-License-Identifier: Apache-2.0
// Programs close to given ones.
#pragma once
#include <random>

#include "skep/program.h"

namespace skep::test {

/// Changes one instruction: a field, or the whole (nothing in its place, exchanged with the next, another call of the
/// same program). Loads of 16 bytes stay, so that two judges name the same maps and types.
void mutate(Program& program, std::mt19937_64& random);

}  // namespace skep::test
