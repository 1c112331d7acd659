// SPDX-License-Identifier: Apache-2.0
// Whether anything reads a register's value, as far as a short look ahead tells.
#pragma once
#include "lower/code.h"

namespace skep::jit {

/// True: what `reg` holds before the op `at` is never read. False: it may be.
bool is_dead(const lower::Code& code, lower::Label at, lower::Reg reg);

}  // namespace skep::jit
