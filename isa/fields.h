// SPDX-License-Identifier: Apache-2.0
// The bits of the opcode byte (RFC 9669 §3), for decode.cc and encode.cc. Nothing else needs them.
#pragma once
#include <cstdint>

namespace skep::isa {

// Bits 0-2: the class.
inline constexpr std::uint8_t kClassMask = 0x07, kClassLd = 0x00, kClassLdx = 0x01, kClassSt = 0x02, kClassStx = 0x03,
                              kClassAlu32 = 0x04, kClassJmp = 0x05, kClassJmp32 = 0x06, kClassAlu64 = 0x07;
// Arithmetic and jumps: bit 3 is the source, bits 4-7 the operation.
inline constexpr std::uint8_t kSourceReg = 0x08, kCodeMask = 0xf0, kCodeMov = 0xb0, kCodeEnd = 0xd0, kCodeJa = 0x00,
                              kCodeCall = 0x80, kCodeExit = 0x90, kCodeCond = 0xe0;
// Loads and stores: bits 3-4 are the size, bits 5-7 the mode.
inline constexpr std::uint8_t kSizeMask = 0x18, kModeMask = 0xe0, kModeImm = 0x00, kModeAbs = 0x20, kModeInd = 0x40,
                              kModeMem = 0x60, kModeMemSx = 0x80, kModeAtomic = 0xc0;

inline constexpr std::uint8_t kOpcodeLoadImm64 = 0x18;
/// Offset field of the register move that converts between address spaces.
inline constexpr std::int16_t kOffsetAddrSpaceCast = 1;
inline constexpr std::uint8_t kLastReg = 10;

}  // namespace skep::isa
