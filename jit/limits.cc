// SPDX-License-Identifier: Apache-2.0
#include "jit/limits.h"

#include <algorithm>

#include "lower/effects.h"

namespace skep::jit {
namespace {

using lower::Label;

std::vector<std::uint32_t> depths(const lower::Code& code) {
  std::vector<std::uint32_t> depth(code.ops.size(), 1);
  const auto reach = [&](Label from, Label to) {
    if (to > from && to < depth.size()) depth[to] = std::max(depth[to], depth[from] + 1);
  };
  for (Label at = 0; at < code.ops.size(); ++at) {
    if (const Label* target = lower::target_of(code.ops[at])) reach(at, *target);
    if (!lower::never_continues(code.ops[at])) reach(at, at + 1);
  }
  return depth;
}

}  // namespace

std::vector<std::uint32_t> charges(const lower::Code& code) {
  const std::vector<std::uint32_t> depth = depths(code);
  std::vector<std::uint32_t> charges(code.ops.size(), 0);
  for (Label at = 0; at < code.ops.size(); ++at) {
    const lower::Op& op = code.ops[at];
    const Label* const target = lower::target_of(op);
    if (target != nullptr && *target <= at) {
      // Below 1 where what is jumped to lies deeper than this, on another way.
      charges[at] = depth[at] >= depth[*target] ? depth[at] - depth[*target] + 1 : 1;
    } else if (std::holds_alternative<lower::Return>(op) || std::holds_alternative<lower::TailCall>(op)) {
      charges[at] = depth[at];
    }
  }
  return charges;
}

}  // namespace skep::jit
