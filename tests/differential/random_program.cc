// SPDX-License-Identifier: Apache-2.0
// r9 holds the context's address and r8 counts loops; neither is otherwise written or read, so that no result depends
// on an address and every loop ends. A program is blocks of items; a branch skips items of its own block only.
#include "tests/differential/random_program.h"

#include <algorithm>
#include <iterator>

namespace skep::differential {
namespace {

using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.

/// SplitMix64: std distributions differ between libraries, this does not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>((next() >> 32) % bound); }
  bool chance(std::uint32_t percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

constexpr Reg kContext{9}, kCounter{8};
constexpr std::int16_t kSlots = 6;  // 8-byte stack slots in use.
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

/// Instructions that stay together; a branch over items has the number of the item after those that it skips.
struct Item {
  Insns insns;
  std::size_t target = 0;
  bool branches = false;
};

class Generator {
 public:
  Generator(std::uint64_t seed, Safety safety) : random_(seed), safety_(safety) {}

  Program run() {
    // Near misses read stack that was never written, which a second call of a function would find used.
    const std::uint32_t functions = safety_ == Safety::kInBounds ? random_.below(3) : 0;
    std::vector<Insns> bodies;
    for (std::uint32_t function = 0; function <= functions; ++function) {
      function_ = function;
      functions_ = functions;
      bodies.push_back(body());
    }
    return link(bodies);
  }

 private:
  // A call's immediate holds the number of the function until link() knows where that begins.
  static Program link(const std::vector<Insns>& bodies) {
    Program program;
    std::vector<std::int32_t> starts;
    for (const Insns& body : bodies) {
      starts.push_back(static_cast<std::int32_t>(program.insns.size()));
      program.functions.push_back({.first = static_cast<InsnIndex>(program.insns.size()), .name = "f"});
      std::ranges::copy(body, std::back_inserter(program.insns));
    }
    for (std::size_t at = 0; at < program.insns.size(); ++at)
      if (auto* call = std::get_if<Call>(&program.insns[at]); call != nullptr && call->kind == CallKind::kLocal)
        call->imm = starts[static_cast<std::size_t>(call->imm)] - static_cast<std::int32_t>(at) - 1;
    return program;
  }

  Insns body() {
    Insns out;
    out.push_back(Alu{.op = AluOp::kMov, .width = Width::k64, .dst = kContext, .src = kR1});
    for (std::uint8_t reg = 0; reg <= 8; ++reg) set_constant(out, Reg{reg});
    for (std::int16_t slot = 1; slot <= kSlots; ++slot)
      out.push_back(Store{.size = Size::k64, .base = kR10, .offset = stack_slot(slot), .src = any_reg()});
    append(out, block(3 + random_.below(24), true));
    // What is on the stack counts as a result.
    for (std::int16_t slot = 1; slot <= kSlots; ++slot) {
      out.push_back(Load{.size = Size::k64, .dst = kR1, .base = kR10, .offset = stack_slot(slot)});
      out.push_back(Alu{.op = slot % 2 == 0 ? AluOp::kXor : AluOp::kAdd, .width = Width::k64, .dst = kR0, .src = kR1});
    }
    out.push_back(Exit{});
    return out;
  }

  Insns block(std::uint32_t count, bool may_loop) {
    std::vector<Item> items;
    for (std::uint32_t i = 0; i < count; ++i) items.push_back(item(i, count, may_loop));
    std::vector<std::size_t> starts{0};
    for (const Item& one : items) starts.push_back(starts.back() + one.insns.size());
    Insns out;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].branches) set_offset(items[i].insns.back(), starts[items[i].target] - starts[i + 1]);
      append(out, items[i].insns);
    }
    return out;
  }
  static void set_offset(Insn& insn, std::size_t offset) {
    if (auto* branch = std::get_if<Branch>(&insn)) branch->offset = static_cast<std::int16_t>(offset);
    if (auto* jump = std::get_if<Jump>(&insn)) jump->offset = static_cast<std::int32_t>(offset);
    if (auto* may_goto = std::get_if<MayGoto>(&insn)) may_goto->offset = static_cast<std::int16_t>(offset);
  }

  Item item(std::uint32_t at, std::uint32_t count, bool may_loop) {
    Item out;
    const std::uint32_t kind = random_.below(100);
    if (kind < 35) {
      out.insns.push_back(arithmetic());
    } else if (kind < 40) {
      out.insns = idiom();
    } else if (kind < 42) {
      out.insns = indexed_load();
    } else if (kind < 45) {
      // As LLVM ends loops: the branch skips the jump.
      out.insns = {branch(), Jump{}};
      set_offset(out.insns.front(), 1);
      out.branches = true;
      out.target = at + 1 + random_.below(std::min(count - at, 6u));
    } else if (kind < 65) {
      out.insns.push_back(memory());
    } else if (kind < 70) {
      out.insns.push_back(atomic());
    } else if (kind < 75) {
      out.insns.push_back(byte_swap());
    } else if (kind < 78) {
      set_constant(out.insns, any_reg());
    } else if (kind < 93) {
      out.insns.push_back(branch());
      out.branches = true;
      out.target = at + 1 + random_.below(std::min(count - at, 6u));
    } else if (kind < 96 && may_loop) {
      out.insns = loop();
    } else {
      out.insns = call();
    }
    return out;
  }

