// SPDX-License-Identifier: Apache-2.0
// Effects of kernel functions that have rules of their own.
#pragma once
#include <optional>

#include "verifier/require/kfunc.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

/// Functions on the program's own objects, locks, sections and exceptions (kfunc_objects.cc): does all that the call
/// does, r0 to r5 included; nullopt: `call` is of another function.
std::optional<Check> call_object_kfunc(Run& run, const KfuncCall& call);
/// irq.cc: interrupt flags saved on the stack.
Check save_irq(Run& run, const KfuncCall& call);
Check restore_irq(Run& run, const KfuncCall& call);
/// exception.cc
Check throw_exception(Run& run, const KfuncCall& call);
/// Iterators (iterator.cc), likewise.
std::optional<Check> call_iterator(Run& run, const KfuncCall& call);
/// Casts (kfunc_cast.cc), likewise.
std::optional<Check> call_cast(Run& run, const KfuncCall& call);

}  // namespace skep::verifier
