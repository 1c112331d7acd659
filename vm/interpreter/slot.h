// SPDX-License-Identifier: Apache-2.0
// The form that the interpreter runs: one 16-byte slot for each lower::Op, whose opcode says operation, width and
// operand form at once. The opcodes are generated from the instruction table.
#pragma once
#include <cstdint>

#include "lower/code.h"

namespace skep::interpreter {

// One line for each family; X(name) is a slot opcode.
// clang-format off
#define SKEP_SLOTS_ALU(X, name)    X(name##64Imm) X(name##64Reg) X(name##32Imm) X(name##32Reg)
#define SKEP_SLOTS_JMP(X, name)    X(If##name##64Imm) X(If##name##64Reg) X(If##name##32Imm) X(If##name##32Reg)
#define SKEP_SLOTS_SIZE(X, bits)   X(Load##bits) X(LoadSigned##bits) X(LoadAcquire##bits) X(Store##bits##Imm) X(Store##bits##Reg) \
                                   X(StoreRelease##bits) X(LoadIndexed##bits) X(LoadIndexedSigned##bits) X(LoadSwapped##bits) \
                                   X(LoadSwappedSigned##bits) X(StoreIndexed##bits##Imm) X(StoreIndexed##bits##Reg) X(StoreSwapped##bits)
#define SKEP_SLOTS_ATOMIC(X, name) X(Atomic##name##32) X(Atomic##name##64)
#define SKEP_SLOTS_OTHER(X)        X(Truncate16) X(Truncate32) X(Swap16) X(Swap32) X(Swap64) X(Goto) X(LoadEnv32) X(LoadEnv64) X(CallHelper) X(CallLocal) \
                                   X(TailCall) X(Return) X(Illegal) X(Nop) X(Sum64) X(Sum32) X(Rotate64Imm) X(Rotate64Reg) X(Rotate32Imm) X(Rotate32Reg) \
                                   X(Ones64) X(Ones32) X(LeadingZeros64) X(LeadingZeros32) X(TrailingZeros64) X(TrailingZeros32) \
                                   X(AddWithCarry64) X(AddWithCarry32) X(Clear) X(Copy) X(Wide) X(IfMemory) X(UnlessSet64Imm) X(UnlessSet64Reg) X(UnlessSet32Imm) \
                                   X(UnlessSet32Reg)
// clang-format on

enum class Opcode : std::uint16_t {
#define SKEP_ENUMERATOR(name) k##name,
#define ISA_ALU(name, ...) SKEP_SLOTS_ALU(SKEP_ENUMERATOR, name)
#define ISA_JMP(name, ...) SKEP_SLOTS_JMP(SKEP_ENUMERATOR, name)
#define ISA_SIZE(bits, ...) SKEP_SLOTS_SIZE(SKEP_ENUMERATOR, bits)
#define ISA_ATOMIC(name, ...) SKEP_SLOTS_ATOMIC(SKEP_ENUMERATOR, name)
#include "skep/tables/opcodes.def"
  SKEP_SLOTS_OTHER(SKEP_ENUMERATOR)
#undef SKEP_ENUMERATOR
};

/// Which of the fields an opcode uses, and how, is said where it is executed (execute.h) and made (compile.cc).
struct Slot {
  Opcode opcode{};
  std::uint8_t dst = 0;
  std::uint8_t src = 0;
  std::int32_t offset = 0;  ///< Of memory; of a jump, in slots from this one; index of a helper.
  std::uint64_t imm = 0;
};
/// A register that is always 0: the index of accesses that have none.
inline constexpr std::uint8_t kZeroReg = lower::kFirstSpare;
/// The index and the shift of an access are packed into a number: of stores of an immediate, above that.
inline constexpr unsigned kShiftOfIndex = 8, kAboveImmediate = 32;
static_assert(sizeof(Slot) == 16);

}  // namespace skep::interpreter
