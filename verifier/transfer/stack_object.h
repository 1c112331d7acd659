// SPDX-License-Identifier: Apache-2.0
// Objects of the kernel that a program keeps on its stack: dynptrs, iterators, saved interrupt flags. They take whole
// slots; Slot::value of each describes the object, with the number of the slot within it as its offset.
#pragma once
#include <cstdint>
#include <optional>

#include "verifier/engine/run.h"
#include "verifier/require/require.h"

namespace skep::verifier {

inline constexpr std::uint32_t kDynptrSlots = 2;

/// Where an object lies: the slot with its lowest address. Its further parts lie in the slots below that number.
struct StackPlace {
  std::uint8_t frame = 0;
  std::uint32_t slot = 0;
};
/// Where `slots` slots begin that the pointer in a register points to; nullopt: they are not whole slots of a stack, or
/// it is not known which.
std::optional<StackPlace> stack_place(const Value& pointer, std::uint32_t slots);

/// Part `part` of an object. Precondition: the slot was touched.
Slot& part_of(Run& run, StackPlace place, std::uint32_t part);
/// An object with this many slots lies there, whole; its uses count as reads. nullptr: none does.
Value* find_object(Run& run, StackPlace place, ByteKind kind, std::uint32_t slots);
/// Makes room for `slots` slots that `reg` points to, as if they were written.
Check overwrite_place(Run& run, std::uint32_t reg, std::uint32_t slots);
/// The object of which `value` is the description now lies there.
void put_object(Run& run, StackPlace place, const Value& value, ByteKind kind, std::uint32_t slots);
/// Nothing lies there any more.
void remove_object(Run& run, StackPlace place, std::uint32_t slots);

/// The bytes are about to be written: what lay there ends, if it may.
Check end_objects(Run& run, std::uint32_t frame, const StackRange& range);
/// The first byte in the range that belongs to an object; nullopt: none does.
std::optional<std::int32_t> first_object_byte(const Frame& frame, const StackRange& range);

/// Dynptrs (dynptr.cc).
/// Ends the dynptr that has a part in that slot, and the pointers to its memory. One that holds a reference may not end
/// so.
Check end_dynptr(Run& run, std::uint32_t frame, std::uint32_t slot);

}  // namespace skep::verifier