  Insns loop() {
    Insns out{Alu{.op = AluOp::kMov, .width = Width::k64, .dst = kCounter, .src = imm(1 + random_.below(6))}};
    const Insns inner = block(1 + random_.below(6), false);
    append(out, inner);
    out.push_back(Alu{.op = AluOp::kSub, .width = Width::k64, .dst = kCounter, .src = imm(1)});
    const auto back = static_cast<std::int16_t>(-static_cast<std::int64_t>(inner.size()) - 2);
    out.push_back(Branch{.op = JmpOp::kNe, .width = Width::k64, .dst = kCounter, .src = imm(0), .offset = back});
    return out;
  }

  // The registers that a call leaves undefined are set again.
  Insns call() {
    Insns out;
    const bool local = function_ < functions_ && random_.chance(60);
    if (local) out.push_back(Alu{.op = AluOp::kMov, .width = Width::k64, .dst = kR1, .src = kContext});
    const auto callee = static_cast<std::int32_t>(function_ + 1 + random_.below(std::max(1u, functions_ - function_)));
    out.push_back(Call{.kind = local ? CallKind::kLocal : CallKind::kHelper, .imm = local ? callee : kMixHelper});
    for (std::uint8_t reg = 1; reg <= 5; ++reg) set_constant(out, Reg{reg});
    return out;
  }

  Insn arithmetic() {
    const AluInfo& row = kAluTable[random_.below(static_cast<std::uint32_t>(kAluTable.size()))];
    const bool has64 = (row.widths & 2) != 0, has32 = (row.widths & 1) != 0;
    const Width width = has64 && (!has32 || random_.chance(50)) ? Width::k64 : Width::k32;
    Operand src = any_reg();
    if (row.forms == Forms::Unary) src = Imm{0};
    if (row.forms == Forms::Both && random_.chance(50)) src = any_imm();
    // What the encoding forbids (constant shifts beyond the width) is no program.
    const bool shifts = row.op == AluOp::kLsh || row.op == AluOp::kRsh || row.op == AluOp::kArsh;
    if (auto* value = std::get_if<Imm>(&src); value != nullptr && shifts)
      value->value &= static_cast<std::int32_t>(bits(width)) - 1;
    return Alu{.op = row.op, .width = width, .dst = any_reg(), .src = src};
  }

  /// What native code does in one instruction, or nearly so: rotations, extensions, sums of two.
  Insns idiom() {
    const Width width = random_.chance(50) ? Width::k64 : Width::k32, copied = random_.chance(80) ? width : Width::k64;
    const Reg a = any_reg(), b = any_reg(), c = any_reg();
    const std::uint32_t count = random_.below(bits(width));
    const bool left = random_.chance(50);
    const auto alu = [&](AluOp op, Reg dst, Operand src) {
      return Alu{.op = op, .width = width, .dst = dst, .src = src};
    };
    const Alu copy{.op = AluOp::kMov, .width = copied, .dst = a, .src = b};
    const Imm one = imm(count), other = imm((bits(width) - count) % bits(width));
    switch (random_.below(4)) {
      case 0:
        return {copy, alu(left ? AluOp::kLsh : AluOp::kRsh, a, one), alu(AluOp::kMov, c, b),
                alu(left ? AluOp::kRsh : AluOp::kLsh, c, other), alu(AluOp::kOr, c, a)};
      case 1:
        return {copy, alu(left ? AluOp::kLsh : AluOp::kRsh, a, one), alu(left ? AluOp::kRsh : AluOp::kLsh, b, other),
                alu(AluOp::kOr, left ? a : b, left ? b : a)};
      case 2:
        return {copy, alu(AluOp::kLsh, a, imm(8 * (count / 8))),
                alu(left ? AluOp::kRsh : AluOp::kArsh, a, imm(8 * (count / 8)))};
      default:
        return {copy, alu(AluOp::kAdd, a, left ? Operand(c) : Operand(any_imm()))};
    }
  }

  /// Base and index in registers. What is left of the address is overwritten, because addresses differ among engines.
  Insns indexed_load() {
    const Size size = kSizeTable[random_.below(4)].size;
    const Place where = place(bytes(size), false);
    const Reg address = any_reg(), dst = any_reg();
    const Reg index{static_cast<std::uint8_t>((address.index + 1) % 8)};
    const std::uint32_t step = random_.below(100);
    Insns out{Alu{.op = AluOp::kMov, .width = Width::k64, .dst = index, .src = imm(step)},
              Alu{.op = AluOp::kMov, .width = Width::k64, .dst = address, .src = where.base},
              Alu{.op = AluOp::kAdd, .width = Width::k64, .dst = address, .src = index},
              Load{.size = size,
                   .extend = size != Size::k64 && random_.chance(40) ? Extend::kSign : Extend::kZero,
                   .dst = dst,
                   .base = address,
                   .offset = static_cast<std::int16_t>(where.offset - static_cast<std::int32_t>(step))}};
    if (dst != address) set_constant(out, address);
    return out;
  }

