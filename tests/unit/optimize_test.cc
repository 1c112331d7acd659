// SPDX-License-Identifier: Apache-2.0
// Passes of lower/optimize/ against isa/semantics.h: programs full of what the passes look for, in every spelling that
// a seed gives, run as optimised native code and, op by op, as they are. tests/golden/optimize shows what becomes of
// single idioms; here is what must stay.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "base/address.h"
#include "isa/semantics.h"
#include "jit/compile.h"
#include "jit/target.h"
#include "lower/effects.h"
#include "lower/optimize/optimize.h"
#include "lower/print.h"

namespace skep::lower {
namespace {

using isa::AluOp;
using isa::JmpOp;
using isa::Size;
using isa::Width;
using Words = std::array<std::uint64_t, 10>;

constexpr std::size_t kMemory = 64;
/// What a program may touch: through r6 and r7, which point into its middle, 16 bytes apart, and not elsewhere.
struct World {
  Words words{};
  alignas(16) std::array<std::uint8_t, kMemory> memory{};
};
constexpr std::uint32_t kStack = 512;
/// The program's part of the stack lies below what saves the registers.
constexpr std::int32_t kStackTop = -104, kStackWords = 8;

Alu alu(AluOp op, Width width, Reg dst, Operand src) {
  return {.op = op, .width = width, .divisor = {}, .dst = dst, .src = src};
}
Load load(Size size, Reg dst, Reg base, std::int32_t offset) {
  return {.size = size, .extend = {}, .ordering = {}, .dst = dst, .base = base, .offset = offset};
}
Store store(Size size, Reg base, std::int32_t offset, Operand src) {
  return {.size = size, .ordering = {}, .base = base, .offset = offset, .src = src};
}

/// Loads r0 to r9 from the words that r1 points to, runs `middle`, whose labels count from its start, and stores them.
Code around(const std::vector<Op>& middle) {
  std::vector<Op> ops = {store(Size::k64, isa::kR10, -8, Reg{1})};
  for (const Reg reg : {Reg{0}, Reg{2}, Reg{3}, Reg{4}, Reg{5}, Reg{6}, Reg{7}, Reg{8}, Reg{9}, Reg{1}})
    ops.push_back(load(Size::k64, reg, Reg{1}, 8 * reg.index));
  for (std::int32_t offset = kStackTop - 8 * kStackWords; offset < kStackTop; offset += 8)
    ops.push_back(store(Size::k64, isa::kR10, offset, Reg{5}));
  const auto first = static_cast<Label>(ops.size());
  for (Op op : middle) {
    if (Label* target = target_of(op)) *target += first;
    ops.push_back(op);
  }
  for (std::uint8_t r = 0; r < 10; ++r) ops.push_back(store(Size::k64, isa::kR10, -16 - 8 * r, Reg{r}));
  ops.push_back(load(Size::k64, Reg{1}, isa::kR10, -8));
  for (std::uint8_t r = 0; r < 10; ++r) {
    ops.push_back(load(Size::k64, Reg{2}, isa::kR10, -16 - 8 * r));
    ops.push_back(store(Size::k64, Reg{1}, 8 * r, Reg{2}));
  }
  ops.push_back(Return{});
  Code code;
  code.ops = std::move(ops);
  code.origin.resize(code.ops.size());
  code.functions = {{.entry = 0, .stack_bytes = kStack}};
  return code;
}

/// What `code`, as lowering makes it, does, one op after the other.
class Evaluator {
 public:
  explicit Evaluator(std::uint64_t r1) {
    regs_[1] = r1;
    regs_[10] = address_of(stack_.data() + stack_.size());
  }
  void run(const Code& code) {
    for (Label at = 0; !done_; at = next_) {
      next_ = at + 1;
      std::visit([this](const auto& op) { step(op); }, code.ops[at]);
    }
  }

