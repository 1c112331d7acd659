// SPDX-License-Identifier: Apache-2.0
// Types for a case that asks for them (key `functions`): of its functions, and the structures that its maps and
// allocated objects may be of (kStructures in case_types.cc).
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "skep/btf.h"
#include "skep/program.h"

namespace skep::test {

/// Gives each function of `functions` a prototype. The first returns an int; the others return what `kind` says ("int"
/// or "void"), or are global and take a pointer to what it names ("dynptr", "skb", "memory", "nonnull" memory).
Result<std::shared_ptr<const Btf>> give_types(std::vector<FunctionInfo>& functions, std::string_view kind);

}  // namespace skep::test
