// SPDX-License-Identifier: Apache-2.0
// What Linux asks of a program as a whole before it looks at what its instructions do.
#pragma once
#include <optional>

#include "skep/verify.h"

namespace skep::verifier {

/// The program may be loaded for its attach type, and may sleep, or must.
std::optional<Diagnostic> check_hook(const Program& program);
/// The maps that instructions name, whether or not those can be reached.
std::optional<Diagnostic> check_maps(const Program& program);

}  // namespace skep::verifier
