// SPDX-License-Identifier: Apache-2.0
// Which optimisation breaks a program: found by running it with sets of them.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "skep/passes.h"

namespace skep {

struct Blame {
  bool differs = false;        ///< With all passes, or without any.
  std::optional<Pass> pass{};  ///< The first, in their order, with which it differs; none: it differs without any.
  PassSet needed{};            ///< `pass` and the others without which it does not differ.
};

/// Calls differs(set) for the empty set, all, each pass alone, growing sets, and smaller ones of what then differs.
Blame blame_passes(const std::function<bool(PassSet)>& differs);

/// "pass rotate", "pass dead, together with rotate, address", or that it is none.
std::string text(const Blame& blame);
/// "rotate, dead"; "none".
std::string text(PassSet passes);

}  // namespace skep
