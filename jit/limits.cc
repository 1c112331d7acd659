// SPDX-License-Identifier: Apache-2.0
#include "jit/limits.h"

#include <algorithm>

namespace skep::jit {
namespace {

using lower::Label;

/// Where an op may go without returning first.
struct Ways {
  const Label* target = nullptr;
  bool falls_through = true;
};
Ways ways_of(const lower::Op& op) {
  if (const auto* branch = std::get_if<lower::Branch>(&op)) return {.target = &branch->target};
  if (const auto* jump = std::get_if<lower::Jump>(&op)) return {.target = &jump->target, .falls_through = false};
  const bool ends = std::holds_alternative<lower::Return>(op) || std::holds_alternative<lower::Illegal>(op);
  return {.target = nullptr, .falls_through = !ends};
}

std::vector<std::uint32_t> depths(const lower::Code& code) {
  std::vector<std::uint32_t> depth(code.ops.size(), 1);
  const auto reach = [&](Label from, Label to) {
    if (to > from && to < depth.size()) depth[to] = std::max(depth[to], depth[from] + 1);
  };
  for (Label at = 0; at < code.ops.size(); ++at) {
    const Ways ways = ways_of(code.ops[at]);
    if (ways.target != nullptr) reach(at, *ways.target);
    if (ways.falls_through) reach(at, at + 1);
  }
  return depth;
}

}  // namespace

std::vector<std::uint32_t> charges(const lower::Code& code) {
  const std::vector<std::uint32_t> depth = depths(code);
  std::vector<std::uint32_t> charges(code.ops.size(), 0);
  for (Label at = 0; at < code.ops.size(); ++at) {
    const lower::Op& op = code.ops[at];
    const Label* const target = ways_of(op).target;
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
