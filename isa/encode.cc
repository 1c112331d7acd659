// SPDX-License-Identifier: Apache-2.0
// Instructions -> raw slots, and raw slots <-> bytes.
#include <cassert>
#include <cstring>
#include <string>

#include "base/overloaded.h"
#include "isa/fields.h"
#include "skep/isa.h"

namespace skep::isa {
namespace {

struct RawFields {
  int opcode = 0;
  Reg dst{}, src{};
  std::int16_t offset = 0;
  std::int32_t imm = 0;
};
RawInsn pack(const RawFields& fields) {
  RawInsn raw;
  raw.opcode = static_cast<std::uint8_t>(fields.opcode);
  raw.dst = static_cast<std::uint8_t>(fields.dst.index & 0xf);
  raw.src = static_cast<std::uint8_t>(fields.src.index & 0xf);
  raw.offset = fields.offset;
  raw.imm = fields.imm;
  return raw;
}
/// Puts the second operand where it belongs.
RawInsn pack(RawFields fields, const Operand& operand) {
  if (const Reg* reg = std::get_if<Reg>(&operand)) {
    fields.opcode |= kSourceReg;
    fields.src = *reg;
  } else {
    fields.imm = std::get<Imm>(operand).value;
  }
  return pack(fields);
}

RawInsn encode_insn(const Alu& insn) {
  const AluInfo& row = info(insn.op);
  const int cls = insn.width == Width::k64 ? kClassAlu64 : kClassAlu32;
  return pack({.opcode = cls | row.code, .dst = insn.dst, .offset = row.offset}, insn.src);
}
RawInsn encode_insn(const ByteSwap& insn) {
  const int cls = insn.order == ByteOrder::kSwap ? kClassAlu64 : kClassAlu32;
  const int source = insn.order == ByteOrder::kToBig ? kSourceReg : 0;
  return pack({.opcode = cls | kCodeEnd | source, .dst = insn.dst, .imm = insn.bits});
}
RawInsn encode_insn(const AddrSpaceCast& insn) {
  return pack({.opcode = kClassAlu64 | kCodeMov | kSourceReg,
               .dst = insn.dst,
               .src = insn.src,
               .offset = kOffsetAddrSpaceCast,
               .imm = static_cast<std::int32_t>(std::uint32_t{insn.to} << 16 | insn.from)});
}
RawInsn encode_insn(const LoadImm64& insn) {
  const Reg kind{static_cast<std::uint8_t>(insn.kind)};
  return pack({.opcode = kOpcodeLoadImm64, .dst = insn.dst, .src = kind, .imm = insn.low});
}
RawInsn encode_insn(const LoadPacket& insn) {
  const int mode = insn.mode == PacketMode::kAbsolute ? kModeAbs : kModeInd;
  return pack({.opcode = kClassLd | mode | info(insn.size).bits, .src = insn.src, .imm = insn.imm});
}
RawInsn encode_insn(const Load& insn) {
  const int mode = insn.extend == Extend::kSign ? kModeMemSx : kModeMem;
  return pack(
      {.opcode = kClassLdx | mode | info(insn.size).bits, .dst = insn.dst, .src = insn.base, .offset = insn.offset});
}
RawInsn encode_insn(const Store& insn) {
  RawFields fields{.opcode = kModeMem | info(insn.size).bits, .dst = insn.base, .offset = insn.offset};
  if (const Reg* reg = std::get_if<Reg>(&insn.src)) {
    fields.opcode |= kClassStx;
    fields.src = *reg;
  } else {
    fields.opcode |= kClassSt;
    fields.imm = std::get<Imm>(insn.src).value;
  }
  return pack(fields);
}
RawInsn encode_insn(const Atomic& insn) {
  const bool loads = insn.op == AtomicOp::kLoadAcquire;
  return pack({.opcode = kClassStx | kModeAtomic | info(insn.size).bits,
               .dst = loads ? insn.reg : insn.base,
               .src = loads ? insn.base : insn.reg,
               .offset = insn.offset,
               .imm = info(insn.op).imm});
}
RawInsn encode_insn(const Branch& insn) {
  const int cls = insn.width == Width::k64 ? kClassJmp : kClassJmp32;
  return pack({.opcode = cls | info(insn.op).code, .dst = insn.dst, .offset = insn.offset}, insn.src);
}
RawInsn encode_insn(const Jump& insn) {
  if (insn.form == JumpForm::kLong) return pack({.opcode = kClassJmp32 | kCodeJa, .imm = insn.offset});
  return pack({.opcode = kClassJmp | kCodeJa, .offset = static_cast<std::int16_t>(insn.offset)});
}
RawInsn encode_insn(const MayGoto& insn) { return pack({.opcode = kClassJmp | kCodeCond, .offset = insn.offset}); }
RawInsn encode_insn(const Call& insn) {
  const Reg kind{static_cast<std::uint8_t>(insn.kind)};
  return pack({.opcode = kClassJmp | kCodeCall, .src = kind, .offset = insn.offset, .imm = insn.imm});
}
RawInsn encode_insn(Exit) { return pack({.opcode = kClassJmp | kCodeExit}); }
RawInsn encode_insn(Continuation) { return pack({}); }
RawInsn encode_insn(const Illegal& insn) { return insn.raw; }

}  // namespace

std::vector<RawInsn> encode(std::span<const Insn> insns) {
  std::vector<RawInsn> raw;
  raw.reserve(insns.size());
  const LoadImm64* previous = nullptr;
  for (const Insn& insn : insns) {
    raw.push_back(std::visit([](const auto& alternative) { return encode_insn(alternative); }, insn));
    if (previous != nullptr && std::holds_alternative<Continuation>(insn)) raw.back().imm = previous->high;
    previous = std::get_if<LoadImm64>(&insn);
  }
  return raw;
}

Result<std::vector<RawInsn>> raw_from_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() % sizeof(RawInsn) != 0)
    return Error{Errc::kTruncated, "bytecode is " + std::to_string(bytes.size()) +
                                       " bytes long, expected a multiple of 8 (one instruction slot each)"};
  std::vector<RawInsn> raw(bytes.size() / sizeof(RawInsn));
  if (!bytes.empty()) std::memcpy(raw.data(), bytes.data(), bytes.size());
  return raw;
}

std::vector<std::byte> to_bytes(std::span<const RawInsn> raw) {
  const auto bytes = std::as_bytes(raw);
  return {bytes.begin(), bytes.end()};
}

}  // namespace skep::isa
