// SPDX-License-Identifier: Apache-2.0
// Global functions are verified on their own, for every argument that their prototype in BTF allows; callers are
// checked against the same prototype.
#pragma once
#include <cstdint>
#include <string_view>

#include "verifier/btf/prototype.h"
#include "verifier/engine/run.h"

namespace skep::verifier {

/// Of the subprogram with that index; made once.
const Prototype& prototype_of(Run& run, std::uint32_t subprogram);
/// The function's name in BTF; empty: none.
std::string_view function_name(const Program& program, const Subprogram& subprogram);

}  // namespace skep::verifier
