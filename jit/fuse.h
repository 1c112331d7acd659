// SPDX-License-Identifier: Apache-2.0
// Sequences of ops that one or two host instructions do: eBPF has two-operand arithmetic, no rotation and no indexed
// addresses, so that compilers spell these out. Matching is the same for every architecture; each emits the result.
#pragma once
#include <cstdint>
#include <variant>

#include "jit/plan.h"
#include "lower/code.h"

namespace skep::jit {

/// dst = src rotated left by `count`, which is neither 0 nor the width; zero-extended.
struct Rotate {
  isa::Width width{};
  lower::Reg dst, src;
  std::uint32_t count = 0;
};
/// The same where the program goes on to use one of the two shifted words: shift.dst = rotate.src shifted as `shift`
/// says, then `rotate`. shift.dst is neither register of `rotate`.
struct RotateAndShift {
  lower::Alu shift;
  Rotate rotate;
};
/// dst = left + right, zero-extended; neither wraps an immediate beyond 32 bits.
struct Sum {
  isa::Width width{};
  lower::Reg dst, left;
  lower::Operand right;
};
/// `load`, but from base + (index << shift) + load.offset, shift at most 3; load.base is not written.
struct IndexedLoad {
  lower::Load load;
  lower::Reg index;
  std::uint32_t shift = 0;
};
/// Goes to `otherwise` where the branch's condition does not hold, else to branch.target.
struct BranchUnless {
  lower::Branch branch;
  lower::Label otherwise = 0;
};
using Fused = std::variant<lower::Alu, Rotate, RotateAndShift, Sum, IndexedLoad, BranchUnless>;

struct Match {
  std::uint32_t ops = 0;  ///< How many ops `fused` stands for; 0: none.
  Fused fused;
};
/// What begins at `at`. No op but the first is branched to, and registers that the sequence would have written and
/// `fused` does not are dead behind it.
Match match(const lower::Code& code, const Plan& plan, lower::Label at);

}  // namespace skep::jit
