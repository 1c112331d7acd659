// SPDX-License-Identifier: Apache-2.0
// Raw slots -> instructions. Every class has a function that decodes one slot; a function returns Illegal with the
// field at fault as soon as a field holds what the operation does not allow. Fields that an operation does not use are
// zero (RFC 9669 §3.1), as Linux demands.
#include "base/unreachable.h"
#include "isa/fields.h"
#include "skep/isa.h"

namespace skep::isa {
namespace {

/// A slot and the first thing found wrong with it.
class Slot {
 public:
  explicit Slot(const RawInsn& raw) : raw_(raw) {}

  /// `allowed` must hold of `field`.
  Slot& need(bool allowed, Field field) {
    if (allowed || faulty_) return *this;
    faulty_ = true;
    fault_ = field;
    return *this;
  }
  Slot& need_zero(Field field) { return need(is_zero(field), field); }
  Slot& need_dst() { return need(raw_.dst <= kLastReg, Field::kDst); }
  Slot& need_src() { return need(raw_.src <= kLastReg, Field::kSrc); }

  [[nodiscard]] const RawInsn& raw() const { return raw_; }
  [[nodiscard]] std::uint8_t opcode() const { return raw_.opcode; }
  [[nodiscard]] std::uint8_t code() const { return raw_.opcode & kCodeMask; }
  [[nodiscard]] bool has_source_reg() const { return (raw_.opcode & kSourceReg) != 0; }
  [[nodiscard]] Reg dst() const { return {raw_.dst}; }
  [[nodiscard]] Reg src() const { return {raw_.src}; }

  /// The second operand: a register with zero immediate, or an immediate with source field zero.
  [[nodiscard]] Operand operand() const {
    if (has_source_reg()) return src();
    return Imm{raw_.imm};
  }
  Slot& need_operand() { return has_source_reg() ? need_src().need_zero(Field::kImm) : need_zero(Field::kSrc); }

  /// `insn`, unless something was wrong.
  [[nodiscard]] Insn result(const Insn& insn) const { return faulty_ ? Insn{Illegal{raw_, fault_}} : insn; }
  [[nodiscard]] Insn illegal(Field field) const { return Illegal{raw_, faulty_ ? fault_ : field}; }

