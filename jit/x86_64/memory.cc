// SPDX-License-Identifier: Apache-2.0
// Loads, stores, atomics, addresses. x86 loads acquire and its stores release, so that Ordering costs nothing here.
#include "base/overloaded.h"
#include "base/unreachable.h"
#include "jit/harden.h"
#include "jit/x86_64/emitter.h"
#include "lower/env_field.h"

namespace skep::jit::x86_64 {

using isa::AtomicOp;
using isa::Size;
namespace x86 = asmjit::x86;

namespace {

/// As the instruction takes it for operands of this size.
std::int32_t immediate(std::int64_t value, Size size) {
  return size == Size::k8    ? static_cast<std::int8_t>(value)
         : size == Size::k16 ? static_cast<std::int16_t>(value)
                             : static_cast<std::int32_t>(value);
}

}  // namespace

template <class Access>
x86::Mem Emitter::memory(const Access& op, Size size) {
  const std::uint32_t bytes = isa::bytes(size);
  if (op.index == lower::kNoReg) return x86::ptr(reg64(op.base), op.offset, bytes);
  // rbp and r13 as a base need a displacement.
  const bool exchange = op.shift == 0 && op.offset == 0 && (reg64(op.base).id() & 7) == 5;
  if (exchange) return x86::ptr(reg64(op.index), reg64(op.base), 0, 0, bytes);
  return x86::ptr(reg64(op.base), reg64(op.index), op.shift, op.offset, bytes);
}

void Emitter::emit(const lower::LoadSymbol& op) {
  switch (op.kind) {
    case lower::SymbolKind::kMap:
      return load_immediate(reg64(op.dst), bindings_.maps[op.index]);
    case lower::SymbolKind::kMapValue:
      return load_immediate(reg64(op.dst),
                            bindings_.map_values[op.index] + static_cast<std::uint64_t>(std::int64_t{op.offset}));
    case lower::SymbolKind::kFunction:
      return void(as_.lea(reg64(op.dst), x86::ptr(function_label(op.index))));
  }
  unreachable();
}

void Emitter::emit(const lower::LoadEnv& op) {
  const lower::EnvFieldInfo field = lower::info(op.field);
  as_.mov(sized(reg64(op.dst), field.size), x86::ptr(kEnv, field.offset, isa::bytes(field.size)));
}

void Emitter::emit(const lower::Load& op) {
  if (op.swap) {
    load_swapped(op);
  } else {
    load(op, memory(op, op.size));
  }
  guard(op.dst);
}

void Emitter::load_swapped(const lower::Load& op) {
  const Gp dst = reg64(op.dst);
  const x86::Mem from = memory(op, op.size);
  const bool sign = op.extend == isa::Extend::kSign;
  switch (op.size) {
    case Size::k8:
      break;  // One byte has no order.
    case Size::k16:
      // movbe leaves the upper half of the register as it was.
      as_.movzx(dst.r32(), from);
      as_.rol(dst.r16(), 8);
      if (sign) as_.movsx(dst, dst.r16());
      return;
    case Size::k32:
      if (features_.movbe) {
        as_.movbe(dst.r32(), from);
      } else {
        as_.mov(dst.r32(), from);
        as_.bswap(dst.r32());
      }
      if (sign) as_.movsxd(dst, dst.r32());
      return;
    case Size::k64:
      if (features_.movbe) return void(as_.movbe(dst, from));
      as_.mov(dst, from);
      return void(as_.bswap(dst));
  }
  unreachable();
}

void Emitter::store_swapped(const lower::Store& op) {
  const Gp src = sized(reg64(std::get<lower::Reg>(op.src)), op.size);
  const x86::Mem to = memory(op, op.size);
  if (features_.movbe && op.size != Size::k8) return void(as_.movbe(to, src));
  as_.mov(kTemp, src.r64());
  if (op.size == Size::k16) {
    as_.rol(kTemp.r16(), 8);
  } else if (op.size == Size::k32) {
    as_.bswap(kTemp.r32());
  } else if (op.size == Size::k64) {
    as_.bswap(kTemp);
  }
  as_.mov(to, sized(kTemp, op.size));
}

void Emitter::load(const lower::Load& op, const x86::Mem& from) {
  const Gp dst = reg64(op.dst);
  const bool sign = op.extend == isa::Extend::kSign;
  switch (op.size) {
    case Size::k8:
    case Size::k16:
      if (sign) {
        as_.movsx(dst, from);
      } else {
        as_.movzx(dst.r32(), from);
      }
      return;
    case Size::k32:
      if (sign) {
        as_.movsxd(dst, from);
      } else {
        as_.mov(dst.r32(), from);
      }
      return;
    case Size::k64:
      return void(as_.mov(dst, from));
  }
  unreachable();
}

void Emitter::emit(const lower::Store& op) {
  if (op.swap) return store_swapped(op);
  const x86::Mem to = memory(op, op.size);
  std::visit(Overloaded{[&](lower::Reg src) { as_.mov(to, sized(reg64(src), op.size)); },
                        [&](lower::Imm imm) {
                          // Sign-extended by the instruction where the memory is wider than 32 bits.
                          as_.mov(to, immediate(imm.value, op.size));
                        }},
             op.src);
}

template <class To, class From>
void Emitter::combine(isa::AluOp op, const To& to, const From& from) {
  using isa::AluOp;
  if (op == AluOp::kAdd) return void(as_.add(to, from));
  if (op == AluOp::kSub) return void(as_.sub(to, from));
  if (op == AluOp::kAnd) return void(as_.and_(to, from));
  if (op == AluOp::kOr) return void(as_.or_(to, from));
  if (op == AluOp::kXor) return void(as_.xor_(to, from));
  unreachable();
}

void Emitter::emit(const lower::AluLoad& op) {
  const Gp dst = reg(op.dst, op.width);
  const x86::Mem from = memory(op, op.width == isa::Width::k64 ? Size::k64 : Size::k32);
  if (op.op == isa::AluOp::kMul) return void(as_.imul(dst, from));
  combine(op.op, dst, from);
}

void Emitter::emit(const lower::Update& op) {
  const x86::Mem at = memory(op, op.size);
  std::visit(Overloaded{[&](lower::Reg src) { combine(op.op, at, sized(reg64(src), op.size)); },
                        [&](lower::Imm imm) { combine(op.op, at, immediate(imm.value, op.size)); }},
             op.src);
}

void Emitter::emit(const lower::BranchLoad& op) {
  const x86::Mem at = memory(op, op.size);
  std::visit(Overloaded{[&](lower::Reg src) {
                          const Gp by = sized(reg64(src), op.size);
                          if (op.op == isa::JmpOp::kSet) {
                            as_.test(at, by);
                          } else {
                            as_.cmp(at, by);
                          }
                        },
                        [&](lower::Imm imm) {
                          if (op.op == isa::JmpOp::kSet) {
                            as_.test(at, immediate(imm.value, op.size));
                          } else {
                            as_.cmp(at, immediate(imm.value, op.size));
                          }
                        }},
             op.src);
  branch_on(op.op, op.unless, op.target);
}

/// x86 has no and/or/xor that fetches: compare-and-exchange until nobody came between. It works on rax, whose value
/// waits in kTemp and stands in for r0 as base or operand.
void Emitter::fetch_by_loop(const lower::Atomic& op) {
  const auto stand_in = [](lower::Reg reg) { return reg64(reg) == x86::rax ? kTemp : reg64(reg); };
  const x86::Mem at = x86::ptr(stand_in(op.base), op.offset, isa::bytes(op.size));
  const Gp old = sized(x86::rax, op.size), next = sized(kTemp2, op.size), by = sized(stand_in(op.reg), op.size);
  const asmjit::Label again = as_.newLabel();
  as_.mov(kTemp, x86::rax);
  as_.mov(old, at);
  as_.bind(again);
  as_.mov(next, old);
  if (op.op == AtomicOp::kFetchAnd) {
    as_.and_(next, by);
  } else if (op.op == AtomicOp::kFetchOr) {
    as_.or_(next, by);
  } else {
    as_.xor_(next, by);
  }
  as_.lock().cmpxchg(at, next);
  as_.short_().jne(again);
  if (reg64(op.reg) == x86::rax) return;
  as_.mov(reg64(op.reg), x86::rax);
  as_.mov(x86::rax, kTemp);
}

void Emitter::emit(const lower::Atomic& op) {
  atomic(op);
  if (isa::info(op.op).fetch && !needs_fence(op, features_)) guard(op.op == AtomicOp::kCmpXchg ? isa::kR0 : op.reg);
}

void Emitter::atomic(const lower::Atomic& op) {
  const x86::Mem at = x86::ptr(reg64(op.base), op.offset, isa::bytes(op.size));
  const Gp by = sized(reg64(op.reg), op.size);
  switch (op.op) {
    case AtomicOp::kAdd:
      return void(as_.lock().add(at, by));
    case AtomicOp::kOr:
      return void(as_.lock().or_(at, by));
    case AtomicOp::kAnd:
      return void(as_.lock().and_(at, by));
    case AtomicOp::kXor:
      return void(as_.lock().xor_(at, by));
    case AtomicOp::kFetchAdd:
      return void(as_.lock().xadd(at, by));
    case AtomicOp::kFetchOr:
    case AtomicOp::kFetchAnd:
    case AtomicOp::kFetchXor:
      return fetch_by_loop(op);
    case AtomicOp::kXchg:
      return void(as_.xchg(at, by));
    case AtomicOp::kCmpXchg:
      as_.lock().cmpxchg(at, by);
      // Where the exchange happens, eax is not written, and its upper half stays.
      if (op.size == Size::k32) as_.mov(x86::eax, x86::eax);
      return;
    case AtomicOp::kLoadAcquire:
    case AtomicOp::kStoreRelease:
      break;  // Lowered to Load and Store.
  }
  unreachable();
}

}  // namespace skep::jit::x86_64
