// SPDX-License-Identifier: Apache-2.0
// A program as text, for what a failing test prints.
#pragma once
#include <string>
#include <variant>

#include "skep/isa.h"
#include "skep/program.h"

namespace skep::test {

/// An instruction a line, with its slot.
inline std::string listing(const Program& program) {
  std::string out;
  for (InsnIndex at = 0; at < program.insns.size(); ++at)
    if (!std::holds_alternative<isa::Continuation>(program.insns[at]))
      out += std::to_string(at) + ": " + isa::print(program.insns, at, isa::Syntax::kC) + "\n";
  return out;
}

}  // namespace skep::test