 private:
  [[nodiscard]] bool is_zero(Field field) const {
    switch (field) {
      case Field::kOpcode:
        return raw_.opcode == 0;
      case Field::kDst:
        return raw_.dst == 0;
      case Field::kSrc:
        return raw_.src == 0;
      case Field::kOffset:
        return raw_.offset == 0;
      case Field::kImm:
        return raw_.imm == 0;
    }
    unreachable();
  }
  RawInsn raw_;
  bool faulty_ = false;
  Field fault_ = Field::kOpcode;  ///< Meaningful when faulty_.
};

Size size_of(std::uint8_t opcode) {
  for (const SizeInfo& row : kSizeTable)
    if (row.bits == (opcode & kSizeMask)) return row.size;
  unreachable();
}

Insn decode_addr_space_cast(Slot slot) {
  const auto imm = static_cast<std::uint32_t>(slot.raw().imm);
  return slot.need_dst().need_src().result(AddrSpaceCast{.dst = slot.dst(),
                                                         .src = slot.src(),
                                                         .to = static_cast<std::uint16_t>(imm >> 16),
                                                         .from = static_cast<std::uint16_t>(imm)});
}

Insn decode_byte_swap(Slot slot, Width width) {
  const std::int32_t bits = slot.raw().imm;
  slot.need(width == Width::k32 || !slot.has_source_reg(), Field::kOpcode);
  slot.need_dst().need_zero(Field::kSrc).need_zero(Field::kOffset);
  slot.need(bits == 16 || bits == 32 || bits == 64, Field::kImm);
  const ByteOrder order = width == Width::k64     ? ByteOrder::kSwap
                          : slot.has_source_reg() ? ByteOrder::kToBig
                                                  : ByteOrder::kToLittle;
  return slot.result(ByteSwap{.order = order, .bits = static_cast<std::uint8_t>(bits), .dst = slot.dst()});
}

bool allows(const AluInfo& row, Width width, bool source_reg) {
  const int width_bit = width == Width::k32 ? 1 : 2;
  return (row.widths & width_bit) != 0 && (row.forms != Forms::RegOnly || source_reg);
}

Insn decode_alu(Slot slot, Width width) {
  if (slot.code() == kCodeEnd) return decode_byte_swap(slot, width);
  if (slot.opcode() == (kClassAlu64 | kCodeMov | kSourceReg) && slot.raw().offset == kOffsetAddrSpaceCast)
    return decode_addr_space_cast(slot);
  Field fault = Field::kOpcode;
  for (const AluInfo& row : kAluTable) {
    if (row.code != slot.code()) continue;
    if (row.forms == Forms::Unary) {
      slot.need(!slot.has_source_reg(), Field::kOpcode).need_dst().need_zero(Field::kSrc);
      slot.need_zero(Field::kOffset).need_zero(Field::kImm);
      return slot.result(Alu{row.op, width, slot.dst(), Imm{0}});
    }
    fault = Field::kOffset;
    if (row.offset == slot.raw().offset && allows(row, width, slot.has_source_reg()))
      return slot.need_dst().need_operand().result(Alu{row.op, width, slot.dst(), slot.operand()});
  }
  return slot.illegal(fault);
}

Insn decode_conditional(Slot slot, Width width) {
  for (const JmpInfo& row : kJmpTable)
    if (row.code == slot.code())
      return slot.need_dst().need_operand().result(
          Branch{row.op, width, slot.dst(), slot.operand(), slot.raw().offset});
  return slot.illegal(Field::kOpcode);
}

Insn decode_call(Slot slot) {
  const RawInsn& raw = slot.raw();
  slot.need_zero(Field::kDst).need(raw.src <= static_cast<std::uint8_t>(CallKind::kKfunc), Field::kSrc);
  const auto kind = static_cast<CallKind>(raw.src);
  slot.need(kind == CallKind::kKfunc || raw.offset == 0, Field::kOffset);
  return slot.result(Call{.kind = kind, .imm = raw.imm, .offset = raw.offset});
}

Insn decode_jmp(Slot slot, Width width) {
  if (slot.code() == kCodeJa) {
    slot.need(!slot.has_source_reg(), Field::kOpcode).need_zero(Field::kDst).need_zero(Field::kSrc);
    if (width == Width::k32) return slot.need_zero(Field::kOffset).result(Jump{JumpForm::kLong, slot.raw().imm});
    return slot.need_zero(Field::kImm).result(Jump{JumpForm::kShort, slot.raw().offset});
  }
  if (slot.code() != kCodeCall && slot.code() != kCodeExit && slot.code() != kCodeCond)
    return decode_conditional(slot, width);
  if (width == Width::k32 || slot.has_source_reg()) return slot.illegal(Field::kOpcode);
  if (slot.code() == kCodeCall) return decode_call(slot);
  slot.need_zero(Field::kDst).need_zero(Field::kSrc).need_zero(Field::kImm);
  if (slot.code() == kCodeCond) return slot.result(MayGoto{slot.raw().offset});
  return slot.need_zero(Field::kOffset).result(Exit{});
}

/// kLd but for the 16-byte load, which spans two slots.
Insn decode_ld(Slot slot) {
  const std::uint8_t mode = slot.opcode() & kModeMask;
  const Size size = size_of(slot.opcode());
  if ((mode != kModeAbs && mode != kModeInd) || size == Size::k64) return slot.illegal(Field::kOpcode);
  slot.need_zero(Field::kDst).need_zero(Field::kOffset);
  if (mode == kModeAbs)
    return slot.need_zero(Field::kSrc).result(LoadPacket{PacketMode::kAbsolute, size, Reg{}, slot.raw().imm});
  return slot.need_src().result(LoadPacket{PacketMode::kIndirect, size, slot.src(), slot.raw().imm});
}

Insn decode_ldx(Slot slot) {
  const std::uint8_t mode = slot.opcode() & kModeMask;
  const Size size = size_of(slot.opcode());
  const bool exists = mode == kModeMem || (mode == kModeMemSx && size != Size::k64);
  if (!exists) return slot.illegal(Field::kOpcode);
  const Extend extend = mode == kModeMem ? Extend::kZero : Extend::kSign;
  return slot.need_dst()
      .need_src()
      .need_zero(Field::kImm)
      .result(Load{size, extend, slot.dst(), slot.src(), slot.raw().offset});
}

Insn decode_st(Slot slot) {
  if ((slot.opcode() & kModeMask) != kModeMem) return slot.illegal(Field::kOpcode);
  slot.need_dst().need_zero(Field::kSrc);
  return slot.result(Store{size_of(slot.opcode()), slot.dst(), slot.raw().offset, Imm{slot.raw().imm}});
}

Insn decode_atomic(Slot slot) {
  const Size size = size_of(slot.opcode());
  slot.need_dst().need_src();
  for (const AtomicInfo& row : kAtomicTable) {
    if (row.imm != slot.raw().imm) continue;
    const bool any_size = row.op == AtomicOp::kLoadAcquire || row.op == AtomicOp::kStoreRelease;
    slot.need(any_size || size == Size::k32 || size == Size::k64, Field::kOpcode);
    const bool loads = row.op == AtomicOp::kLoadAcquire;
    return slot.result(Atomic{.op = row.op,
                              .size = size,
                              .base = loads ? slot.src() : slot.dst(),
                              .offset = slot.raw().offset,
                              .reg = loads ? slot.dst() : slot.src()});
  }
  return slot.illegal(Field::kImm);
}

Insn decode_stx(Slot slot) {
  const std::uint8_t mode = slot.opcode() & kModeMask;
  if (mode == kModeAtomic) return decode_atomic(slot);
  if (mode != kModeMem) return slot.illegal(Field::kOpcode);
  slot.need_dst().need_src().need_zero(Field::kImm);
  return slot.result(Store{size_of(slot.opcode()), slot.dst(), slot.raw().offset, slot.src()});
}

Insn decode_one(const RawInsn& raw) {
  const Slot slot(raw);
  switch (raw.opcode & kClassMask) {
    case kClassLd:
      return decode_ld(slot);
    case kClassLdx:
      return decode_ldx(slot);
    case kClassSt:
      return decode_st(slot);
    case kClassStx:
      return decode_stx(slot);
    case kClassAlu32:
      return decode_alu(slot, Width::k32);
    case kClassJmp:
      return decode_jmp(slot, Width::k64);
    case kClassJmp32:
      return decode_jmp(slot, Width::k32);
    default:
      return decode_alu(slot, Width::k64);
  }
}

bool is_imm64_kind(std::uint8_t src) {
  switch (static_cast<Imm64Kind>(src)) {
#define ISA_IMM64(name, ...) case Imm64Kind::k##name:
#include "skep/tables/opcodes.def"
    return true;
  }
  return false;
}
/// Whether the kind gives the second slot's immediate a meaning (the table's "next_imm").
bool uses_high_word(Imm64Kind kind) {
  switch (kind) {
    case Imm64Kind::kConstant:
    case Imm64Kind::kMapValueFd:
    case Imm64Kind::kVariable:
    case Imm64Kind::kMapValueIndex:
      return true;
    case Imm64Kind::kMapFd:
    case Imm64Kind::kFunction:
    case Imm64Kind::kMapIndex:
      return false;
  }
  unreachable();
}

/// Decodes the second slot of a 16-byte load of the given kind: Continuation, or Illegal where a field is not zero.
Insn decode_second(const RawInsn& raw, Imm64Kind kind) {
  Slot slot(raw);
  slot.need_zero(Field::kDst).need_zero(Field::kSrc).need_zero(Field::kOffset);
  if (!uses_high_word(kind)) slot.need_zero(Field::kImm);
  return slot.result(Continuation{});
}

}  // namespace

Insns decode(std::span<const RawInsn> raw) {
  Insns insns;
  insns.reserve(raw.size());
  while (insns.size() < raw.size()) {
    const RawInsn& first = raw[insns.size()];
    if (first.opcode != kOpcodeLoadImm64) {
      insns.push_back(decode_one(first));
      continue;
    }
    Slot slot(first);
    slot.need_dst().need(is_imm64_kind(first.src), Field::kSrc).need_zero(Field::kOffset);
    const auto kind = static_cast<Imm64Kind>(first.src);
    insns.push_back(slot.result(LoadImm64{.kind = kind, .dst = slot.dst(), .low = first.imm, .high = 0}));
    const bool has_second = insns.size() < raw.size() && raw[insns.size()].opcode == 0;
    if (!has_second || std::holds_alternative<Illegal>(insns.back())) continue;
    const RawInsn& second = raw[insns.size()];
    const Insn decoded = decode_second(second, kind);
    if (std::holds_alternative<Continuation>(decoded)) std::get<LoadImm64>(insns.back()).high = second.imm;
    insns.push_back(decoded);
  }
  return insns;
}

}  // namespace skep::isa
