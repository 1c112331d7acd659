// SPDX-License-Identifier: Apache-2.0
// Every operation of the tables on every pair of boundary operands, on every engine, against isa/semantics.h; and the
// same operations in every pair of registers, since engines map some of them to registers with a role of their own.
// Programs take their operands from memory, so that one program serves all operands.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>

#include "isa/semantics.h"
#include "skep/isa.h"
#include "tests/conformance/engines.h"

namespace skep::conformance {
namespace {

using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.

/// 0, 1, -1 and 2^n-1, 2^n, 2^n+1 for the n at which some width ends; they include each width's smallest and largest.
std::vector<std::uint64_t> boundary_operands() {
  std::vector<std::uint64_t> all = {
      0, 1, 2, ~std::uint64_t{0}, ~std::uint64_t{1}, 0x123456789abcdef0, 0xf0debc9a78563412};
  for (const unsigned n : {5u, 6u, 7u, 8u, 15u, 16u, 31u, 32u, 63u})
    for (const std::uint64_t delta : {~std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{1}})
      all.push_back((std::uint64_t{1} << n) + delta);
  all.push_back(static_cast<std::uint64_t>(INT64_C(-1) << 31));  // INT32_MIN, sign-extended
  return all;
}
std::vector<std::int32_t> boundary_immediates() {
  return {0,   1,   2,   -1,  -2,    31,    32,    33,    63,        64,       65,
          127, 128, 255, 256, 32767, 32768, 65535, 65536, INT32_MAX, INT32_MIN};
}

/// r1 points to: dst, src, and what an atomic works on.
struct Operands {
  std::uint64_t dst = 0, src = 0, cell = 0;
};
constexpr std::int16_t kDst = offsetof(Operands, dst), kSrc = offsetof(Operands, src), kCell = offsetof(Operands, cell);

isa::Load load(isa::Reg to, isa::Reg base, std::int16_t offset) { return {Size::k64, Extend::kZero, to, base, offset}; }
Alu move(isa::Reg to, Operand from) { return {AluOp::kMov, Width::k64, to, from}; }

class Matrix : public testing::TestWithParam<Engine> {
 protected:
  /// The program on the operands; a failure, if it does not end normally.
  std::uint64_t run(const Runner& prepared, Operands& operands) {
    const RunResult result = prepared(std::as_writable_bytes(std::span(&operands, 1)));
    if (result.trap != Trap::kNone) ADD_FAILURE() << "trap " << name(result.trap) << " at " << result.at;
    return result.r0;
  }
  Runner prepare(Insns insns) {
    Program program;
    program.insns = std::move(insns);
    auto run = GetParam().prepare(program);
    if (!run) ADD_FAILURE() << run.error().message;
    return run ? *std::move(run) : [](std::span<std::byte>) { return RunResult{}; };
  }
  /// r0 = dst and r6 = src, `insn`, result in r0.
  Runner prepare_on_r0_r6(const Insn& insn) {
    return prepare({load(isa::Reg{6}, kR1, kSrc), load(kR0, kR1, kDst), insn, Exit{}});
  }
  /// "jset32 %r0, %r6, +1"
  static std::string text(const Insn& insn) { return print(std::array{insn}, 0, Syntax::kMnemonic); }
};

/// Every combination of operation, width and operand form that exists.
template <class Visit>
void for_each_alu(Visit visit) {
  for (const AluInfo& row : kAluTable)
    for (const Width width : {Width::k32, Width::k64}) {
      if ((row.widths & (width == Width::k32 ? 1 : 2)) == 0) continue;
      if (row.forms == Forms::Unary) {
        visit(Alu{row.op, width, kR0, isa::Imm{0}});
        continue;
      }
      visit(Alu{row.op, width, kR0, isa::Reg{6}});
      if (row.forms == Forms::RegOnly) continue;
      for (const std::int32_t imm : boundary_immediates()) visit(Alu{row.op, width, kR0, isa::Imm{imm}});
    }
}

TEST_P(Matrix, Arithmetic) {
  for_each_alu([&](const Alu& insn) {
    const Runner prepared = prepare_on_r0_r6(insn);
    const isa::Imm* imm = std::get_if<isa::Imm>(&insn.src);
    for (const std::uint64_t dst : boundary_operands())
      for (const std::uint64_t src : boundary_operands()) {
        Operands operands{dst, src};
        const std::uint64_t want = eval(insn.op, insn.width, dst, imm != nullptr ? extend(*imm) : src);
        ASSERT_EQ(run(prepared, operands), want) << text(insn) << std::hex << " with 0x" << dst << ", 0x" << src;
        if (imm != nullptr) break;
      }
  });
}

// What an operation does is the same in every pair of registers, and leaves the others alone.
TEST_P(Matrix, ArithmeticInEveryPairOfRegisters) {
  constexpr Operands kOperands[] = {
      {0xfedcba9876543210, 37, 0}, {100, 0, 0}, {0x8000000080000000, ~std::uint64_t{0}, 0}};
  for (const AluInfo& row : kAluTable)
    for (const Width width : {Width::k32, Width::k64})
      for (std::uint8_t dst = 0; dst < 10; ++dst)
        for (std::uint8_t src = 0; src < 10; ++src) {
          if ((row.widths & (width == Width::k32 ? 1 : 2)) == 0) continue;
          if (row.forms == Forms::Unary && src != 0) continue;
          if (dst == 9 && src == 9) continue;  // r9 cannot be loaded twice through itself; r8 with r8 is the same case.
          const Operand operand = row.forms == Forms::Unary ? Operand{isa::Imm{0}} : Operand{isa::Reg{src}};
          Insns insns{move(isa::Reg{9}, kR1)};
          // r9 holds the context until all others are set.
          for (std::uint8_t r = 0; r < 9; ++r) insns.push_back(move(isa::Reg{r}, isa::Imm{1000 + r}));
          if (src != 9) insns.push_back(load(isa::Reg{src}, isa::Reg{9}, kSrc));
          if (dst != 9) insns.push_back(load(isa::Reg{dst}, isa::Reg{9}, kDst));
          if (src == 9) insns.push_back(load(isa::Reg{9}, isa::Reg{9}, kSrc));
          if (dst == 9) insns.push_back(load(isa::Reg{9}, isa::Reg{9}, kDst));
          const Alu insn{row.op, width, isa::Reg{dst}, operand};
          insns.push_back(insn);
          // The result is mixed with all registers but r9 (whose value is an address) into r0, through the stack.
          insns.push_back(isa::Store{Size::k64, kR10, -8, isa::Reg{dst}});
          for (std::uint8_t r = 1; r < 9; ++r) {
            insns.push_back(Alu{AluOp::kMul, Width::k64, kR0, isa::Imm{31}});
            insns.push_back(Alu{AluOp::kAdd, Width::k64, kR0, isa::Reg{r}});
          }
          insns.push_back(load(kR1, kR10, -8));
          insns.push_back(Alu{AluOp::kMul, Width::k64, kR0, isa::Imm{31}});
          insns.push_back(Alu{AluOp::kAdd, Width::k64, kR0, kR1});
          insns.push_back(Exit{});
          const Runner prepared = prepare(insns);
          for (Operands operands : kOperands) {
            std::array<std::uint64_t, 10> r{};
            for (std::uint8_t i = 0; i < 9; ++i) r[i] = 1000u + i;
            r[src] = operands.src;
            r[dst] = operands.dst;
            const std::uint64_t second = row.forms == Forms::Unary ? 0 : r[src];
            r[dst] = eval(row.op, width, r[dst], second);
            std::uint64_t want = r[0];
            for (std::uint8_t i = 1; i < 9; ++i) want = want * 31 + r[i];
            want = want * 31 + r[dst];
            ASSERT_EQ(run(prepared, operands), want) << text(insn) << std::hex << " with 0x" << operands.dst;
          }
        }
}

template <class Visit>
void for_each_branch(Visit visit) {
  for (const JmpInfo& row : kJmpTable)
    for (const Width width : {Width::k32, Width::k64}) {
      visit(Branch{row.op, width, kR0, isa::Reg{6}, 2});
      for (const std::int32_t imm : boundary_immediates()) visit(Branch{row.op, width, kR0, isa::Imm{imm}, 2});
    }
}

TEST_P(Matrix, Branches) {
  for_each_branch([&](const Branch& insn) {
    const Runner prepared = prepare({load(isa::Reg{6}, kR1, kSrc), load(kR0, kR1, kDst), insn, move(kR0, isa::Imm{0}),
                                     Exit{}, move(kR0, isa::Imm{1}), Exit{}});
    const isa::Imm* imm = std::get_if<isa::Imm>(&insn.src);
    for (const std::uint64_t dst : boundary_operands())
      for (const std::uint64_t src : boundary_operands()) {
        Operands operands{dst, src};
        const bool want = compare(insn.op, insn.width, dst, imm != nullptr ? extend(*imm) : src);
        ASSERT_EQ(run(prepared, operands), want ? 1u : 0u)
            << text(insn) << std::hex << " with 0x" << dst << ", 0x" << src;
        if (imm != nullptr) break;
      }
  });
}

TEST_P(Matrix, ByteSwaps) {
  for (const ByteOrder order : {ByteOrder::kToLittle, ByteOrder::kToBig, ByteOrder::kSwap})
    for (const std::uint8_t bits : std::initializer_list<std::uint8_t>{16, 32, 64})
      for (std::uint8_t reg = 0; reg < 10; ++reg) {
        const ByteSwap insn{order, bits, isa::Reg{reg}};
        const Runner prepared = prepare({load(isa::Reg{reg}, kR1, kDst), insn, move(kR0, isa::Reg{reg}), Exit{}});
        for (const std::uint64_t dst : boundary_operands()) {
          Operands operands{dst};
          ASSERT_EQ(run(prepared, operands), swap_bytes(order, bits, dst)) << text(insn) << std::hex << " of 0x" << dst;
        }
      }
}

TEST_P(Matrix, Loads) {
  for (const SizeInfo& row : kSizeTable)
    for (const Extend how : {Extend::kZero, Extend::kSign}) {
      if (how == Extend::kSign && row.size == Size::k64) continue;
      for (std::uint8_t reg = 0; reg < 10; ++reg) {
        const isa::Load insn{row.size, how, isa::Reg{reg}, kR1, kDst};
        const Runner prepared = prepare({insn, move(kR0, isa::Reg{reg}), Exit{}});
        for (const std::uint64_t value : boundary_operands()) {
          Operands operands{value};
          ASSERT_EQ(run(prepared, operands), extend(value, row.size, how))
              << text(insn) << std::hex << " of 0x" << value;
        }
      }
    }
}

TEST_P(Matrix, StoresChangeTheirBytesOnly) {
  for (const SizeInfo& row : kSizeTable)
    for (const std::int16_t at : std::initializer_list<std::int16_t>{kDst, kCell}) {
      const auto check = [&](const isa::Store& insn, std::uint64_t value) {
        const Runner prepared = prepare({load(isa::Reg{6}, kR1, kSrc), insn, load(kR0, kR1, at), Exit{}});
        Operands operands{0x5555555555555555, value, 0x5555555555555555};
        const std::uint64_t kept = 0x5555555555555555 ^ extend(0x5555555555555555, row.size, Extend::kZero);
        ASSERT_EQ(run(prepared, operands), (extend(value, row.size, Extend::kZero) | kept)) << text(insn);
        EXPECT_EQ(at == kDst ? operands.cell : operands.dst, 0x5555555555555555u) << text(insn);
      };
      for (const std::uint64_t value : boundary_operands()) check({row.size, kR1, at, isa::Reg{6}}, value);
      for (const std::int32_t imm : boundary_immediates())
        check({row.size, kR1, at, isa::Imm{imm}}, extend(isa::Imm{imm}));
    }
}

template <std::unsigned_integral W>
std::uint64_t stored(AtomicOp op, std::uint64_t old, std::uint64_t operand, std::uint64_t expected) {
  return atomic_store<W>(op, static_cast<W>(old), static_cast<W>(operand), static_cast<W>(expected));
}
std::uint64_t stored(AtomicOp op, Size size, std::uint64_t old, std::uint64_t operand, std::uint64_t expected) {
  switch (size) {
    case Size::k8:
      return stored<std::uint8_t>(op, old, operand, expected);
    case Size::k16:
      return stored<std::uint16_t>(op, old, operand, expected);
    case Size::k32:
      return stored<std::uint32_t>(op, old, operand, expected);
    case Size::k64:
      return stored<std::uint64_t>(op, old, operand, expected);
  }
  return 0;
}

TEST_P(Matrix, Atomics) {
  for (const AtomicInfo& row : kAtomicTable)
    for (const SizeInfo& size : kSizeTable) {
      const bool any_size = row.op == AtomicOp::kLoadAcquire || row.op == AtomicOp::kStoreRelease;
      if (!any_size && size.size != Size::k32 && size.size != Size::k64) continue;
      const isa::Atomic insn{row.op, size.size, kR1, kCell, isa::Reg{6}};
      // cmpxchg leaves the old value in r0, the other fetching ones in r6; r0 is then what the test reads.
      const bool compares = row.op == AtomicOp::kCmpXchg;
      const Runner prepared = prepare(
          {load(isa::Reg{6}, kR1, kSrc), load(kR0, kR1, kDst), insn, move(kR0, compares ? kR0 : isa::Reg{6}), Exit{}});
      for (const std::uint64_t cell : boundary_operands())
        for (const std::uint64_t operand : boundary_operands())
          for (const std::uint64_t r0 : {cell, cell ^ 1, cell ^ (std::uint64_t{1} << 40)}) {
            Operands operands{r0, operand, cell};
            const std::uint64_t fetched = extend(cell, size.size, Extend::kZero);
            const std::uint64_t kept = cell ^ fetched;
            ASSERT_EQ(run(prepared, operands), row.fetch ? fetched : operand)
                << text(insn) << std::hex << " on 0x" << cell;
            ASSERT_EQ(operands.cell, (kept | stored(row.op, size.size, cell, operand, r0)))
                << text(insn) << std::hex << " on 0x" << cell << " with 0x" << operand << ", r0 0x" << r0;
          }
    }
}

// Operand, base and result in every pair of registers that can hold them.
TEST_P(Matrix, AtomicsInEveryPairOfRegisters) {
  for (const AtomicInfo& row : kAtomicTable)
    for (const Size size : {Size::k32, Size::k64})
      for (std::uint8_t base = 1; base < 10; ++base)
        for (std::uint8_t reg = 0; reg < 10; ++reg) {
          if (reg == base) continue;
          const isa::Atomic insn{row.op, size, isa::Reg{base}, kCell, isa::Reg{reg}};
          const bool compares = row.op == AtomicOp::kCmpXchg;
          const Runner prepared = prepare({move(isa::Reg{base}, kR1), load(kR0, isa::Reg{base}, kDst),
                                           load(isa::Reg{reg}, isa::Reg{base}, kSrc), insn,
                                           move(kR0, compares ? kR0 : isa::Reg{reg}), Exit{}});
          Operands operands{0x1122334455667788, 0x0f1e2d3c4b5a6978, 0x1122334455667788};
          const Operands before = operands;
          const std::uint64_t r0 = reg == 0 ? before.src : before.dst;
          const std::uint64_t fetched = extend(before.cell, size, Extend::kZero);
          const std::uint64_t kept = before.cell ^ fetched;
          ASSERT_EQ(run(prepared, operands), row.fetch ? fetched : before.src) << text(insn);
          ASSERT_EQ(operands.cell, (kept | stored(row.op, size, before.cell, before.src, r0))) << text(insn);
        }
}

TEST_P(Matrix, Constants) {
  for (const std::uint64_t value : boundary_operands()) {
    const LoadImm64 insn{Imm64Kind::kConstant, kR0, static_cast<std::int32_t>(value),
                         static_cast<std::int32_t>(value >> 32)};
    Operands operands;
    ASSERT_EQ(run(prepare({insn, Continuation{}, Exit{}}), operands), value);
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, Matrix, testing::ValuesIn(engines()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace skep::conformance