 private:
  [[nodiscard]] std::uint64_t value(const Operand& operand) const {
    const Reg* reg = std::get_if<Reg>(&operand);
    return reg != nullptr ? regs_[reg->index] : static_cast<std::uint64_t>(std::get<Imm>(operand).value);
  }
  void step(const Alu& op) { regs_[op.dst.index] = isa::eval(op.op, op.width, regs_[op.dst.index], value(op.src)); }
  void step(const ByteSwap& op) { regs_[op.dst.index] = isa::swap_bytes(op.order, op.bits, regs_[op.dst.index]); }
  void step(const AddWithCarry& op) {
    const std::uint64_t mask = op.width == Width::k64 ? ~std::uint64_t{0} : 0xffffffff;
    const std::uint64_t added = regs_[op.src.index] & mask, sum = (regs_[op.dst.index] + added) & mask;
    regs_[op.dst.index] = (sum + (sum < added ? 1 : 0)) & mask;
  }
  void step(const Load& op) {
    std::uint64_t word = 0;
    const auto* from =
        from_address<const void>(regs_[op.base.index] + static_cast<std::uint64_t>(std::int64_t{op.offset}));
    std::memcpy(&word, from, isa::bytes(op.size));
    if (op.extend == isa::Extend::kSign) {
      const unsigned spare = 64 - 8 * isa::bytes(op.size);
      word = static_cast<std::uint64_t>(static_cast<std::int64_t>(word << spare) >> spare);
    }
    regs_[op.dst.index] = word;
  }
  void step(const Store& op) {
    const std::uint64_t word = value(op.src);
    auto* to = from_address<void>(regs_[op.base.index] + static_cast<std::uint64_t>(std::int64_t{op.offset}));
    std::memcpy(to, &word, isa::bytes(op.size));
  }
  void step(const Branch& op) {
    if (isa::compare(op.op, op.width, regs_[op.dst.index], value(op.src)) != op.unless) next_ = op.target;
  }
  void step(const Jump& op) { next_ = op.target; }
  void step(const Return&) { done_ = true; }
  template <class Other>
  void step(const Other&) {
    ADD_FAILURE() << "no such op in these tests";
    done_ = true;
  }

  std::array<std::uint64_t, kRegs> regs_{};
  alignas(16) std::array<std::uint8_t, kStack> stack_{};
  Label next_ = 0;
  bool done_ = false;
};

using Random = std::mt19937_64;
std::uint32_t below(Random& random, std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); }
template <class T, std::size_t n>
T any_of(Random& random, const T (&list)[n]) {
  return list[below(random, n)];
}
/// Not a pointer.
Reg any_reg(Random& random) {
  constexpr std::uint8_t kFree[] = {0, 1, 2, 3, 4, 5, 8, 9};
  return Reg{any_of(random, kFree)};
}
Width any_width(Random& random) { return below(random, 2) == 0 ? Width::k32 : Width::k64; }

/// Something that may stand between the parts of an idiom, and disturb it.
Op any_op(Random& random) {
  constexpr AluOp kOps[] = {AluOp::kAdd, AluOp::kOr, AluOp::kXor, AluOp::kLsh, AluOp::kRsh, AluOp::kMov, AluOp::kSub};
  constexpr Size kSizes[] = {Size::k8, Size::k16, Size::k32, Size::k64};
  const Reg base = any_of(random, {Reg{6}, Reg{7}});
  const auto offset = static_cast<std::int32_t>(below(random, 12)) - 4;
  const Size size = any_of(random, kSizes);
  switch (below(random, 6)) {
    case 0:
      return load(size, any_reg(random), base, offset);
    case 1:
      return store(size, base, offset, any_reg(random));
    case 2:
      return store(size, base, offset, Imm{any_of(random, {0, 0, 1, -1, 0x1234})});
    case 3:
      return alu(any_of(random, kOps), any_width(random), any_reg(random), Imm{any_of(random, {0, 1, 8, 16, 24, 32})});
    case 4:
      return alu(any_of(random, kOps), any_width(random), any_reg(random), any_reg(random));
    default:
      return ByteSwap{any_of(random, {isa::ByteOrder::kSwap, isa::ByteOrder::kToBig, isa::ByteOrder::kToLittle}),
                      any_of(random, {std::uint8_t{16}, std::uint8_t{32}, std::uint8_t{64}}), any_reg(random)};
  }
}

/// A word from its parts, each loaded, shifted and or-ed when the seed says so.
void word_of_parts(std::vector<Op>& ops, Random& random) {
  const std::uint32_t part = 1u << below(random, 3), count = 2u << below(random, 2);
  const bool down = below(random, 2) == 0;
  const Width width = any_width(random);
  const Reg base = any_of(random, {Reg{6}, Reg{7}, Reg{6}});
  const Size size = part == 1 ? Size::k8 : part == 2 ? Size::k16 : Size::k32;
  const Reg into = any_reg(random);
  Reg other = any_reg(random);
  const std::int32_t start = static_cast<std::int32_t>(below(random, 8)) - 4;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (below(random, 40) == 0) ops.push_back(any_op(random));
    const std::uint32_t place = down ? count - 1 - i : i;
    const Reg reg = i == 0 ? into : other;
    ops.push_back(load(size, reg, base, start + static_cast<std::int32_t>(part * i)));
    if (below(random, 12) == 0 && part == 2) ops.push_back(ByteSwap{isa::ByteOrder::kToBig, 16, reg});
    if (place != 0) ops.push_back(alu(AluOp::kLsh, width, reg, Imm{std::int64_t{8} * part * place}));
    if (i != 0) ops.push_back(alu(any_of(random, {AluOp::kOr, AluOp::kAdd, AluOp::kXor}), width, into, other));
    if (below(random, 4) == 0) other = any_reg(random);
  }
  if (below(random, 6) == 0)
    ops.push_back(ByteSwap{any_of(random, {isa::ByteOrder::kSwap, isa::ByteOrder::kToBig}),
                           any_of(random, {std::uint8_t{16}, std::uint8_t{32}, std::uint8_t{64}}), into});
}

