// SPDX-License-Identifier: Apache-2.0
// Sets that flow against control: live registers, live slots of the stack.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "lower/code.h"
#include "lower/effects.h"

namespace skep::lower {

/// The ops from `begin` to `end`, which no branch leaves, with the outline of each of all ops.
struct Region {
  const Code& code;
  const std::vector<Outline>& outlines;
  Label begin = 0, end = 0;

  /// What is in the set after the op at `at`, of what is in it before the ops that may run next.
  template <class Set>
  [[nodiscard]] Set after(const std::vector<Set>& before, Label at) const {
    Set set = outlines[at].continues ? before[at + 1 - begin] : Set{0};
    if (outlines[at].branches) set |= before[*target_of(code.ops[at]) - begin];
    return set;
  }
};

/// The least sets, before each op and at the end, with before = transfer(at, after). Whatever the loops are, an op is
/// looked at as often as a set behind it grows, and not each time that some loop is gone round.
template <class Set, class Transfer>
std::vector<Set> solve_backwards(const Region& region, Transfer transfer) {
  const Label begin = region.begin;
  std::vector<Set> before(region.end - begin + 1);
  std::vector<Label> again;  // Branches whose target was not known yet.
  for (Label at = region.end; at-- > begin;) {
    before[at - begin] = transfer(at, region.after(before, at));
    if (region.outlines[at].branches && *target_of(region.code.ops[at]) <= at) again.push_back(at);
  }
  std::vector<std::pair<Label, Label>> sources;  // Target and branch.
  const auto find_sources = [&] {
    for (Label at = begin; at < region.end; ++at)
      if (region.outlines[at].branches) sources.emplace_back(*target_of(region.code.ops[at]), at);
    std::ranges::sort(sources);
  };
  while (!again.empty()) {
    Label at = again.back();
    again.pop_back();
    for (;; --at) {
      const Set grown = transfer(at, region.after(before, at));
      if (grown == before[at - begin]) break;
      before[at - begin] = grown;
      if (sources.empty()) find_sources();
      auto source = std::ranges::lower_bound(sources, std::pair(at, Label{0}));
      for (; source != sources.end() && source->first == at; ++source) again.push_back(source->second);
      if (at == begin || !region.outlines[at - 1].continues) break;
    }
  }
  return before;
}

}  // namespace skep::lower
