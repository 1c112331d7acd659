// SPDX-License-Identifier: Apache-2.0
// Everything that can run a program, behind one signature: the reference interpreter, the interpreter, the JIT of this
// host in all its variants.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "skep/program.h"
#include "skep/vm.h"

namespace skep::conformance {

using Runner = std::function<RunResult(std::span<std::byte> memory)>;
struct Engine {
  std::string name;
  /// Readies a program, which may touch its memory and its stack. May be run more than once.
  std::function<Result<Runner>(const Program& program)> prepare;
  /// Whether an access out of bounds traps. Native code trusts its programs.
  bool checks_memory = true;
};

const std::vector<Engine>& engines();

}  // namespace skep::conformance
