// SPDX-License-Identifier: Apache-2.0
// Optimisation passes as the command line names them.
#pragma once
#include <string>
#include <string_view>

#include "skep/passes.h"
#include "skep/result.h"

namespace skep::tools {

/// `all`, `none`, or names, applied from left to right: `rotate,dead` are those two, `all,-rotate` all but one. Error:
/// says which word is no pass, and which passes there are.
Result<PassSet> parse_passes(std::string_view text);
/// "thread, unroll, ..."
std::string pass_names();

}  // namespace skep::tools
