// SPDX-License-Identifier: Apache-2.0
// Code -> better Code: the passes of tables/passes.def, one a file, over a control-flow graph with liveness.
#pragma once
#include "lower/code.h"
#include "lower/optimize/spares.h"
#include "skep/passes.h"
#include "skep/verify.h"

namespace skep::lower {

/// Pure. What `code` computes, writes and calls stays the same; origin keeps telling where each op came from.
/// `facts`: of the program that `code` was lowered from, for passes that ask what memory an access hits.
/// `spares`: registers that the engine has beyond the program's.
Code optimize(Code code, PassSet passes, const Facts& facts = {}, const Spares& spares = {});

}  // namespace skep::lower
