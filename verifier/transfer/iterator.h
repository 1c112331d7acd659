// SPDX-License-Identifier: Apache-2.0
// Open-coded iterators: state of the kernel on the program's stack (a Value of kind kIterator in its slots: target is
// its type, detail its IteratorState, extent how many elements next() gave, reference what destroy() gives back). Flag
// kRcu: made in an RCU read-side section; kUntrusted: that section has ended.
#pragma once
#include <cstdint>

#include "verifier/transfer/call_kfunc.h"
#include "verifier/transfer/stack_object.h"

namespace skep::verifier {

/// Slots that an iterator of the kernel's type `type` takes.
std::uint32_t iterator_slots(const Run& run, TypeId type);
/// The iterator of that type to which a pointer points; nullptr: none does.
Value* find_iterator(Run& run, const Value& pointer, TypeId type);

}  // namespace skep::verifier