  Insn byte_swap() {
    static constexpr ByteOrder kOrders[] = {ByteOrder::kToLittle, ByteOrder::kToBig, ByteOrder::kSwap};
    static constexpr std::uint8_t kBits[] = {16, 32, 64};
    return ByteSwap{.order = kOrders[random_.below(3)], .bits = kBits[random_.below(3)], .dst = any_reg()};
  }

  Insn branch() {
    const std::uint32_t kind = random_.below(100);
    if (kind < 5) return Jump{.form = random_.chance(50) ? JumpForm::kShort : JumpForm::kLong};
    if (kind < 7 && safety_ == Safety::kInBounds) return MayGoto{};
    const JmpInfo& row = kJmpTable[random_.below(static_cast<std::uint32_t>(kJmpTable.size()))];
    Operand src = any_reg();
    if (random_.chance(60)) src = any_imm();
    return Branch{.op = row.op, .width = random_.chance(50) ? Width::k64 : Width::k32, .dst = any_reg(), .src = src};
  }

  struct Place {
    Reg base;
    std::int16_t offset = 0;
  };
  Place place(std::uint32_t size, bool aligned) {
    const bool on_stack = random_.chance(50);
    const std::uint32_t room = on_stack ? kSlots * 8 : kContextBytes;
    auto at = static_cast<std::int32_t>(random_.below(room - size + 1));
    if (aligned || random_.chance(60)) at -= at % static_cast<std::int32_t>(size);
    if (safety_ == Safety::kNearMisses && random_.chance(10)) {
      const std::int32_t end = on_stack ? (random_.chance(50) ? 0 : -512) : (random_.chance(50) ? 0 : kContextBytes);
      std::int32_t near = end - 10 + static_cast<std::int32_t>(random_.below(20));
      if (aligned) near -= near % static_cast<std::int32_t>(size);
      return {on_stack ? kR10 : kContext, static_cast<std::int16_t>(near)};
    }
    return {on_stack ? kR10 : kContext, static_cast<std::int16_t>(on_stack ? at - kSlots * 8 : at)};
  }

  Insn memory() {
    const Size size = kSizeTable[random_.below(4)].size;
    const Place where = place(bytes(size), false);
    if (random_.chance(50)) {
      const bool sign = size != Size::k64 && random_.chance(40);
      return Load{.size = size,
                  .extend = sign ? Extend::kSign : Extend::kZero,
                  .dst = any_reg(),
                  .base = where.base,
                  .offset = where.offset};
    }
    Operand src = any_reg();
    if (random_.chance(40)) src = any_imm();
    return Store{.size = size, .base = where.base, .offset = where.offset, .src = src};
  }

  Insn atomic() {
    const AtomicInfo& row = kAtomicTable[random_.below(static_cast<std::uint32_t>(kAtomicTable.size()))];
    const bool any_size = row.op == AtomicOp::kLoadAcquire || row.op == AtomicOp::kStoreRelease;
    Size size = random_.chance(50) ? Size::k64 : Size::k32;
    if (any_size) size = kSizeTable[random_.below(4)].size;
    const Place where = place(bytes(size), true);
    return Atomic{.op = row.op, .size = size, .base = where.base, .offset = where.offset, .reg = any_reg()};
  }

  void set_constant(Insns& out, Reg dst) {
    const std::uint64_t value = any_word();
    if (random_.chance(50)) {
      out.push_back(Alu{.op = AluOp::kMov,
                        .width = random_.chance(50) ? Width::k64 : Width::k32,
                        .dst = dst,
                        .src = Imm{static_cast<std::int32_t>(value)}});
      return;
    }
    out.push_back(LoadImm64{.kind = Imm64Kind::kConstant,
                            .dst = dst,
                            .low = static_cast<std::int32_t>(value),
                            .high = static_cast<std::int32_t>(value >> 32)});
    out.push_back(Continuation{});
  }

  static void append(Insns& out, const Insns& more) { std::ranges::copy(more, std::back_inserter(out)); }
  static std::int16_t stack_slot(std::int16_t slot) { return static_cast<std::int16_t>(-8 * slot); }
  static Imm imm(std::uint32_t value) { return Imm{static_cast<std::int32_t>(value)}; }
  Reg any_reg() { return Reg{static_cast<std::uint8_t>(random_.below(8))}; }
  Imm any_imm() { return Imm{static_cast<std::int32_t>(any_word())}; }
  std::uint64_t any_word() {
    if (random_.chance(60)) return kBoundaries[random_.below(std::size(kBoundaries))];
    return random_.next() >> random_.below(64);
  }

  Random random_;
  Safety safety_{};
  std::uint32_t function_ = 0, functions_ = 0;
};

}  // namespace

Program random_program(std::uint64_t seed, Safety safety) { return Generator(seed, safety).run(); }

}  // namespace skep::differential