/// The parts of a word, or constants, to adjacent places.
void parts_of_word(std::vector<Op>& ops, Random& random) {
  const std::uint32_t part = 1u << below(random, 3), count = 2u << below(random, 2);
  const bool down = below(random, 2) == 0, constant = below(random, 3) == 0;
  const Width width = any_width(random);
  const Reg base = any_of(random, {Reg{6}, Reg{7}, isa::kR10});
  const Size size = part == 1 ? Size::k8 : part == 2 ? Size::k16 : Size::k32;
  const Reg from = any_reg(random), other = any_reg(random);
  const std::int32_t start = (base == isa::kR10 ? kStackTop - 40 : 0) + static_cast<std::int32_t>(below(random, 8)) - 4;
  const std::uint32_t last = below(random, count);
  const auto one = [&](std::uint32_t i) {
    if (below(random, 40) == 0) ops.push_back(any_op(random));
    const std::int32_t offset = start + static_cast<std::int32_t>(part * (down ? count - 1 - i : i));
    if (constant) return ops.push_back(store(size, base, offset, Imm{any_of(random, {0, 0, 0, -1, 0x55})}));
    Reg reg = from;
    if (i != 0) {
      if (i != last) {
        reg = other;
        ops.push_back(alu(AluOp::kMov, any_of(random, {width, Width::k64}), reg, from));
      }
      ops.push_back(alu(AluOp::kRsh, width, reg, Imm{std::int64_t{8} * part * i}));
    }
    ops.push_back(store(size, base, offset, reg));
  };
  for (std::uint32_t i = 0; i < count; ++i)
    if (i != last) one(i);
  one(last);
  for (std::uint32_t i = 0; base == isa::kR10 && i < 2; ++i)
    ops.push_back(load(i == 0 ? Size::k64 : size, any_reg(random), base, start + static_cast<std::int32_t>(part * i)));
}

