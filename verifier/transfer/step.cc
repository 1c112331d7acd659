// SPDX-License-Identifier: Apache-2.0
#include <variant>

#include "base/overloaded.h"
#include "base/unreachable.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

const char* alu_family(std::uint8_t op) {
  if (op == 0xb0) return "BPF_MOV";
  if (op == 0x80) return "BPF_NEG";
  return op == 0xd0 ? "BPF_END" : "BPF_ALU";
}

/// The kernel names the family whose reserved field was used.
Check refuse(Run& run, const isa::Illegal& insn) {
  if (insn.field == isa::Field::kDst) return run.reject(DiagCode::kInvalidRegister, std::uint64_t{insn.raw.dst});
  if (insn.field == isa::Field::kSrc && insn.raw.src > 10)
    return run.reject(DiagCode::kInvalidRegister, std::uint64_t{insn.raw.src});
  const std::uint8_t cls = insn.raw.opcode & 7, op = insn.raw.opcode & 0xf0;
  const bool jump = cls == 5 || cls == 6;
  if (cls == 4 || cls == 7) {
    const bool shift = op == 0x60 || op == 0x70 || op == 0xc0;
    if (insn.field == isa::Field::kImm && shift) return run.reject(DiagCode::kInvalidShift, std::int64_t{insn.raw.imm});
    if (insn.field == isa::Field::kImm && (op == 0x30 || op == 0x90)) return run.reject(DiagCode::kDivisionByZero);
    return run.reject(DiagCode::kReservedFields, std::string(alu_family(op)));
  }
  if (jump && op == 0x80) return run.reject(DiagCode::kReservedFields, std::string("BPF_CALL"));
  if (jump && op == 0x90) return run.reject(DiagCode::kReservedFields, std::string("BPF_EXIT"));
  if (jump && op == 0x00) return run.reject(DiagCode::kReservedFields, std::string("BPF_JA"));
  if (jump) return run.reject(DiagCode::kReservedFields, std::string("BPF_JMP/JMP32"));
  if (cls == 0) return run.reject(DiagCode::kReservedFields, std::string("BPF_LD_[ABS|IND]"));
  if (cls == 1) return run.reject(DiagCode::kReservedFields, std::string("BPF_LDX"));
  if (cls == 2) return run.reject(DiagCode::kReservedFields, std::string("BPF_ST"));
  return run.reject(DiagCode::kReservedFields, std::string("BPF_STX"));
}

}  // namespace

bool is_jump(const isa::Insn& insn) {
  return std::holds_alternative<isa::Branch>(insn) || std::holds_alternative<isa::Jump>(insn) ||
         std::holds_alternative<isa::Call>(insn) || std::holds_alternative<isa::Exit>(insn) ||
         std::holds_alternative<isa::MayGoto>(insn);
}

Check step(Run& run) {
  return std::visit(Overloaded{
                        [&](const isa::Continuation&) { return run.reject(DiagCode::kInvalidLoadImm64); },
                        [&](const isa::Illegal& insn) { return refuse(run, insn); },
                        [&](const auto& insn) { return transfer(run, insn); },
                    },
                    run.program.insns[run.at]);
}

}  // namespace skep::verifier
