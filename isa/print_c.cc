// SPDX-License-Identifier: Apache-2.0
// The C-like syntax in its two dialects. LLVM (llvm-objdump -d of LLVM 14; newer ones print the same with hexadecimal
// numbers) and the kernel (verifier log, bpftool prog dump) differ in how they write offsets, branch targets, some
// atomics and which register name a 32-bit access has.
#include <string>

#include "base/unreachable.h"
#include "isa/print.h"
#include "skep/helper.h"

namespace skep::isa::detail {
namespace {

enum class Dialect : std::uint8_t { kLlvm, kKernel };

std::string reg(Reg r) { return "r" + number(r.index); }
std::string reg(Reg r, Width width) { return (width == Width::k64 ? "r" : "w") + number(r.index); }
std::string c_type(Size size, Extend extend = Extend::kZero) {
  std::string type(info(size).c_type);
  if (extend == Extend::kSign) type[0] = 's';
  return type;
}
Width width_of(Size size) { return size == Size::k64 ? Width::k64 : Width::k32; }

class Printer {
 public:
  explicit Printer(Dialect dialect) : dialect_(dialect) {}

  std::string operator()(const Alu& insn) const {
    const std::string dst = reg(insn.dst, insn.width);
    if (info(insn.op).forms == Forms::Unary) return dst + " = -" + dst;
    const std::string_view token = info(insn.op).token;
    return dst + " " + std::string(token) + (token.back() == ')' ? "" : " ") + operand(insn.src, insn.width);
  }
  std::string operator()(const ByteSwap& insn) const {
    const std::string dst = reg(insn.dst);
    return dst + " = " + swap_name(insn.order) + number(insn.bits) + " " + dst;
  }
  std::string operator()(const AddrSpaceCast& insn) const {
    return reg(insn.dst) + " = addr_space_cast(" + reg(insn.src) + ", " + number(insn.to) + ", " + number(insn.from) +
           ")";
  }
  std::string operator()(const LoadImm64& insn) const {
    const std::string dst = reg(insn.dst) + " = ";
    if (insn.kind != Imm64Kind::kConstant) return dst + print_symbol(insn);
    if (is_kernel()) return dst + hex(insn.constant());
    return dst + number(static_cast<std::int64_t>(insn.constant())) + " ll";
  }
  std::string operator()(const LoadPacket& insn) const {
    std::string text = "r0 = *(" + c_type(insn.size) + " *)skb[";
    if (insn.mode == PacketMode::kAbsolute) return text + number(insn.imm) + "]";
    text += reg(insn.src);
    // LLVM has no assembly for the immediate of the indirect form: it is 0 in all that it makes.
    if (is_kernel() || insn.imm != 0) text += " + " + number(insn.imm);
    return text + "]";
  }
  std::string operator()(const Load& insn) const {
    return reg(insn.dst) + " = *(" + c_type(insn.size, insn.extend) + " *)" + address(insn.base, insn.offset);
  }
  std::string operator()(const Store& insn) const {
    return "*(" + c_type(insn.size) + " *)" + address(insn.base, insn.offset) + " = " + operand(insn.src, Width::k64);
  }
  std::string operator()(const Atomic& insn) const;
  std::string operator()(const Branch& insn) const {
    const Imm* imm = std::get_if<Imm>(&insn.src);
    const bool in_hex = is_kernel() && imm != nullptr;
    return "if " + reg(insn.dst, insn.width) + " " + std::string(info(insn.op).token) + " " +
           (in_hex ? hex(static_cast<std::uint32_t>(imm->value)) : operand(insn.src, insn.width)) + " goto " +
           target(insn.offset);
  }
  std::string operator()(const Jump& insn) const {
    return (insn.form == JumpForm::kLong ? "gotol " : "goto ") + target(insn.offset);
  }
  std::string operator()(const MayGoto& insn) const { return "may_goto " + target(insn.offset); }
  std::string operator()(const Call& insn) const;
  std::string operator()(Exit) const { return "exit"; }
  std::string operator()(Continuation) const { return {}; }
  std::string operator()(const Illegal& insn) const { return print_raw(insn.raw); }