/// Emits a count of bits as compilers spell it; now and then with a mistake.
class CountSpelling {
 public:
  CountSpelling(std::vector<Op>& ops, Random& random)
      : ops_(ops), random_(random), computed_(any_width(random)), counted_(computed_) {
    if (below(random, 4) == 0) counted_ = Width::k32;
  }
  void emit() {
    Reg x = any_reg(random_), t = any_reg(random_);
    const Reg out = any_reg(random_), k = any_reg(random_);
    if (computed_ == counted_ && below(random_, 2) == 0) zeros(x, t);
    constant(AluOp::kRsh, copy(t, x), 1, k);
    constant(AluOp::kAnd, t, repeated(0x55), k);
    both(AluOp::kSub, x, t);
    constant(AluOp::kAnd, copy(out, x), repeated(0x33), k);
    constant(AluOp::kRsh, x, 2, k);
    constant(AluOp::kAnd, x, repeated(0x33), k);
    both(AluOp::kAdd, out, x);
    constant(AluOp::kRsh, copy(x, out), 4, k);
    both(AluOp::kAdd, out, x);
    constant(AluOp::kAnd, out, repeated(0x0f), k);
    constant(AluOp::kMul, out, repeated(0x01), k);
    if (counted_ != computed_) constant(AluOp::kAnd, out, 0xff000000, k);
    constant(AluOp::kRsh, out, counted_ == Width::k64 ? 56 : 24, k);
  }

 private:
  void zeros(Reg x, Reg t) {
    if (below(random_, 2) == 0) {
      for (std::uint32_t shift = 1; shift < isa::bits(computed_); shift *= 2) {
        constant(AluOp::kRsh, copy(t, x), shift, t);
        both(AluOp::kOr, x, t);
      }
      return constant(AluOp::kXor, x, ~std::uint64_t{0}, t);
    }
    constant(AluOp::kAdd, copy(t, x), ~std::uint64_t{0}, t);
    constant(AluOp::kXor, x, ~std::uint64_t{0}, t);
    both(AluOp::kAnd, x, t);
  }
  [[nodiscard]] std::uint64_t repeated(std::uint64_t byte) const {
    return counted_ == Width::k64 ? byte * 0x0101010101010101 : byte * 0x01010101;
  }
  Reg copy(Reg to, Reg from) {
    disturb();
    if (!(to == from)) ops_.push_back(alu(AluOp::kMov, computed_, to, from));
    return to;
  }
  void both(AluOp op, Reg dst, Reg src) {
    disturb();
    ops_.push_back(alu(op, computed_, dst, src));
  }
  /// `spare` may take the constant.
  void constant(AluOp op, Reg dst, std::uint64_t value, Reg spare) {
    disturb();
    if (below(random_, 150) == 0) ++value;
    const auto imm = static_cast<std::int32_t>(value);
    const bool fits = computed_ == Width::k32 || value == static_cast<std::uint64_t>(std::int64_t{imm});
    if (fits) return ops_.push_back(alu(op, computed_, dst, Imm{imm}));
    ops_.push_back(alu(AluOp::kMov, Width::k64, spare, Imm{static_cast<std::int64_t>(value)}));
    ops_.push_back(alu(op, computed_, dst, spare));
  }
  void disturb() {
    if (below(random_, 60) == 0) ops_.push_back(any_op(random_));
  }

  std::vector<Op>& ops_;
  Random& random_;
  Width computed_, counted_;
};
void counted_bits(std::vector<Op>& ops, Random& random) { CountSpelling(ops, random).emit(); }

