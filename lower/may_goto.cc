// SPDX-License-Identifier: Apache-2.0
// may_goto: falls through kMaxLoops times a function call, then jumps. The count is kept below the function's own
// stack.
#include "lower/rewrite.h"

namespace skep::lower {
namespace {

constexpr std::int64_t kMaxLoops = std::int64_t{8} << 20;  // As many as bpf_loop() does at most.

std::int32_t slot_offset(std::uint32_t stack_bytes) { return -static_cast<std::int32_t>(stack_bytes) - 8; }

}  // namespace

void lower_may_goto_prologue(Builder& builder, std::uint32_t stack_bytes) {
  builder.emit(
      Store{.size = isa::Size::k64, .base = isa::kR10, .offset = slot_offset(stack_bytes), .src = Imm{kMaxLoops}});
}

void lower_may_goto(Builder& builder, std::uint32_t stack_bytes, InsnIndex target) {
  const std::int32_t slot = slot_offset(stack_bytes);
  builder.emit(Load{.size = isa::Size::k64, .dst = kScratch, .base = isa::kR10, .offset = slot});
  builder.emit_to_slot(Branch{.op = isa::JmpOp::kEq, .width = isa::Width::k64, .dst = kScratch, .src = Imm{0}}, target);
  builder.emit(Alu{.op = isa::AluOp::kSub, .width = isa::Width::k64, .dst = kScratch, .src = Imm{1}});
  builder.emit(Store{.size = isa::Size::k64, .base = isa::kR10, .offset = slot, .src = kScratch});
}

}  // namespace skep::lower
