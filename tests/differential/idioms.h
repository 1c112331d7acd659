// SPDX-License-Identifier: Apache-2.0
// Sequences that compilers write for what eBPF has no instruction for, and that lower/optimize/ turns into single ops:
// each with other instructions between its parts and on any choice of registers, and now and then with a part that is
// wrong, missing, doubled or out of place, so that it is no such idiom.
#pragma once
#include "tests/differential/writer.h"

namespace skep::differential {

/// One of them. Keeps the rules of Writer; branches stay within it.
isa::Insns random_idiom(Writer& writer);

}  // namespace skep::differential
