// SPDX-License-Identifier: Apache-2.0
// The mnemonic syntax of uBPF and of the bpf_conformance files, continued in the same manner where they have no word
// for an instruction: load_acquire64, addr_space_cast, `call kfunc`, may_goto.
#include <string>

#include "base/unreachable.h"
#include "isa/print.h"

namespace skep::isa::detail {
namespace {

std::string reg(Reg r) { return "%r" + number(r.index); }
std::string operand(const Operand& src) {
  if (const Reg* r = std::get_if<Reg>(&src)) return reg(*r);
  return number(std::get<Imm>(src).value);
}
std::string address(Reg base, std::int16_t offset) { return "[" + reg(base) + with_sign(offset) + "]"; }
std::string suffix(Width width) { return width == Width::k32 ? "32" : ""; }

struct Printer {
  std::string operator()(const Alu& insn) const {
    const AluInfo& row = info(insn.op);
    std::string text(row.mnemonic);
    text += row.forms == Forms::RegOnly ? number(bits(insn.width)) : suffix(insn.width);
    text += " " + reg(insn.dst);
    return row.forms == Forms::Unary ? text : text + ", " + operand(insn.src);
  }
  std::string operator()(const ByteSwap& insn) const {
    const std::string rest = number(insn.bits) + " " + reg(insn.dst);
    switch (insn.order) {
      case ByteOrder::kToLittle:
        return "le" + rest;
      case ByteOrder::kToBig:
        return "be" + rest;
      case ByteOrder::kSwap:
        return "bswap" + rest;
    }
    unreachable();
  }
  std::string operator()(const AddrSpaceCast& insn) const {
    return "addr_space_cast " + reg(insn.dst) + ", " + reg(insn.src) + ", " + number(insn.to) + ", " +
           number(insn.from);
  }
  std::string operator()(const LoadImm64& insn) const {
    const bool constant = insn.kind == Imm64Kind::kConstant;
    return "lddw " + reg(insn.dst) + ", " + (constant ? hex(insn.constant()) : print_symbol(insn));
  }
  std::string operator()(const LoadPacket& insn) const {
    const std::string size(info(insn.size).suffix);
    if (insn.mode == PacketMode::kAbsolute) return "ldabs" + size + " " + number(insn.imm);
    return "ldind" + size + " " + reg(insn.src) + ", " + number(insn.imm);
  }
  std::string operator()(const Load& insn) const {
    return (insn.extend == Extend::kSign ? "ldxs" : "ldx") + std::string(info(insn.size).suffix) + " " + reg(insn.dst) +
           ", " + address(insn.base, insn.offset);
  }
  std::string operator()(const Store& insn) const {
    return (std::holds_alternative<Reg>(insn.src) ? "stx" : "st") + std::string(info(insn.size).suffix) + " " +
           address(insn.base, insn.offset) + ", " + operand(insn.src);
  }
  std::string operator()(const Atomic& insn) const {
    const std::string at = address(insn.base, insn.offset), size = number(8 * bytes(insn.size));
    if (insn.op == AtomicOp::kLoadAcquire) return "load_acquire" + size + " " + reg(insn.reg) + ", " + at;
    if (insn.op == AtomicOp::kStoreRelease) return "store_release" + size + " " + at + ", " + reg(insn.reg);
    std::string name(info(insn.op).mnemonic);
    if (name.starts_with("fetch_")) name[5] = ' ';
    return "lock " + name + (insn.size == Size::k32 ? "32 " : " ") + at + ", " + reg(insn.reg);
  }
  std::string operator()(const Branch& insn) const {
    return std::string(info(insn.op).mnemonic) + suffix(insn.width) + " " + reg(insn.dst) + ", " + operand(insn.src) +
           ", " + with_sign(insn.offset);
  }
  std::string operator()(const Jump& insn) const {
    return (insn.form == JumpForm::kLong ? "ja32 " : "ja ") + with_sign(insn.offset);
  }
  std::string operator()(const MayGoto& insn) const { return "may_goto " + with_sign(insn.offset); }
  std::string operator()(const Call& insn) const {
    switch (insn.kind) {
      case CallKind::kHelper:
        return "call " + number(insn.imm);
      case CallKind::kLocal:
        return "call local " + with_sign(insn.imm);
      case CallKind::kKfunc:
        return "call kfunc " + number(insn.imm) + (insn.offset != 0 ? ", " + number(insn.offset) : "");
    }
    unreachable();
  }
  std::string operator()(Exit) const { return "exit"; }
  std::string operator()(Continuation) const { return {}; }
  std::string operator()(const Illegal& insn) const { return print_raw(insn.raw); }
};

}  // namespace

std::string print_mnemonic(const Insn& insn) { return std::visit(Printer{}, insn); }

}  // namespace skep::isa::detail
