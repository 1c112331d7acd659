// SPDX-License-Identifier: Apache-2.0
// Speculation in native code: what both architectures do alike (docs/adr/0007 says why).
//
// A register that is no program's, kState, is all ones while the processor runs ahead on the wrong way of a conditional
// branch, and 0 otherwise: each way of a branch sets it by a conditional move, which is data and not predicted. All
// that a load brings, and all that is handed to a helper, is joined to it by or, so that nothing loaded on the wrong
// way reaches an address. Helpers are not made by these emitters: behind their calls, a fence lets everything be
// decided. So it does behind ops whose code branches by itself or needs the register.
#pragma once
#include <cstdint>

#include "jit/options.h"
#include "lower/code.h"

namespace skep::jit {

/// False of ops that use what they load before it could be guarded.
bool can_be_masked(const lower::Op& op);

/// The most bytes that masking adds to an op.
struct MaskPadding {
  std::uint32_t branch = 0, load = 0, helper = 0, fence = 0;
};
/// x86-64 divides in rax and rdx, and has no instructions for the others: the code of these ops takes kState's
/// register, or branches, and a fence comes behind it.
bool needs_fence(const lower::Op& op, const Features& features);
std::uint32_t mask_bytes(const lower::Op& op, const Features& features, const MaskPadding& padding);

}  // namespace skep::jit
