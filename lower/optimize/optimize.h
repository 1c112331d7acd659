// SPDX-License-Identifier: Apache-2.0
// Code -> better Code: the passes of tables/passes.def, one a file, over a control-flow graph with liveness.
#pragma once
#include "lower/code.h"
#include "skep/passes.h"

namespace skep::lower {

/// Pure. What `code` computes, writes and calls stays the same; origin keeps telling where each op came from.
Code optimize(Code code, PassSet passes);

}  // namespace skep::lower
