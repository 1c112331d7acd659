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
/// irq.cc: interrupt flags that lie on the stack where `reg` points to, saved by one family of functions and restored
/// by the same.
enum class IrqFamily : std::uint8_t { kNative, kLock };
Check save_flags(Run& run, std::uint32_t reg, IrqFamily family);
Check restore_flags(Run& run, std::uint32_t reg, IrqFamily family);
/// exception.cc
Check throw_exception(Run& run, const KfuncCall& call);
/// Iterators (iterator.cc), likewise.
std::optional<Check> call_iterator(Run& run, const KfuncCall& call);
/// Casts (kfunc_cast.cc), likewise.
std::optional<Check> call_cast(Run& run, const KfuncCall& call);

}  // namespace skep::verifier
