// SPDX-License-Identifier: Apache-2.0
#include "vm/interpreter/execute.h"

namespace skep::interpreter {

template std::uint64_t execute<Policy{.checked = true, .counted = true, .profiled = true}>(Run&, std::uint64_t,
                                                                                           std::uint64_t);

}  // namespace skep::interpreter
