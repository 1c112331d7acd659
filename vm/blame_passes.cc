// SPDX-License-Identifier: Apache-2.0
#include "vm/blame_passes.h"

namespace skep {
namespace {

constexpr Pass pass_at(std::size_t i) { return static_cast<Pass>(i); }

/// Leaves out whatever the difference does not need; `pass` stays.
PassSet shrink(PassSet set, Pass pass, const std::function<bool(PassSet)>& differs) {
  for (std::size_t i = 0; i < std::size(kPasses); ++i) {
    const Pass other = pass_at(i);
    if (other != pass && set.has(other) && differs(set.without(other))) set = set.without(other);
  }
  return set;
}

}  // namespace

Blame blame_passes(const std::function<bool(PassSet)>& differs) {
  if (differs(PassSet::none())) return {.differs = true, .pass = std::nullopt, .needed = {}};
  if (!differs(PassSet::all())) return {};
  for (std::size_t i = 0; i < std::size(kPasses); ++i) {
    const PassSet alone = PassSet::none().with(pass_at(i));
    if (differs(alone)) return {.differs = true, .pass = pass_at(i), .needed = alone};
  }
  PassSet growing;
  for (std::size_t i = 0; i < std::size(kPasses); ++i) {
    growing = growing.with(pass_at(i));
    if (differs(growing)) return {.differs = true, .pass = pass_at(i), .needed = shrink(growing, pass_at(i), differs)};
  }
  return {};  // Not the same twice.
}

std::string text(PassSet passes) {
  std::string out;
  for (std::size_t i = 0; i < std::size(kPasses); ++i)
    if (passes.has(pass_at(i))) out += (out.empty() ? "" : ", ") + std::string(kPasses[i].name);
  return out.empty() ? "none" : out;
}

std::string text(const Blame& blame) {
  if (!blame.differs) return "no pass: it does not differ with all of them";
  if (!blame.pass) return "no pass: it differs without any";
  const std::string name = "pass " + std::string(info(*blame.pass).name);
  const PassSet others = blame.needed.without(*blame.pass);
  return others == PassSet::none() ? name : name + ", together with " + text(others);
}

}  // namespace skep