/// sum += word; sum += sum < word, by branches.
void sum_with_carry(std::vector<Op>& ops, Random& random) {
  const Width width = any_width(random), other = any_width(random);
  const Reg sum = any_reg(random), word = any_reg(random), carry = any_reg(random), more = any_reg(random);
  if (below(random, 2) == 0) ops.push_back(load(width == Width::k64 ? Size::k64 : Size::k32, word, Reg{6}, 0));
  const bool copies = below(random, 2) == 0;
  if (copies) ops.push_back(alu(AluOp::kMov, any_of(random, {width, Width::k64}), sum, more));
  const auto one = alu(AluOp::kMov, other, carry, Imm{below(random, 20) == 0 ? 2 : 1});
  const bool early = below(random, 3) == 0;
  if (early) ops.push_back(one);
  ops.push_back(alu(AluOp::kAdd, width, sum, word));
  if (!early) ops.push_back(one);
  if (below(random, 12) == 0) ops.push_back(any_op(random));
  const Reg part = copies && below(random, 2) == 0 ? more : word;
  const bool jumps = below(random, 3) == 0;
  const auto join = static_cast<Label>(ops.size() + (jumps ? 4 : 2));
  const Width compared = below(random, 12) == 0 ? other : width;
  if (below(random, 2) == 0) {
    ops.push_back(Branch{.op = JmpOp::kLt, .width = compared, .dst = sum, .src = part, .target = join});
  } else {
    ops.push_back(Branch{.op = JmpOp::kGt, .width = compared, .dst = part, .src = sum, .target = join});
  }
  ops.push_back(alu(AluOp::kMov, other, carry, Imm{0}));
  if (jumps) {
    ops.push_back(Jump{join});
    ops.push_back(Jump{join});
  }
  if (below(random, 12) == 0) ops.push_back(any_op(random));
  const Width last = width == Width::k64 && below(random, 8) != 0 ? Width::k64 : other;
  if (below(random, 4) == 0) {
    ops.push_back(alu(AluOp::kAdd, last, carry, sum));
    ops.push_back(alu(AluOp::kMov, other, sum, Imm{7}));
  } else {
    ops.push_back(alu(AluOp::kAdd, last, sum, carry));
    ops.push_back(alu(AluOp::kMov, other, carry, Imm{7}));
  }
}

/// Sums with carry in a row, with the copies and loads of an unrolled loop between them: native code leaves carries in
/// the flag. No pass has a part in this.
void carries_in_a_row(std::vector<Op>& ops, Random& random) {
  const Width width = any_width(random);
  Reg sum = any_reg(random), other = any_reg(random), word = any_reg(random);
  for (std::uint32_t n = 2 + below(random, 4); n > 0; --n) {
    if (below(random, 3) != 0) ops.push_back(load(width == Width::k64 ? Size::k64 : Size::k32, word, Reg{6}, 8));
    if (below(random, 2) == 0) {
      // other = word; other += sum; sum = other.
      ops.push_back(alu(AluOp::kMov, any_of(random, {width, Width::k64}), other, word));
      if (!(other == sum)) ops.push_back(AddWithCarry{.width = width, .dst = other, .src = sum});
      ops.push_back(alu(AluOp::kMov, any_of(random, {width, Width::k64}), sum, other));
    } else if (!(sum == word)) {
      ops.push_back(AddWithCarry{.width = width, .dst = sum, .src = word});
    }
    if (below(random, 16) == 0) ops.push_back(any_op(random));
    if (below(random, 16) == 0) other = any_reg(random);
    if (below(random, 16) == 0) word = any_reg(random);
  }
}

/// Zeros to adjacent places, or words from adjacent places to others, in pieces and in any order.
void block_of_memory(std::vector<Op>& ops, Random& random) {
  const std::uint32_t size_log = below(random, 4), piece = 1u << size_log;
  const std::uint32_t count = std::min(16u, (8u << below(random, 3)) / piece + below(random, 2));
  const bool zeros = below(random, 2) == 0, loads_first = below(random, 4) == 0 && count <= 3;
  const Reg to = any_of(random, {Reg{6}, Reg{6}, isa::kR10}), from = any_of(random, {Reg{6}, Reg{6}, Reg{6}, Reg{7}});
  constexpr Size kSizes[] = {Size::k8, Size::k16, Size::k32, Size::k64};
  const Size size = kSizes[size_log];
  const auto bytes = static_cast<std::int32_t>(piece * count);
  const std::int32_t to_start =
      to == isa::kR10 ? kStackTop - 64 + static_cast<std::int32_t>(8 * below(random, 3)) : -24;
  const std::int32_t from_start = below(random, 6) == 0 ? -20 : std::min(bytes - 24, 32 - bytes);
  std::vector<std::int32_t> order;
  for (std::int32_t at = 0; at < bytes; at += static_cast<std::int32_t>(piece)) order.push_back(at);
  if (below(random, 2) == 0) std::reverse(order.begin(), order.end());
  if (below(random, 4) == 0) std::shuffle(order.begin(), order.end(), random);
  std::vector<Reg> through;
  for (std::size_t i = 0; i < order.size(); ++i)
    through.push_back(i == 0 || loads_first ? any_reg(random) : through[0]);
  if (loads_first)
    for (std::size_t i = 0; i < order.size(); ++i) ops.push_back(load(size, through[i], from, from_start + order[i]));
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (below(random, 60) == 0) ops.push_back(any_op(random));
    if (!zeros && !loads_first) ops.push_back(load(size, through[i], from, from_start + order[i]));
    ops.push_back(store(size, to, to_start + order[i], zeros ? Operand(Imm{0}) : Operand(through[i])));
  }
  for (const Reg reg : through) ops.push_back(alu(AluOp::kMov, Width::k64, reg, Imm{3}));
  if (to == isa::kR10) ops.push_back(load(Size::k64, any_reg(random), to, to_start));
}

