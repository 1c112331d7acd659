// SPDX-License-Identifier: Apache-2.0
// eBPF's ops change what they read, so that a program copies what it still needs: `r1 = r2; r1 <<= 3`. An instruction
// that may write another register than it reads needs no copy.
#pragma once
#include <array>
#include <optional>
#include <utility>

#include "jit/plan.h"
#include "lower/code.h"

namespace skep::jit {

/// Of the op at `at`, which copies a register: the op behind it that changes the copy and may as well read the register
/// itself, as nobody comes between. It is an Alu.
std::optional<lower::Label> changes_copy(const lower::Code& code, const Plan& plan, lower::Label at);

/// Copies that were left to the ops that change them.
class LeftCopies {
 public:
  LeftCopies() { from_.fill(lower::kNoReg); }
  /// Whether the op at `at` is a copy that may be left to the op that changes it, because `reads_elsewhere` says of
  /// that one that its instruction may read another register than it writes. It is left then.
  template <class ReadsElsewhere>
  bool leave(const lower::Code& code, const Plan& plan, lower::Label at, ReadsElsewhere reads_elsewhere) {
    const auto& op = std::get<lower::Alu>(code.ops[at]);
    const auto* from = std::get_if<lower::Reg>(&op.src);
    if (op.op != isa::AluOp::kMov || from == nullptr) return false;
    const std::optional<lower::Label> change = changes_copy(code, plan, at);
    if (!change || !reads_elsewhere(std::get<lower::Alu>(code.ops[*change]))) return false;
    from_[op.dst.index] = *from;
    return true;
  }
  /// Where the op that changes `reg` finds what is in it.
  lower::Reg take(lower::Reg reg) {
    const lower::Reg from = std::exchange(from_[reg.index], lower::kNoReg);
    return from == lower::kNoReg ? reg : from;
  }

 private:
  std::array<lower::Reg, lower::kRegs> from_;
};

}  // namespace skep::jit
