// SPDX-License-Identifier: Apache-2.0
// Host registers that hold nothing of the program's, for functions that call nothing.
#pragma once
#include "lower/code.h"
#include "lower/effects.h"

namespace skep::lower {

struct Spares {
  RegSet regs = 0;                         ///< Of kFirstSpare on.
  RegSet frame = 0;                        ///< Of these: free only where a function does not use r10.
  RegSet saved = 0;                        ///< Registers that a function which uses them has to save.
  RegSet (*lost)(const Op& op) = nullptr;  ///< Of `regs`: what native code of the op overwrites.
};

}  // namespace skep::lower
