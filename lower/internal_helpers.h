// SPDX-License-Identifier: Apache-2.0
// Helpers that only lowering calls. Their ids are negative, so that no program can name them; vm/ implements them.
#pragma once
#include <cstdint>

namespace skep::lower {

/// r1 = SkbContext, r2 = offset (32 bits, signed), r3 = bytes (1, 2, 4). Returns the packet's bytes there as a number
/// in host order, or kPacketLoadFailed when they are not all inside the packet.
inline constexpr std::int32_t kLoadPacketHelper = -1;
inline constexpr std::int64_t kPacketLoadFailed = -1;

/// Ends the run with Trap::kHelper: what a call of a missing helper becomes in a program that nobody verified.
inline constexpr std::int32_t kMissingHelper = -2;

}  // namespace skep::lower
