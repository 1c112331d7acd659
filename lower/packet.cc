// SPDX-License-Identifier: Apache-2.0
// LD_ABS and LD_IND (RFC 9669 §5.5): r0 = packet data in host order, of the skb that r6 points to; when the data is not
// there, the function returns 0. r1 to r5 are clobbered, as the kernel does.
#include "lower/internal_helpers.h"
#include "lower/rewrite.h"

namespace skep::lower {

void lower_packet_load(Builder& builder, const Source& source, const isa::LoadPacket& insn) {
  using isa::AluOp, isa::Width;
  if (info(source.program.type).context != ContextKind::kSkBuff) {
    builder.emit(Illegal{});  // Only unverified programs get here: without an skb there is no packet.
    return;
  }
  const auto set = [&](AluOp op, Width width, std::uint8_t dst, Operand src) {
    builder.emit(Alu{.op = op, .width = width, .divisor = Divisor::kMayBeZero, .dst = Reg{dst}, .src = src});
  };
  // r2 first: the index register may be r1, r2 or r3.
  if (insn.mode == isa::PacketMode::kIndirect) {
    set(AluOp::kMov, Width::k32, 2, insn.src);
    if (insn.imm != 0) set(AluOp::kAdd, Width::k32, 2, Imm{insn.imm});
  } else {
    set(AluOp::kMov, Width::k32, 2, Imm{insn.imm});
  }
  set(AluOp::kMov, Width::k64, 1, isa::kR6);
  set(AluOp::kMov, Width::k32, 3, Imm{isa::bytes(insn.size)});
  builder.emit_helper(kLoadPacketHelper);
  builder.emit(Branch{.op = isa::JmpOp::kNe,
                      .width = Width::k64,
                      .dst = isa::kR0,
                      .src = Imm{kPacketLoadFailed},
                      .target = builder.next() + 3});
  set(AluOp::kMov, Width::k32, 0, Imm{0});
  builder.emit(Return{});
}

}  // namespace skep::lower