/// Spills and reloads, and branches between them.
void spills(std::vector<Op>& ops, Random& random) {
  constexpr Size kSizes[] = {Size::k64, Size::k64, Size::k64, Size::k32, Size::k16, Size::k8};
  const auto access = [&] {
    const Size size = any_of(random, kSizes);
    const std::uint32_t within = below(random, 3) == 0 ? below(random, 8 / isa::bytes(size)) * isa::bytes(size) : 0;
    const auto offset = kStackTop - 32 + static_cast<std::int32_t>(8 * below(random, 3) + within);
    switch (below(random, 5)) {
      case 0:
        return ops.push_back(store(size, isa::kR10, offset, Imm{any_of(random, {0, 1, -1, 0x4321})}));
      case 1:
      case 2:
        return ops.push_back(store(size, isa::kR10, offset, any_reg(random)));
      default: {
        Load reload = load(size, any_reg(random), isa::kR10, offset);
        if (size != Size::k64 && below(random, 3) == 0) reload.extend = isa::Extend::kSign;
        return ops.push_back(reload);
      }
    }
  };
  if (below(random, 8) == 0) {
    ops.push_back(alu(AluOp::kMov, Width::k64, Reg{7}, isa::kR10));
    ops.push_back(alu(AluOp::kAdd, Width::k64, Reg{7}, Imm{kStackTop - 24}));
  }
  for (std::uint32_t n = 2 + below(random, 6); n > 0; --n) {
    if (below(random, 4) != 0) {
      access();
      continue;
    }
    const std::size_t branch = ops.size();
    ops.push_back(Branch{.op = JmpOp::kLt, .width = any_width(random), .dst = any_reg(random), .src = any_reg(random)});
    for (std::uint32_t inside = 1 + below(random, 3); inside > 0; --inside) access();
    std::get<Branch>(ops[branch]).target = static_cast<Label>(ops.size());
  }
  // Through the copy, if there is one.
  if (below(random, 2) == 0) ops.push_back(store(Size::k64, Reg{7}, 0, any_reg(random)));
}

/// Blocks that run in one order and lie in another.
void shuffled_blocks(std::vector<Op>& ops, Random& random) {
  constexpr std::uint32_t kBlocks = 5;  // The last is what comes behind.
  std::array<std::vector<Op>, kBlocks> blocks;
  for (std::uint32_t i = 0; i + 1 < kBlocks; ++i) {
    blocks[i].push_back(alu(AluOp::kAdd, Width::k64, any_reg(random), any_reg(random)));
    if (below(random, 3) == 0)
      blocks[i].push_back(Branch{.op = JmpOp::kLt,
                                 .width = any_width(random),
                                 .dst = any_reg(random),
                                 .src = any_reg(random),
                                 .target = i + 1 + below(random, kBlocks - i - 1)});
    blocks[i].push_back(alu(AluOp::kXor, Width::k32, any_reg(random), Imm{5}));
    blocks[i].push_back(Jump{i + 1});
  }
  std::array<std::uint32_t, kBlocks - 1> order = {0, 1, 2, 3};
  std::shuffle(order.begin(), order.end(), random);
  std::array<Label, kBlocks> places{};
  Label next = static_cast<Label>(ops.size()) + 1;
  for (const std::uint32_t block : order) {
    places[block] = next;
    next += static_cast<Label>(blocks[block].size());
  }
  places[kBlocks - 1] = next;
  ops.push_back(Jump{places[0]});
  for (const std::uint32_t block : order) {
    for (Op op : blocks[block]) {
      if (Label* target = target_of(op)) *target = places[*target];
      ops.push_back(op);
    }
  }
}

