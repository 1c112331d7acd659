// SPDX-License-Identifier: Apache-2.0
#include "jit/harden.h"

#include "base/overloaded.h"

namespace skep::jit {

bool can_be_masked(const lower::Op& op) {
  return !std::holds_alternative<lower::AluLoad>(op) && !std::holds_alternative<lower::BranchLoad>(op);
}

bool needs_fence(const lower::Op& op, const Features& features) {
  return std::visit(Overloaded{
                        [](const lower::Alu& alu) {
                          using enum isa::AluOp;
                          return alu.op == kDiv || alu.op == kSDiv || alu.op == kMod || alu.op == kSMod;
                        },
                        [](const lower::Atomic& atomic) {
                          using enum isa::AtomicOp;
                          return atomic.op == kFetchAnd || atomic.op == kFetchOr || atomic.op == kFetchXor;
                        },
                        [](const lower::Rotate& rotate) { return std::holds_alternative<lower::Reg>(rotate.count); },
                        [&](const lower::CountBits&) { return !features.popcnt || !features.lzcnt || !features.bmi1; },
                        [](const auto&) { return false; },
                    },
                    op);
}

std::uint32_t mask_bytes(const lower::Op& op, const Features& features, const MaskPadding& padding) {
  const std::uint32_t fence = needs_fence(op, features) ? padding.fence : 0;
  if (std::holds_alternative<lower::Branch>(op)) return padding.branch;
  if (std::holds_alternative<lower::Load>(op) || std::holds_alternative<lower::Atomic>(op)) return padding.load + fence;
  const bool leaves = std::holds_alternative<lower::CallHelper>(op) || std::holds_alternative<lower::CallLocal>(op) ||
                      std::holds_alternative<lower::TailCall>(op);
  return leaves ? padding.helper : fence;
}

}  // namespace skep::jit