 private:
  [[nodiscard]] bool is_kernel() const { return dialect_ == Dialect::kKernel; }
  static std::string swap_name(ByteOrder order) {
    switch (order) {
      case ByteOrder::kToLittle:
        return "le";
      case ByteOrder::kToBig:
        return "be";
      case ByteOrder::kSwap:
        return "bswap";
    }
    unreachable();
  }
  static std::string operand(const Operand& src, Width width) {
    if (const Reg* r = std::get_if<Reg>(&src)) return reg(*r, width);
    return number(std::get<Imm>(src).value);
  }
  [[nodiscard]] std::string target(std::int32_t offset) const { return (is_kernel() ? "pc" : "") + with_sign(offset); }
  /// "r1 + 4" or "r1 +4"
  [[nodiscard]] std::string sum(Reg base, std::int16_t offset) const {
    if (is_kernel()) return reg(base) + " " + with_sign(offset);
    return reg(base) + (offset < 0 ? " - " : " + ") + number(offset < 0 ? -offset : +offset);
  }
  [[nodiscard]] std::string address(Reg base, std::int16_t offset) const { return "(" + sum(base, offset) + ")"; }
  [[nodiscard]] std::string typed(const Atomic& insn) const {
    return "(" + c_type(insn.size) + " *)" + address(insn.base, insn.offset);
  }
  [[nodiscard]] std::string exchange(const Atomic& insn) const;

  Dialect dialect_;
};

/// The exchanging forms, whose names differ most.
std::string Printer::exchange(const Atomic& insn) const {
  const bool compares = insn.op == AtomicOp::kCmpXchg;
  const Width width = is_kernel() ? Width::k64 : width_of(insn.size);
  const std::string value = reg(insn.reg, width), r0 = reg(kR0, width);
  std::string name(info(insn.op).mnemonic), at;
  if (is_kernel()) {
    name.insert(0, insn.size == Size::k64 ? "atomic64_" : "atomic_");
    at = typed(insn);
  } else {
    name += insn.size == Size::k64 ? "_64" : "32_32";
    at = sum(insn.base, insn.offset);
  }
  if (compares) return r0 + " = " + name + "(" + at + ", " + r0 + ", " + value + ")";
  return value + " = " + name + "(" + at + ", " + value + ")";
}

std::string Printer::operator()(const Atomic& insn) const {
  // The kernel writes 64-bit names throughout; LLVM the 32-bit ones where the access is narrower.
  const std::string value = reg(insn.reg, is_kernel() ? Width::k64 : width_of(insn.size));
  const auto lock = [&](std::string_view op) {
    return "lock *" + typed(insn) + " " + std::string(op) + " " + reg(insn.reg);
  };
  const auto fetch = [&](std::string_view op) {
    const std::string prefix = is_kernel() && insn.size == Size::k64 ? "atomic64_fetch_" : "atomic_fetch_";
    return value + " = " + prefix + std::string(op) + "(" + typed(insn) + ", " + value + ")";
  };
  switch (insn.op) {
    case AtomicOp::kAdd:
      return lock("+=");
    case AtomicOp::kOr:
      return lock("|=");
    case AtomicOp::kAnd:
      return lock("&=");
    case AtomicOp::kXor:
      return lock("^=");
    case AtomicOp::kFetchAdd:
      return fetch("add");
    case AtomicOp::kFetchOr:
      return fetch("or");
    case AtomicOp::kFetchAnd:
      return fetch("and");
    case AtomicOp::kFetchXor:
      return fetch("xor");
    case AtomicOp::kXchg:
    case AtomicOp::kCmpXchg:
      return exchange(insn);
    case AtomicOp::kLoadAcquire:
      return value + " = load_acquire(" + typed(insn) + ")";
    case AtomicOp::kStoreRelease:
      return "store_release(" + typed(insn) + ", " + value + ")";
  }
  unreachable();
}

std::string Printer::operator()(const Call& insn) const {
  switch (insn.kind) {
    case CallKind::kHelper:
      if (!is_kernel()) return "call " + number(insn.imm);
      for (const HelperProto& row : kHelpers)
        if (row.id == insn.imm) return "call bpf_" + std::string(row.name) + "#" + number(insn.imm);
      return "call unknown#" + number(insn.imm);
    case CallKind::kLocal:
      return "call pc" + with_sign(insn.imm);
    case CallKind::kKfunc:
      return "call kfunc#" + number(insn.imm) + (insn.offset != 0 ? "," + number(insn.offset) : "");
  }
  unreachable();
}

}  // namespace

std::string print_c(const Insn& insn) { return std::visit(Printer(Dialect::kLlvm), insn); }
std::string print_kernel(const Insn& insn) { return std::visit(Printer(Dialect::kKernel), insn); }

}  // namespace skep::isa::detail
