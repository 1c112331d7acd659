// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/writer.h"

#include <algorithm>
#include <iterator>

namespace skep::differential {

using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.

namespace {

constexpr std::uint64_t kBoundaries[] = {0,
                                         1,
                                         2,
                                         7,
                                         8,
                                         31,
                                         32,
                                         33,
                                         63,
                                         64,
                                         65,
                                         0x7f,
                                         0x80,
                                         0xff,
                                         0x7fff,
                                         0x8000,
                                         0xffff,
                                         0x7fffffff,
                                         0x80000000,
                                         0xfffffffe,
                                         0xffffffff,
                                         1ull << 32,
                                         ~0ull,
                                         ~1ull,
                                         1ull << 63,
                                         ~0ull >> 1,
                                         0xffffffff80000000,
                                         0xffffffff00000000};

bool divides(AluOp op) { return op == AluOp::kDiv || op == AluOp::kMod || op == AluOp::kSDiv || op == AluOp::kSMod; }

}  // namespace

void append(Insns& out, const Insns& more) { std::ranges::copy(more, std::back_inserter(out)); }

void append_constant(Insns& out, Reg dst, std::uint64_t value) {
  out.push_back(LoadImm64{.kind = Imm64Kind::kConstant,
                          .dst = dst,
                          .low = static_cast<std::int32_t>(value),
                          .high = static_cast<std::int32_t>(value >> 32)});
  out.push_back(Continuation{});
}

Reg Writer::any_reg() {
  for (;;) {
    const Reg reg{static_cast<std::uint8_t>(random.below(regs))};
    if ((busy >> reg.index & 1) == 0) return reg;
  }
}
Reg Writer::any_source() { return has_context && random.chance(4) ? kCounter : any_reg(); }
Operand Writer::any_operand() {
  if (random.chance(50)) return any_imm();
  return any_source();
}
std::uint64_t Writer::any_word() {
  if (random.chance(60)) return random.of(kBoundaries);
  return random.next() >> random.below(64);
}
Size Writer::any_size() { return kSizeTable[random.below(4)].size; }

Writer::Area Writer::area(Use use) {
  const bool on_stack = !has_context || (packet && use == Use::kSpecial) || random.chance(50);
  if (on_stack) return {kR10, -8 * slots, 8 * slots};
  return {kContext, 0, kContextBytes};
}

Writer::Place Writer::place(std::uint32_t size, bool aligned, Use use) {
  const Area where = area(use);
  auto at = static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(where.bytes) - size + 1));
  if (aligned || random.chance(60) || must_align(where)) at -= at % static_cast<std::int32_t>(size);
  if (safety_ == Safety::kNearMisses && random.chance(10)) {
    const bool on_stack = where.base == kR10, low = random.chance(50);
    const std::int32_t end = on_stack ? (low ? -512 : 0) : (low ? 0 : kContextBytes);
    std::int32_t near = end - 10 + static_cast<std::int32_t>(random.below(20));
    if (aligned) near -= near % static_cast<std::int32_t>(size);
    return {where.base, static_cast<std::int16_t>(near)};
  }
  return {where.base, static_cast<std::int16_t>(where.start + at)};
}

Insn Writer::arithmetic() {
  const AluInfo& row = random.of(kAluTable);
  const bool has64 = (row.widths & 2) != 0, has32 = (row.widths & 1) != 0;
  const Width width = has64 && (!has32 || random.chance(50)) ? Width::k64 : Width::k32;
  Operand src = any_source();
  if (row.forms == Forms::Unary) src = Imm{0};
  if (row.forms == Forms::Both && random.chance(50)) src = any_imm();
  // What the encoding forbids (constant shifts beyond the width) is no program.
  const bool shifts = row.op == AluOp::kLsh || row.op == AluOp::kRsh || row.op == AluOp::kArsh;
  if (auto* value = std::get_if<Imm>(&src); value != nullptr) {
    if (shifts) value->value &= static_cast<std::int32_t>(bits(width)) - 1;
    if (verifiable() && divides(row.op) && value->value == 0) value->value = 3;
  }
  return Alu{.op = row.op, .width = width, .dst = any_reg(), .src = src};
}

Insn Writer::byte_swap() {
  static constexpr ByteOrder kOrders[] = {ByteOrder::kToLittle, ByteOrder::kToBig, ByteOrder::kSwap};
  static constexpr std::uint8_t kBits[] = {16, 32, 64};
  const ByteOrder order = random.of(kOrders);
  return ByteSwap{.order = order, .bits = random.of(kBits), .dst = any_reg()};
}

Insn Writer::branch() {
  const std::uint32_t kind = random.below(100);
  if (kind < 5 && !verifiable()) return Jump{.form = random.chance(50) ? JumpForm::kShort : JumpForm::kLong};
  if (kind < 7 && safety_ == Safety::kInBounds) return MayGoto{};
  const JmpInfo& row = random.of(kJmpTable);
  Operand src = any_source();
  if (random.chance(60)) src = any_imm();
  return Branch{.op = row.op, .width = any_width(), .dst = any_reg(), .src = src};
}

Insn Writer::memory() {
  const Size size = any_size();
  const Place where = place(bytes(size), false);
  if (random.chance(50)) {
    const bool sign = size != Size::k64 && random.chance(40);
    return Load{.size = size,
                .extend = sign ? Extend::kSign : Extend::kZero,
                .dst = any_reg(),
                .base = where.base,
                .offset = where.offset};
  }
  Operand src = any_source();
  if (random.chance(40)) src = any_imm();
  return Store{.size = size, .base = where.base, .offset = where.offset, .src = src};
}

Insn Writer::atomic() {
  const AtomicInfo& row = random.of(kAtomicTable);
  const bool any = row.op == AtomicOp::kLoadAcquire || row.op == AtomicOp::kStoreRelease;
  Size size = random.chance(50) ? Size::k64 : Size::k32;
  if (any) size = any_size();
  const Place where = place(bytes(size), true, Use::kSpecial);
  return Atomic{.op = row.op, .size = size, .base = where.base, .offset = where.offset, .reg = any_reg()};
}

void Writer::set_value(Insns& out, Reg dst) {
  if (!has_context || random.chance(30)) return set_constant(out, dst);
  const Size size = random.chance(70) ? Size::k64 : any_size();
  const auto words = kContextBytes / bytes(size);
  const auto offset = static_cast<std::int16_t>(random.below(words) * bytes(size));
  out.push_back(Load{.size = size, .extend = Extend::kZero, .dst = dst, .base = kContext, .offset = offset});
}
void Writer::set_constant(Insns& out, Reg dst) {
  const std::uint64_t value = any_word();
  if (random.chance(50)) return append_constant(out, dst, value);
  out.push_back(alu(AluOp::kMov, any_width(), dst, Imm{static_cast<std::int32_t>(value)}));
}

}  // namespace skep::differential
