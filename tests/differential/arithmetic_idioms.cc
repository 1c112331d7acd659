// SPDX-License-Identifier: Apache-2.0
// Idioms of registers only, or nearly so.
#include "tests/differential/idiom.h"

namespace skep::differential {

using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.
namespace {

constexpr std::int64_t kDivisors[] = {
    0,   1,   -1,  2,    3,    4,    5,     6,       7,          8,          9,          10,        11,
    12,  13,  14,  15,   16,   25,   28,    60,      64,         100,        125,        127,       128,
    255, 256, 641, 1000, 1024, 1500, 3600,  10000,   65535,      65536,      65537,      -2,        -3,
    -5,  -7,  -8,  -10,  -128, -641, 86400, 1000000, 1000000000, 0x7fffffff, 0x40000000, INT32_MIN, INT32_MIN + 1};
constexpr std::int64_t kFactors[] = {
    0,   1,   -1,  2,   3,  4,  5,  6,  7,  8,   9,    10,   11,    12,    13,         15,        16,        17,  18,
    20,  24,  25,  27,  31, 32, 33, 36, 37, 40,  45,   63,   64,    65,    72,         73,        81,        100, 127,
    128, 129, 255, 256, -2, -3, -4, -8, -9, 641, 1000, 4095, 65535, 65536, 0x7fffffff, INT32_MIN, 0x40000000};

}  // namespace

void Idiom::rotation() {
  const Width width = w_.any_width(), copied = r_.chance(80) ? width : Width::k64;
  const bool distinct = r_.chance(70) && w_.regs > 5;
  const auto next = [&](std::initializer_list<Reg> taken) { return distinct ? other_than(taken) : w_.any_reg(); };
  const Reg a = w_.any_reg(), b = next({a}), c = next({a, b}), n = next({a, b, c}), m = next({a, b, c, n});
  const std::uint32_t count = r_.below(bits(width));
  const bool left = r_.chance(50);
  const AluOp one = left ? kLsh : kRsh, two = left ? kRsh : kLsh;
  const AluOp join = r_.chance(70) ? kOr : r_.chance(50) ? kAdd : kXor;
  const bool in_place = r_.chance(50);
  Operand by = imm(count), back = imm((bits(width) - count) % bits(width));
  if (r_.chance(40)) {
    by = n;
    back = m;
    const std::int32_t all_bits = static_cast<std::int32_t>(bits(width)) - 1;
    if (r_.chance(50)) part({kAnd, r_.chance(50) ? Width::k64 : Width::k32, n, imm(all_bits)});
    if (r_.chance(70)) {
      part({kMov, copied, m, n});
      part({kNeg, r_.chance(50) ? Width::k64 : Width::k32, m, Imm{0}});
    } else {
      part({kMov, width, m, imm(bits(width))});
      part({kSub, width, m, n});
    }
    if (r_.chance(50)) part({kAnd, r_.chance(50) ? Width::k64 : Width::k32, m, imm(all_bits)});
  }
  part({kMov, copied, a, b});
  part({one, width, a, by});
  if (in_place) {
    part({two, width, b, back});
    part({join, width, left ? a : b, left ? b : a});
    return;
  }
  part({kMov, copied, c, b});
  part({two, width, c, back});
  part({join, width, c, a});
}

void Idiom::shifts() {
  const Width width = w_.any_width();
  const Reg a = w_.any_reg(), b = w_.any_reg();
  if (r_.chance(60)) part({kMov, w_.any_width(), a, b});
  const std::int64_t count = r_.chance(70) ? 8 * r_.below(bits(width) / 8) : r_.below(bits(width));
  part({r_.chance(70) ? kLsh : kRsh, width, a, imm(count)});
  part({r_.of(std::array{kRsh, kArsh, kLsh}), width, a, imm(count)});
}

void Idiom::sum() {
  const Width width = w_.any_width(), copied = r_.chance(80) ? width : w_.any_width();
  const Reg a = w_.any_reg(), b = w_.any_reg(), c = w_.any_reg();
  part({kMov, copied, a, b});
  if (r_.chance(40)) part({kLsh, r_.chance(80) ? width : Width::k64, a, imm(r_.below(5))});
  part({r_.chance(85) ? kAdd : kSub, width, a, r_.chance(60) ? Operand(c) : Operand(w_.any_imm())});
  if (r_.chance(40)) part({r_.chance(70) ? kAdd : kSub, width, a, imm(static_cast<std::int32_t>(r_.below(300)) - 150)});
}

/// x = population count of x, as LLVM expands it; y and m are scratch.
void Idiom::population_of(Width width, Reg x, Reg y, Reg m) {
  const std::uint64_t ones = 0x0101010101010101;
  part({kMov, width, y, x});
  part({kRsh, width, y, imm(1)});
  mask(kAnd, width, y, m, ones * 0x55);
  part({kSub, width, x, y});
  if (width == Width::k64) append_constant(out_, m, ones * 0x33);
  const Operand threes = width == Width::k64 ? Operand(m) : Operand(imm(0x33333333));
  part({kMov, width, y, x});
  part({kAnd, width, y, threes});
  part({kRsh, width, x, imm(2)});
  part({kAnd, width, x, threes});
  part({kAdd, width, y, x});
  part({kMov, width, x, y});
  part({kRsh, width, x, imm(4)});
  part({kAdd, width, y, x});
  mask(kAnd, width, y, m, ones * 0x0f);
  mask(kMul, width, y, m, ones);
  part({kRsh, width, y, imm(bits(width) - 8)});
  if (r_.chance(50)) part({kMov, width, x, y});
}

void Idiom::population() {
  const Width width = w_.any_width();
  const Reg x = w_.any_reg(), y = other_than({x}), m = other_than({x, y});
  noisy_ = r_.chance(20);
  population_of(width, x, y, m);
}

void Idiom::leading_zeros() {
  const Width width = w_.any_width();
  const Reg x = w_.any_reg(), y = other_than({x}), m = other_than({x, y});
  noisy_ = r_.chance(10);
  miss_ = r_.chance(15);
  for (std::uint32_t by = 1; by < bits(width); by *= 2) {
    part({kMov, width, y, x});
    part({kRsh, width, y, imm(by)});
    part({kOr, width, x, y});
  }
  part({kXor, width, x, imm(-1)});
  population_of(width, x, y, m);
}

/// The population count of what is below the lowest bit.
void Idiom::trailing_zeros() {
  const Width width = w_.any_width();
  const Reg x = w_.any_reg(), y = other_than({x}), m = other_than({x, y});
  noisy_ = r_.chance(10);
  miss_ = r_.chance(15);
  part({kMov, width, y, x});
  if (r_.chance(50)) {
    part({kAdd, width, y, imm(-1)});
    part({kXor, width, x, imm(-1)});
    part({kAnd, width, x, y});
  } else {
    part({kNeg, width, y, Imm{0}});
    part({kAnd, width, x, y});
    part({kAdd, width, x, imm(-1)});
  }
  population_of(width, x, y, m);
}

/// Addition in ones' complement: `if ((s += x) < x) ++s`.
void Idiom::carry() {
  const Width width = w_.any_width(), compared = r_.chance(85) ? width : w_.any_width();
  const Reg sum = w_.any_reg(), x = other_than({sum});
  const std::uint32_t times = 1 + r_.below(3);
  for (std::uint32_t i = 0; i < times; ++i) {
    const Reg one = r_.chance(80) ? other_than({sum, x}) : w_.any_reg();
    if (r_.chance(30)) {
      const Writer::Place where = w_.place(8, false);
      exact(Load{r_.chance(50) ? Size::k64 : Size::k32, Extend::kZero, x, where.base, where.offset});
    }
    if (r_.chance(25)) part({kMov, width, sum, x});
    part({kAdd, width, sum, x});
    const bool other = miss_ && r_.chance(30);
    const auto carried = [&](JmpOp op, Reg a, Reg b) { return Branch{op, compared, a, b, 0}; };
    const Branch lost = r_.chance(50) ? carried(other ? JmpOp::kLe : JmpOp::kLt, sum, x)
                                      : carried(other ? JmpOp::kGe : JmpOp::kGt, x, sum);
    const Branch kept = r_.chance(50) ? carried(other ? JmpOp::kGt : JmpOp::kGe, sum, x)
                                      : carried(other ? JmpOp::kLt : JmpOp::kLe, x, sum);
    if (r_.chance(50)) {
      part({kMov, w_.any_width(), one, imm(1)});
      branch_over(lost, {alu(kMov, w_.any_width(), one, imm(0))});
      part({kAdd, width, sum, one});
    } else {
      branch_over(kept, {alu(kAdd, width, sum, imm(miss_ && r_.chance(20) ? 2 : 1))});
    }
  }
}

/// 16 bits of a checksum of 32 or 64.
void Idiom::fold_checksum() {
  const Reg sum = w_.any_reg(), high = other_than({sum});
  const Width width = w_.any_width();
  for (std::uint32_t i = 0; i < 1 + r_.below(4); ++i) {
    part({kMov, r_.chance(70) ? width : Width::k64, high, sum});
    part({kRsh, width, high, imm(16)});
    part({kAnd, width, sum, imm(0xffff)});
    part({kAdd, width, sum, high});
  }
  part({kXor, width, sum, imm(-1)});
  part({kAnd, width, sum, imm(0xffff)});
}

void Idiom::division() {
  const Width width = w_.any_width();
  const AluOp op = r_.of(std::array{kDiv, kMod, kSDiv, kSMod});
  const Reg x = w_.any_reg();
  const std::int64_t divisor = r_.chance(85) ? r_.of(kDivisors) : std::int64_t{w_.any_imm().value};
  if (r_.chance(30)) part({kAnd, w_.any_width(), x, w_.any_imm()});
  if (r_.chance(70)) return part({op, width, x, imm(divisor)});
  // By a register that holds a constant; also one that no immediate can.
  const Reg by = w_.any_reg();
  append_constant(out_, by, r_.chance(60) ? static_cast<std::uint64_t>(divisor) : w_.any_word());
  part({op, width, x, by});
}

void Idiom::multiplication() {
  const Reg x = w_.any_reg(), by = w_.any_reg();
  const std::int64_t factor = r_.chance(85) ? r_.of(kFactors) : std::int64_t{w_.any_imm().value};
  if (r_.chance(50)) part({kMov, w_.any_width(), x, by});
  part({kMul, w_.any_width(), x, imm(factor)});
  if (r_.chance(30)) part({kAdd, w_.any_width(), x, w_.any_operand()});
}

/// h = h * (2^n +- 1) + term, in either register.
void Idiom::hash() {
  const Reg h = w_.any_reg(), term = other_than({h});
  const Width width = w_.any_width();
  const std::int64_t power = std::int64_t{1} << r_.below(31);
  if (r_.chance(50)) part({kMov, w_.any_width(), term, w_.any_source()});
  part({kMul, width, h, imm(r_.chance(50) ? power + 1 : power - 1)});
  if (r_.chance(40)) part({kMov, w_.any_width(), term, w_.any_source()});
  if (r_.chance(60)) return part({kAdd, width, h, term});
  part({kAdd, width, term, h});
  part({kMov, w_.any_width(), h, term});
}

/// Masks and extensions of what has few bits already.
void Idiom::masking() {
  const Reg x = w_.any_reg();
  const Size size = w_.any_size();
  const Writer::Place where = w_.place(bytes(size), false);
  switch (r_.below(5)) {
    case 0:
      exact(
          Load{size, size != Size::k64 && r_.chance(25) ? Extend::kSign : Extend::kZero, x, where.base, where.offset});
      break;
    case 1:
      part({kAnd, w_.any_width(), x, imm(static_cast<std::int64_t>(std::uint64_t{1} << r_.below(33)) - 1)});
      break;
    case 2:
      part({kRsh, w_.any_width(), x, imm(r_.below(32))});
      break;
    case 3:
      // In a loop, what counts its iterations.
      part({kMov, w_.any_width(), x, w_.any_source()});
      if (r_.chance(50)) part({kLsh, w_.any_width(), x, imm(r_.below(6))});
      if (r_.chance(50)) part({r_.chance(50) ? kOr : kXor, w_.any_width(), x, w_.any_source()});
      break;
    default:
      exact(w_.byte_swap());
  }
  static constexpr std::int64_t kMasks[] = {0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0xfffff, 0x7fffffff, -1, -256};
  for (std::uint32_t i = 0; i <= r_.below(3); ++i) {
    switch (r_.below(6)) {
      case 0:
        part({kAnd, w_.any_width(), x, imm(r_.of(kMasks))});
        break;
      case 1:
        part({kMov, Width::k32, x, x});
        break;
      case 2:
        part({r_.of(std::array{kMovSx8, kMovSx16}), w_.any_width(), x, r_.chance(70) ? x : w_.any_reg()});
        break;
      case 3:
        part({kMovSx32, Width::k64, x, x});
        break;
      case 4:
        part({r_.of(std::array{kOr, kXor, kAdd, kSub, kLsh, kRsh, kArsh}), w_.any_width(), x, imm(0)});
        break;
      default:
        part({kDiv, w_.any_width(), x, imm(1)});
    }
  }
}

/// A register that is one of two things, by a branch over one instruction.
void Idiom::select() {
  const Reg x = w_.any_reg();
  part({kMov, w_.any_width(), x, w_.any_operand()});
  branch_over(Branch{r_.of(kJmpTable).op, w_.any_width(), w_.any_reg(), w_.any_operand(), 0},
              {alu(kMov, w_.any_width(), x, w_.any_operand())});
}

/// Steps of a shift register whose feedback is a constant, as CRCs are computed.
void Idiom::feedback() {
  const Width width = r_.chance(80) ? Width::k32 : Width::k64;
  const Reg x = w_.any_reg(), y = other_than({x}), z = other_than({x, y});
  const Imm adds = r_.chance(50) ? Imm{static_cast<std::int32_t>(0xedb88320u)} : w_.any_imm();
  const std::int32_t to_top = static_cast<std::int32_t>(bits(width)) - r_.of(std::array{1, 8, 16, 32});
  const std::uint32_t kind = r_.below(3), steps = 2 + r_.below(7);
  noisy_ = r_.chance(10);
  miss_ = r_.chance(15);
  for (std::uint32_t i = 0; i < steps; ++i) {
    if (kind == 0) {
      part({kMov, width, y, x});
      part({kRsh, width, y, imm(1)});
      part({kAnd, width, x, imm(1)});
      part({kNeg, width, x, Imm{0}});
      part({kAnd, width, x, adds});
      part({kXor, width, x, y});
    } else if (kind == 1) {
      part({kMov, width, y, x});
      part({kAnd, width, y, imm(1)});
      part({kRsh, width, x, imm(1)});
      branch_over({r_.chance(80) ? JmpOp::kEq : JmpOp::kNe, width, y, imm(0), 0}, {Alu{kXor, width, x, adds}});
    } else {
      part({kMov, width, y, x});
      part({kLsh, width, y, imm(to_top)});
      part({kArsh, width, y, imm(to_top)});
      part({kLsh, width, x, imm(1)});
      part({kMov, width, z, x});
      part({kXor, width, z, adds});
      branch_over({r_.chance(80) ? JmpOp::kSLt : JmpOp::kSGe, width, y, imm(0), 0}, {Alu{kMov, width, z, x}});
      part({kMov, width, x, z});
    }
  }
}

}  // namespace skep::differential
