// SPDX-License-Identifier: Apache-2.0
// isa/semantics.h against the running kernel: every operation on pairs of boundary operands, many in one program, whose
// results it folds into one number. The operands are mixed with a zero that the kernel's verifier cannot know, so that
// its JIT computes and not its constant folding. Skipped where bpf(2) does not work.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "isa/semantics.h"
#include "kernel/bpf.h"
#include "skep/isa.h"

namespace skep::isa {
namespace {

constexpr Reg kDst{1}, kSrc{2}, kTaken{3}, kSum{7}, kZero{8}, kContext{6};

std::vector<std::uint64_t> operands() {
  std::vector<std::uint64_t> all = {0, 1, ~std::uint64_t{0}, 13, ~std::uint64_t{12}, 0x123456789abcdef0};
  for (const unsigned n : {7u, 8u, 15u, 16u, 31u, 32u, 63u})
    for (const std::uint64_t delta : {~std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{1}})
      all.push_back((std::uint64_t{1} << n) + delta);
  return all;
}
std::uint64_t fold(std::uint64_t sum, std::uint64_t value) { return sum * 31 + value; }

class Batch {
 public:
  Batch() {
    const Load length{Size::k32, Extend::kZero, kZero, kContext, 0};
    add({Alu{AluOp::kMov, Width::k64, kContext, kR1}, Alu{AluOp::kMov, Width::k64, kSum, Imm{0}}, length});
    add({Load{Size::k32, Extend::kZero, kTaken, kContext, 0}, Alu{AluOp::kXor, Width::k64, kZero, kTaken}});
    add({Alu{AluOp::kMov, Width::k64, kTaken, kZero}, Alu{AluOp::kLsh, Width::k64, kTaken, Imm{32}}});
    add({Alu{AluOp::kOr, Width::k64, kZero, kTaken}});
  }
  void add(std::initializer_list<Insn> insns) { insns_.insert(insns_.end(), insns); }
  void set(Reg reg, std::uint64_t value) {
    add({LoadImm64{Imm64Kind::kConstant, reg, static_cast<std::int32_t>(value), static_cast<std::int32_t>(value >> 32)},
         Continuation{}, Alu{AluOp::kXor, Width::k64, reg, kZero}});
  }
  /// The program adds up `reg`, which should hold `want`.
  void expect(Reg reg, std::uint64_t want) {
    add({Alu{AluOp::kMul, Width::k64, kSum, Imm{31}}, Alu{AluOp::kAdd, Width::k64, kSum, reg}});
    want_ = fold(want_, want);
  }
  void check(const std::string& what) {
    add({Alu{AluOp::kMov, Width::k64, kR0, kSum}, Alu{AluOp::kRsh, Width::k64, kSum, Imm{32}},
         Alu{AluOp::kXor, Width::k64, kR0, kSum}, Exit{}});
    Program program;
    program.type = ProgramType::kSocketFilter;
    program.license = "GPL";
    program.insns = insns_;
    program.functions = {{.first = 0, .name = "f", .btf_type_id = 0, .global = false}};
    const auto loaded = kernel::load(program, {.log_level = 0, .flags = 0});
    ASSERT_TRUE(loaded) << what << ": " << loaded.error().message;
    ASSERT_TRUE(loaded->accepted()) << what << ": " << loaded->error;
    const std::array<std::byte, 64> packet{};
    const auto run = kernel::test_run(loaded->program, {.data = packet, .context = {}, .repeat = 1});
    ASSERT_TRUE(run) << what << ": " << run.error().message;
    EXPECT_EQ(run->retval, static_cast<std::uint32_t>(want_ ^ want_ >> 32)) << what;
  }

 private:
  Insns insns_;
  std::uint64_t want_ = 0;
};

/// Calls visit(dst, src) for every pair of operands.
template <class Visit>
void for_each_pair(Visit visit) {
  for (const std::uint64_t dst : operands())
    for (const std::uint64_t src : operands()) visit(dst, src);
}

class SemanticsOfTheKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto& reason = kernel::why_unavailable()) GTEST_SKIP() << *reason;
  }
};

