// SPDX-License-Identifier: Apache-2.0
// Loads, stores, atomics, addresses.
#include "base/overloaded.h"
#include "base/unreachable.h"
#include "isa/semantics.h"
#include "jit/arm64/emitter.h"
#include "lower/env_field.h"

namespace skep::jit::arm64 {

using isa::AtomicOp;
using isa::Size;
namespace a64 = asmjit::a64;

void Emitter::emit(const lower::LoadSymbol& op) {
  switch (op.kind) {
    case lower::SymbolKind::kMap:
      return load_immediate(reg64(op.dst), bindings_.maps[op.index]);
    case lower::SymbolKind::kMapValue:
      return load_immediate(reg64(op.dst),
                            bindings_.map_values[op.index] + static_cast<std::uint64_t>(std::int64_t{op.offset}));
    case lower::SymbolKind::kFunction:
      return load_function(reg64(op.dst), op.index);
  }
  unreachable();
}

void Emitter::load_function(const Gp& to, lower::Label entry) {
  if (is_near(at_, entry)) return void(as_.adr(to, function_label(entry)));
  // What is called, then, is a branch to it, which reaches farther than adr.
  const asmjit::Label veneer = as_.newLabel(), go_on = as_.newLabel();
  as_.adr(to, veneer);
  as_.b(go_on);
  as_.bind(veneer);
  as_.b(function_label(entry));
  as_.bind(go_on);
}

void Emitter::emit(const lower::LoadEnv& op) {
  const lower::EnvFieldInfo field = lower::info(op.field);
  const Gp dst = reg64(op.dst);
  as_.ldr(field.size == Size::k64 ? dst : dst.w(), a64::ptr(kEnv, field.offset));
}

/// Encodable: unsigned 12 bits in units of the size (ldr), or signed 9 bits (ldur, which the assembler falls back to).
a64::Mem Emitter::memory(lower::Reg base, std::int32_t offset, Size size) {
  const auto unit = static_cast<std::int32_t>(isa::bytes(size));
  const bool scaled = offset >= 0 && offset % unit == 0 && offset / unit <= 0xfff;
  if (scaled || (offset >= -256 && offset <= 255)) return a64::ptr(reg64(base), offset);
  load_immediate(kTemp, static_cast<std::uint64_t>(std::int64_t{offset}));
  return a64::ptr(reg64(base), kTemp);
}

template <class Access>
a64::Mem Emitter::memory(const Access& op, Size size) {
  if (op.index == lower::kNoReg) return memory(op.base, op.offset, size);
  const Gp base = reg64(op.base), index = reg64(op.index);
  const bool scaled = op.shift == 0 || (1u << op.shift) == isa::bytes(size);
  if (op.offset == 0 && scaled) return a64::ptr(base, index, a64::lsl(op.shift));
  if (op.offset < -256 || op.offset > 255) {
    // Only one temporary: the displacement joins the index.
    load_immediate(kTemp, static_cast<std::uint64_t>(std::int64_t{op.offset}));
    as_.add(kTemp, kTemp, index, a64::lsl(op.shift));
    return a64::ptr(base, kTemp);
  }
  as_.add(kTemp, base, index, a64::lsl(op.shift));
  return a64::ptr(kTemp, op.offset);
}

void Emitter::reverse(const Gp& to, const Gp& from, Size size) {
  switch (size) {
    case Size::k8:
      return void(as_.mov(to.w(), from.w()));
    case Size::k16:
      return void(as_.rev16(to.w(), from.w()));
    case Size::k32:
      return void(as_.rev(to.w(), from.w()));
    case Size::k64:
      return void(as_.rev(to.x(), from.x()));
  }
  unreachable();
}

a64::Mem Emitter::plain_memory(lower::Reg base, std::int32_t offset) {
  if (offset == 0) return a64::ptr(reg64(base));
  if (offset > 0 && offset <= 0xfff) {
    as_.add(kTemp, reg64(base), offset);
  } else if (offset < 0 && offset >= -0xfff) {
    as_.sub(kTemp, reg64(base), -offset);
  } else {
    load_immediate(kTemp, static_cast<std::uint64_t>(std::int64_t{offset}));
    as_.add(kTemp, reg64(base), kTemp);
  }
  return a64::ptr(kTemp);
}

void Emitter::emit(const lower::Load& op) {
  load_any(op);
  guard(op.dst);
}

void Emitter::load_any(const lower::Load& op) {
  const Gp dst = reg64(op.dst);
  const bool sign = op.extend == isa::Extend::kSign;
  if (op.ordering == lower::Ordering::kAcquireRelease) {
    const a64::Mem from = plain_memory(op.base, op.offset);
    switch (op.size) {
      case Size::k8:
        as_.ldarb(dst.w(), from);
        if (sign) as_.sxtb(dst, dst.w());
        return;
      case Size::k16:
        as_.ldarh(dst.w(), from);
        if (sign) as_.sxth(dst, dst.w());
        return;
      case Size::k32:
        as_.ldar(dst.w(), from);
        if (sign) as_.sxtw(dst, dst.w());
        return;
      case Size::k64:
        return void(as_.ldar(dst, from));
    }
    unreachable();
  }
  if (!op.swap) return load(dst, op.size, op.extend, memory(op, op.size));
  load(dst, op.size, isa::Extend::kZero, memory(op, op.size));
  reverse(dst, dst, op.size);
  if (!sign) return;
  if (op.size == Size::k16) as_.sxth(dst, dst.w());
  if (op.size == Size::k32) as_.sxtw(dst, dst.w());
}

void Emitter::load(const Gp& to, Size size, isa::Extend extend, const a64::Mem& from) {
  const Gp dst = to.x();
  const bool sign = extend == isa::Extend::kSign;
  switch (size) {
    case Size::k8:
      return void(sign ? as_.ldrsb(dst, from) : as_.ldrb(dst.w(), from));
    case Size::k16:
      return void(sign ? as_.ldrsh(dst, from) : as_.ldrh(dst.w(), from));
    case Size::k32:
      return void(sign ? as_.ldrsw(dst, from) : as_.ldr(dst.w(), from));
    case Size::k64:
      return void(as_.ldr(dst, from));
  }
  unreachable();
}

void Emitter::emit(const lower::Store& op) {
  Gp src;
  if (const auto* reg = std::get_if<lower::Reg>(&op.src)) {
    src = reg64(*reg);
  } else {
    const std::int64_t value = std::get<lower::Imm>(op.src).value;
    src = value == 0 ? Gp(a64::xzr) : kOld;
    if (value != 0) load_immediate(kOld, static_cast<std::uint64_t>(value));
  }
  if (op.ordering == lower::Ordering::kAcquireRelease) {
    const a64::Mem to = plain_memory(op.base, op.offset);
    // By number: asmjit 1.9 names stllr, another instruction, where it should name stlr.
    switch (op.size) {
      case Size::k8:
        return void(as_.emit(a64::Inst::kIdStlrb, src.w(), to));
      case Size::k16:
        return void(as_.emit(a64::Inst::kIdStlrh, src.w(), to));
      case Size::k32:
        return void(as_.emit(a64::Inst::kIdStlr, src.w(), to));
      case Size::k64:
        return void(as_.emit(a64::Inst::kIdStlr, src, to));
    }
    unreachable();
  }
  if (op.swap) {
    reverse(kOld, src, op.size);
    src = kOld;
  }
  store(src, op.size, memory(op, op.size));
}

void Emitter::store(const Gp& src, Size size, const a64::Mem& to) {
  switch (size) {
    case Size::k8:
      return void(as_.strb(src.w(), to));
    case Size::k16:
      return void(as_.strh(src.w(), to));
    case Size::k32:
      return void(as_.str(src.w(), to));
    case Size::k64:
      return void(as_.str(src.x(), to));
  }
  unreachable();
}

/// One instruction each. What is not fetched goes to a register all the same: the zero register would lose the
/// ordering.
void Emitter::atomic_lse(const lower::Atomic& op, const a64::Mem& at) {
  const isa::Width width = op.size == Size::k64 ? isa::Width::k64 : isa::Width::k32;
  const Gp by = reg(op.reg, width);
  const Gp old = isa::info(op.op).fetch ? by : sized(kOld, width);
  switch (op.op) {
    case AtomicOp::kAdd:
    case AtomicOp::kFetchAdd:
      return void(as_.ldaddal(by, old, at));
    case AtomicOp::kOr:
    case AtomicOp::kFetchOr:
      return void(as_.ldsetal(by, old, at));
    case AtomicOp::kAnd:
    case AtomicOp::kFetchAnd:
      as_.mvn(sized(kNew, width), by);  // The instruction clears the bits that are set.
      return void(as_.ldclral(sized(kNew, width), old, at));
    case AtomicOp::kXor:
    case AtomicOp::kFetchXor:
      return void(as_.ldeoral(by, old, at));
    case AtomicOp::kXchg:
      return void(as_.swpal(by, old, at));
    case AtomicOp::kCmpXchg:
      return void(as_.casal(reg(isa::kR0, width), by, at));
    case AtomicOp::kLoadAcquire:
    case AtomicOp::kStoreRelease:
      break;  // Lowered to Load and Store.
  }
  unreachable();
}

/// Load and store exclusive, and a barrier, since store-release alone lets later loads pass it.
void Emitter::atomic_loop(const lower::Atomic& op, const a64::Mem& at) {
  constexpr std::uint32_t kInnerShareable = 0xb;
  const isa::Width width = op.size == Size::k64 ? isa::Width::k64 : isa::Width::k32;
  const Gp by = reg(op.reg, width), old = sized(kOld, width), next = sized(kNew, width);
  const asmjit::Label again = as_.newLabel(), done = as_.newLabel();
  as_.bind(again);
  as_.ldaxr(old, at);
  const Gp* stored = &next;
  switch (op.op) {
    case AtomicOp::kAdd:
    case AtomicOp::kFetchAdd:
      as_.add(next, old, by);
      break;
    case AtomicOp::kOr:
    case AtomicOp::kFetchOr:
      as_.orr(next, old, by);
      break;
    case AtomicOp::kAnd:
    case AtomicOp::kFetchAnd:
      as_.and_(next, old, by);
      break;
    case AtomicOp::kXor:
    case AtomicOp::kFetchXor:
      as_.eor(next, old, by);
      break;
    case AtomicOp::kXchg:
      stored = &by;
      break;
    case AtomicOp::kCmpXchg:
      as_.cmp(old, reg(isa::kR0, width));
      as_.b_ne(done);
      stored = &by;
      break;
    case AtomicOp::kLoadAcquire:
    case AtomicOp::kStoreRelease:
      unreachable();  // Lowered to Load and Store.
  }
  // asmjit 1.9 refuses stlxr with a 64-bit register.
  const std::uint32_t stlxr = width == isa::Width::k64 ? 0xc800fc00 : 0x8800fc00;
  as_.embedUInt32(stlxr | kStatus.id() << 16 | at.baseId() << 5 | stored->id());
  as_.cbnz(kStatus.w(), again);
  as_.bind(done);
  as_.dmb(kInnerShareable);
  if (op.op == AtomicOp::kCmpXchg) {
    as_.mov(reg(isa::kR0, width), old);
  } else if (isa::info(op.op).fetch) {
    as_.mov(by, old);
  }
}

void Emitter::emit(const lower::Atomic& op) {
  const a64::Mem at = plain_memory(op.base, op.offset);
  if (features_.lse) {
    atomic_lse(op, at);
  } else {
    atomic_loop(op, at);
  }
  if (isa::info(op.op).fetch) guard(op.op == AtomicOp::kCmpXchg ? isa::kR0 : op.reg);
}

// Operands in memory go through kOld; an address may take kTemp.

void Emitter::emit(const lower::AluLoad& op) {
  const Gp by = sized(kOld, op.width);
  const Size size = op.width == isa::Width::k64 ? Size::k64 : Size::k32;
  load(kOld, size, isa::Extend::kZero, memory(op, size));
  left_ = op.dst;
  emit_reg({.op = op.op, .width = op.width, .divisor = {}, .dst = op.dst, .src = op.dst}, by);
}

void Emitter::emit(const lower::Update& op) {
  // The address is made once: kTemp, if that is a part of it, is not touched in between.
  const a64::Mem at = memory(op, op.size);
  load(kOld, op.size, isa::Extend::kZero, at);
  Gp by = kNew;
  if (const auto* reg = std::get_if<lower::Reg>(&op.src)) {
    by = reg64(*reg);
  } else {
    load_immediate(kNew, static_cast<std::uint64_t>(std::get<lower::Imm>(op.src).value));
  }
  using isa::AluOp;
  if (op.op == AluOp::kAdd) as_.add(kOld, kOld, by);
  if (op.op == AluOp::kSub) as_.sub(kOld, kOld, by);
  if (op.op == AluOp::kAnd) as_.and_(kOld, kOld, by);
  if (op.op == AluOp::kOr) as_.orr(kOld, kOld, by);
  if (op.op == AluOp::kXor) as_.eor(kOld, kOld, by);
  store(kOld, op.size, at);
}

/// Both sides are extended to whole registers, with their sign if that counts.
void Emitter::emit(const lower::BranchLoad& op) {
  using isa::JmpOp;
  const bool sign = op.op == JmpOp::kSGt || op.op == JmpOp::kSGe || op.op == JmpOp::kSLt || op.op == JmpOp::kSLe;
  load(kOld, op.size, sign && op.size != Size::k64 ? isa::Extend::kSign : isa::Extend::kZero, memory(op, op.size));
  if (const auto* imm = std::get_if<lower::Imm>(&op.src)) {
    const auto value =
        isa::extend(static_cast<std::uint64_t>(imm->value), op.size, sign ? isa::Extend::kSign : isa::Extend::kZero);
    load_immediate(kNew, value);
  } else {
    const Gp src = reg64(std::get<lower::Reg>(op.src));
    const std::uint32_t bits = 8 * isa::bytes(op.size);
    if (op.size == Size::k64) {
      as_.mov(kNew, src);
    } else if (sign) {
      as_.sbfx(kNew, src, 0, bits);
    } else {
      as_.ubfx(kNew, src, 0, bits);
    }
  }
  if (op.op == JmpOp::kSet) {
    as_.tst(kOld, kNew);
  } else {
    as_.cmp(kOld, kNew);
  }
  branch_on(op.op, op.unless, op.target);
}

}  // namespace skep::jit::arm64
