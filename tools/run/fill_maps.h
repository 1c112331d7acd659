// SPDX-License-Identifier: Apache-2.0
// `--map NAME[KEY]=VALUE`: contents that a user gives to maps before programs run.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/vm.h"

namespace skep::tools {

/// `map` is what stands before '[', `where` names the place for messages.
struct Assignment {
  std::string map, key, value;
  std::string where;
};
/// Splits NAME[KEY]=VALUE; "@FILE" stands for the assignments in a file, one a line, blank lines and lines that begin
/// with '#' left out.
Result<std::vector<Assignment>> parse_assignments(const std::vector<std::string>& texts);

/// "there are: a, b", for a message about a name that none of them has.
std::string names_of(const std::vector<std::shared_ptr<Map>>& maps);

/// Finds a program of the object by name, verified and loaded, to put it into a prog_array.
using LoadProgram = std::function<Result<Image>(const std::string& name)>;

/// Carries them out in order. Where the key exists, members that VALUE does not name keep their value. The value of a
/// per-CPU map is set on every CPU.
Status fill_maps(Vm& vm, const std::vector<Assignment>& assignments, const LoadProgram& load);

}  // namespace skep::tools