/// Accesses through a pointer or a place on the stack, plus an index, which may be scaled, in any order.
void summed_addresses(std::vector<Op>& ops, Random& random) {
  std::array<Reg, 5> regs = {Reg{0}, Reg{2}, Reg{3}, Reg{4}, Reg{5}};
  std::shuffle(regs.begin(), regs.end(), random);
  const auto [index, copy, place, sum, value] = regs;
  const bool on_stack = below(random, 2) == 0;
  ops.push_back(alu(AluOp::kMov, Width::k64, place, on_stack ? isa::kR10 : Reg{6}));
  ops.push_back(alu(AluOp::kAdd, Width::k64, place, Imm{on_stack ? kStackTop - 64 : -16}));
  std::vector<std::size_t> leave;
  bool pointer = false;  // The index has become one.
  for (std::uint32_t n = 1 + below(random, 3); n > 0 && !pointer; --n) {
    ops.push_back(alu(AluOp::kAnd, Width::k64, index, Imm{3}));
    if (below(random, 4) == 0) ops.push_back(alu(AluOp::kMov, any_width(random), copy, index));
    if (below(random, 4) == 0) {
      const auto behind = static_cast<Label>(ops.size() + 2);
      ops.push_back(Branch{.op = JmpOp::kLt, .width = Width::k32, .dst = value, .src = copy, .target = behind});
      ops.push_back(alu(AluOp::kAdd, Width::k64, place, Imm{1}));
    }
    if (const std::uint32_t shift = below(random, 4); shift != 0) {
      const bool narrow = below(random, 3) == 0;
      if (narrow) {  // It cuts an upper half off.
        ops.push_back(alu(AluOp::kLsh, Width::k64, index, Imm{32}));
        ops.push_back(alu(AluOp::kOr, Width::k64, index, Imm{2}));
      }
      ops.push_back(alu(AluOp::kLsh, narrow ? Width::k32 : Width::k64, index, Imm{shift}));
    }
    switch (below(random, 4)) {
      case 0:
        pointer = true;
        ops.push_back(alu(AluOp::kAdd, Width::k64, index, place));
        ops.push_back(alu(AluOp::kMov, Width::k64, sum, index));
        break;
      case 1:
        ops.push_back(alu(AluOp::kMov, Width::k64, sum, index));
        ops.push_back(alu(AluOp::kAdd, Width::k64, sum, place));
        break;
      default:
        ops.push_back(alu(AluOp::kMov, Width::k64, sum, place));
        ops.push_back(alu(AluOp::kAdd, Width::k64, sum, index));
    }
    for (std::uint32_t accesses = 1 + below(random, 3); accesses > 0; --accesses) {
      const Reg through = below(random, 4) == 0 ? place : sum;
      const Size size = any_of(random, {Size::k8, Size::k16, Size::k32, Size::k64});
      const auto offset = static_cast<std::int32_t>(below(random, 3));
      const Reg loaded = below(random, 6) == 0 && !pointer ? index : value;
      if (below(random, 3) != 0) ops.push_back(load(size, loaded, through, offset));
      if (below(random, 3) == 0) ops.push_back(alu(AluOp::kAdd, Width::k64, value, pointer ? copy : index));
      if (below(random, 2) == 0) ops.push_back(store(size, through, offset, loaded));
      if (below(random, 6) == 0) {
        leave.push_back(ops.size());
        ops.push_back(Branch{.op = JmpOp::kLt, .width = Width::k32, .dst = value, .src = copy});
      }
    }
  }
  for (const std::size_t branch : leave) std::get<Branch>(ops[branch]).target = static_cast<Label>(ops.size());
  for (const Reg reg : {place, sum, pointer ? index : sum}) ops.push_back(alu(AluOp::kMov, Width::k64, reg, Imm{3}));
}

