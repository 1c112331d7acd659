// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/optimize.h"

#include <utility>

#include "lower/optimize/graph.h"
#include "lower/optimize/passes.h"

namespace skep::lower {
namespace {

constexpr void (*kFunctions[])(Graph&) = {
#define PASS(name, text, ...) &passes::text,
#include "skep/tables/passes.def"
};

}  // namespace

Code optimize(Code code, PassSet passes, const Facts& facts, const Spares& spares) {
  if (passes == PassSet::none()) return code;
  Graph graph(std::move(code), facts, spares);
  for (std::size_t i = 0; i < std::size(kFunctions); ++i) {
    if (!passes.has(static_cast<Pass>(i))) continue;
    graph.fresh();
    kFunctions[i](graph);
  }
  return std::move(graph).take();
}

}  // namespace skep::lower