TEST_F(SemanticsOfTheKernel, Arithmetic) {
  for (const AluInfo& row : kAluTable)
    for (const Width width : {Width::k32, Width::k64}) {
      if ((row.widths & (width == Width::k32 ? 1 : 2)) == 0) continue;
      Batch batch;
      const bool unary = row.forms == Forms::Unary;
      for_each_pair([&](std::uint64_t dst, std::uint64_t src) {
        batch.set(kDst, dst);
        batch.set(kSrc, src);
        batch.add({Alu{row.op, width, kDst, unary ? Operand{Imm{0}} : Operand{kSrc}}});
        batch.expect(kDst, eval(row.op, width, dst, src));
      });
      batch.check(std::string(row.mnemonic) + std::to_string(bits(width)));
    }
}

TEST_F(SemanticsOfTheKernel, Comparisons) {
  for (const JmpInfo& row : kJmpTable)
    for (const Width width : {Width::k32, Width::k64}) {
      Batch batch;
      for_each_pair([&](std::uint64_t dst, std::uint64_t src) {
        batch.set(kDst, dst);
        batch.set(kSrc, src);
        batch.add({Alu{AluOp::kMov, Width::k64, kTaken, Imm{1}}, Branch{row.op, width, kDst, kSrc, 1},
                   Alu{AluOp::kMov, Width::k64, kTaken, Imm{0}}});
        batch.expect(kTaken, compare(row.op, width, dst, src) ? 1 : 0);
      });
      batch.check(std::string(row.mnemonic) + std::to_string(bits(width)));
    }
}

TEST_F(SemanticsOfTheKernel, ByteSwaps) {
  Batch batch;
  for (const ByteOrder order : {ByteOrder::kToLittle, ByteOrder::kToBig, ByteOrder::kSwap})
    for (const std::uint8_t bits : std::initializer_list<std::uint8_t>{16, 32, 64})
      for (const std::uint64_t value : operands()) {
        batch.set(kDst, value);
        batch.add({ByteSwap{order, bits, kDst}});
        batch.expect(kDst, swap_bytes(order, bits, value));
      }
  batch.check("byte swaps");
}

std::uint64_t stored(AtomicOp op, Size size, std::uint64_t old, std::uint64_t operand, std::uint64_t expected) {
  if (size == Size::k64) return atomic_store<std::uint64_t>(op, old, operand, expected);
  const std::uint64_t kept = old >> 32 << 32;
  return kept | atomic_store<std::uint32_t>(op, static_cast<std::uint32_t>(old), static_cast<std::uint32_t>(operand),
                                            static_cast<std::uint32_t>(expected));
}

TEST_F(SemanticsOfTheKernel, Atomics) {
  for (const AtomicInfo& row : kAtomicTable)
    for (const Size size : {Size::k32, Size::k64}) {
      Batch batch;
      for_each_pair([&](std::uint64_t old, std::uint64_t operand) {
        batch.set(kDst, old);
        batch.add({Store{Size::k64, kR10, -8, kDst}});
        batch.set(kSrc, operand);
        // Every third exchange finds what it expects.
        const std::uint64_t expected = operand % 3 == 0 ? old : operand;
        batch.set(kR0, expected);
        batch.add({Atomic{row.op, size, kR10, -8, kSrc}, Load{Size::k64, Extend::kZero, kDst, kR10, -8}});
        batch.expect(kDst, stored(row.op, size, old, operand, expected));
        const bool compares = row.op == AtomicOp::kCmpXchg;
        batch.expect(compares ? kR0 : kSrc, row.fetch ? extend(old, size, Extend::kZero) : operand);
      });
      batch.check(std::string(row.mnemonic) + std::to_string(8 * bytes(size)));
    }
}

}  // namespace
}  // namespace skep::isa