struct Family {
  const char* name;
  Pass pass;
  void (*add)(std::vector<Op>&, Random&);
  /// How many ops a hundred programs must lose at least: what never matches is not tested.
  std::size_t saves;
};
constexpr Family kFamilies[] = {
    {"word_of_parts", Pass::kMerge, word_of_parts, 200},
    {"parts_of_word", Pass::kMerge, parts_of_word, 150},
    {"counted_bits", Pass::kBits, counted_bits, 200},
    {"sum_with_carry", Pass::kCarry, sum_with_carry, 100},
    {"block_of_memory", Pass::kBlocks, block_of_memory, 200},
    {"spills", Pass::kStack, spills, 100},
    {"summed_addresses", Pass::kAddress, summed_addresses, 100},
    {"slots_in_registers", Pass::kRegisters, spills, 10},
    {"moved_values", Pass::kRegisters, shuffled_blocks, 0},
    {"carries_in_a_row", Pass::kCarry, carries_in_a_row, 0},
    {"shuffled_blocks", Pass::kStraighten, shuffled_blocks, 300},
};

class Optimize : public testing::TestWithParam<Family> {};

void expect_same(const Code& code, PassSet passes, Random& random, const std::string& what) {
  const Code optimized = optimize(code, passes, {}, jit::spares(jit::host_target().arch));
  auto native = jit::compile(optimized, {});
  ASSERT_TRUE(native.has_value());
  for (int run = 0; run < 3; ++run) {
    World want;
    for (std::uint64_t& word : want.words)
      word = below(random, 2) == 0 ? random() : any_of<std::uint64_t>(random, {0, 1, ~0ull, 0x80, 0xffffffff});
    for (std::uint8_t& byte : want.memory) byte = static_cast<std::uint8_t>(random());
    World got = want;
    for (World* world : {&want, &got}) {
      world->words[6] = address_of(world->memory.data() + 24);
      world->words[7] = address_of(world->memory.data() + 32);
    }
    Evaluator(address_of(&want.words)).run(code);
    Env env;
    env.invoke = (*native)->invoke();
    (*native)->entry()(address_of(&got.words), 0, env);
    got.words[6] = want.words[6];
    got.words[7] = want.words[7];
    ASSERT_TRUE(got.words == want.words && got.memory == want.memory) << what << "\n"
                                                                      << print(code) << "becomes\n"
                                                                      << print(optimized);
  }
}

TEST_P(Optimize, AgreesWithTheOpsOneByOne) {
  const Family& family = GetParam();
  Random random(1);
  std::size_t saved = 0;
  constexpr std::size_t kPrograms = 1500;
  for (std::size_t i = 0; i < kPrograms && !HasFatalFailure(); ++i) {
    std::vector<Op> ops;
    for (std::uint32_t n = 1 + below(random, 3); n > 0; --n) {
      family.add(ops, random);
      if (below(random, 8) == 0) ops.push_back(any_op(random));
    }
    const Code code = around(ops);
    const PassSet dead = PassSet::none().with(Pass::kDead);
    saved += optimize(code, dead).ops.size() - optimize(code, dead.with(family.pass)).ops.size();
    expect_same(code, dead.with(family.pass), random, "program " + std::to_string(i));
    expect_same(code, jit::suited(PassSet::all(), jit::host_target().arch), random,
                "program " + std::to_string(i) + ", all passes");
  }
  EXPECT_GE(saved * 100 / kPrograms, family.saves);
}

INSTANTIATE_TEST_SUITE_P(Families, Optimize, testing::ValuesIn(kFamilies),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace skep::lower
