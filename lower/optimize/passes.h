// SPDX-License-Identifier: Apache-2.0
// The passes, one a file. Each keeps what the code computes, and may leave Nops behind.
#pragma once
#include "lower/optimize/graph.h"

namespace skep::lower::passes {

#define PASS(name, text, ...) void text(Graph& graph);
#include "skep/tables/passes.def"

}  // namespace skep::lower::passes
