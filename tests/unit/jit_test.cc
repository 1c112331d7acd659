// SPDX-License-Identifier: Apache-2.0
// The JIT of the host against isa/semantics.h: every op on every pair of registers, with all other registers watched.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/address.h"
#include "isa/semantics.h"
#include "jit/compile.h"
#include "jit/target.h"
#include "lower/optimize/optimize.h"
#include "skep/helper.h"
#include "tests/unit/op_machine.h"

namespace skep::jit {
namespace {

using isa::AluOp;
using isa::AtomicOp;
using isa::JmpOp;
using isa::Size;
using isa::Width;
using lower::Imm;
using lower::Op;
using lower::Operand;
using lower::Reg;

using test::one_function;
using test::Words;

constexpr std::array<std::uint64_t, 15> kBoundaries = {0,
                                                       1,
                                                       2,
                                                       31,
                                                       33,
                                                       64,
                                                       0x7f,
                                                       0x80,
                                                       0xffff8000,
                                                       0x7fffffff,
                                                       0x80000000,
                                                       0xffffffff,
                                                       0x100000000,
                                                       0x8000000000000000,
                                                       0xffffffffffffffff};

Op mov(int dst, std::int64_t value) {
  return lower::Alu{AluOp::kMov, Width::k64, {}, Reg{static_cast<std::uint8_t>(dst)}, Imm{value}};
}
Op alu(AluOp op, Width width, int dst, Operand src) {
  return lower::Alu{op, width, {}, Reg{static_cast<std::uint8_t>(dst)}, src};
}
Op load(int dst, int base, std::int32_t offset) {
  return lower::Load{Size::k64, {}, {}, Reg{static_cast<std::uint8_t>(dst)}, Reg{static_cast<std::uint8_t>(base)},
                     offset};
}
Op store(int base, std::int32_t offset, int src) {
  return lower::Store{Size::k64, {}, Reg{static_cast<std::uint8_t>(base)}, offset, Reg{static_cast<std::uint8_t>(src)}};
}
Operand reg(int index) { return Reg{static_cast<std::uint8_t>(index)}; }

std::shared_ptr<const NativeCode> must_compile(const lower::Code& code, const lower::Bindings& bindings = {},
                                               Features features = host_target().features) {
  auto native = compile(code, bindings, {.features = features});
  EXPECT_TRUE(native.has_value()) << native.error().message;
  return native.has_value() ? *native : nullptr;
}

std::uint64_t run(const NativeCode& native, std::uint64_t r1 = 0, std::uint64_t r2 = 0, Env* with = nullptr) {
  Env fresh;
  Env& env = with == nullptr ? fresh : *with;
  env.invoke = native.invoke();
  return native.entry()(r1, r2, env);
}

/// test::around() `ops`, compiled.
std::shared_ptr<const NativeCode> around(const std::vector<Op>& middle, Features features,
                                         PassSet passes = PassSet::none()) {
  return must_compile(lower::optimize(test::around(middle), passes), {}, features);
}

std::vector<Features> variants() {
  const Features host = host_target().features;
  std::vector<Features> all = {host};
  for (const CpuFeatureInfo& row : kCpuFeatures) {
    Features avoided;
    avoided.*row.member = true;
    if (host.*row.member) all.push_back(without(host, avoided));
  }
  if (host != Features{}) all.push_back({});
  return all;
}

/// Words after `ops`, none of which branches or touches memory, as isa/semantics.h has it.
void evaluate(const std::vector<Op>& ops, Words& words) {
  for (const Op& op : ops) {
    const auto& alu = std::get<lower::Alu>(op);
    const auto* from = std::get_if<Reg>(&alu.src);
    const std::uint64_t src =
        from != nullptr ? words[from->index] : static_cast<std::uint64_t>(std::get<Imm>(alu.src).value);
    words[alu.dst.index] = isa::eval(alu.op, alu.width, words[alu.dst.index], src);
  }
}

Words pattern() {
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = 0xa5a5a5a5'00000000 + 0x1111111111111111 * i;
  return words;
}

/// What lower/optimize/ matches, and near misses: on every choice of registers, with and without a use of the
/// intermediate.
std::vector<std::vector<Op>> idioms(Width width, int a, int b, int c, bool overwritten) {
  const Width other = width == Width::k64 ? Width::k32 : Width::k64;
  const std::int64_t bits = isa::bits(width);
  std::vector<std::vector<Op>> all;
  for (const Width copy : {width, other}) {
    for (const std::int64_t count : {1, 8, 31}) {
      const auto shifts = [&](AluOp one, AluOp two, std::int64_t sum) {
        all.push_back({alu(AluOp::kMov, copy, a, reg(b)), alu(one, width, a, Imm{count}),
                       alu(AluOp::kMov, width, c, reg(b)), alu(two, width, c, Imm{sum - count}),
                       alu(AluOp::kOr, width, c, reg(a))});
        all.push_back({alu(AluOp::kMov, copy, a, reg(b)), alu(one, width, a, Imm{count}),
                       alu(two, width, b, Imm{sum - count}), alu(AluOp::kOr, width, b, reg(a))});
        all.push_back({alu(AluOp::kMov, copy, a, reg(b)), alu(one, width, a, Imm{count}),
                       alu(two, width, b, Imm{sum - count}), alu(AluOp::kOr, width, a, reg(b))});
      };
      shifts(AluOp::kLsh, AluOp::kRsh, bits);
      shifts(AluOp::kRsh, AluOp::kLsh, bits);
      shifts(AluOp::kRsh, AluOp::kLsh, bits - 1);
      shifts(AluOp::kArsh, AluOp::kLsh, bits);
    }
    for (const std::int64_t kept : {8, 16, 32}) {
      for (const AluOp down : {AluOp::kRsh, AluOp::kArsh}) {
        all.push_back({alu(AluOp::kLsh, width, a, Imm{bits - kept}), alu(down, width, a, Imm{bits - kept})});
        all.push_back({alu(AluOp::kMov, copy, a, reg(b)), alu(AluOp::kLsh, width, a, Imm{bits - kept}),
                       alu(down, width, a, Imm{bits - kept})});
      }
    }
    all.push_back({alu(AluOp::kMov, copy, a, reg(b)), alu(AluOp::kAdd, width, a, reg(c))});
    for (const std::int64_t value : {0, 1, -1, 127, 128, -4096, 0x7fffffff})
      all.push_back({alu(AluOp::kMov, copy, a, reg(b)), alu(AluOp::kAdd, width, a, Imm{value})});
  }
  if (overwritten)
    for (std::vector<Op>& ops : all) ops.push_back(mov(a, 5));
  return all;
}

TEST(JitOptimized, AgreesWithTheOpsOneByOne) {
  for (const Features features : variants()) {
    for (const auto& [a, b, c] : {std::array{0, 1, 2},
                                  {3, 0, 5},
                                  {6, 7, 0},
                                  {4, 8, 9},
                                  {1, 6, 6},
                                  {2, 2, 3},
                                  {7, 3, 7},
                                  {5, 9, 4},
                                  {5, 5, 5},
                                  {9, 7, 8}}) {
      for (const Width width : {Width::k32, Width::k64}) {
        for (const bool overwritten : {false, true}) {
          for (const std::vector<Op>& ops : idioms(width, a, b, c, overwritten)) {
            const auto native = around(ops, features, PassSet::all());
            ASSERT_NE(native, nullptr);
            for (const std::uint64_t value : kBoundaries) {
              Words words = pattern();
              words[static_cast<std::size_t>(b)] = value ^ 0x1234;
              Words want = words;
              evaluate(ops, want);
              run(*native, address_of(&words));
              ASSERT_EQ(words, want) << "r" << a << " r" << b << " r" << c << ", " << ops.size() << " ops";
            }
          }
        }
      }
    }
  }
}

TEST(JitOptimized, IndexedLoads) {
  const std::array<std::uint64_t, 4> memory = {0x8182838485868788, 0x0102030405060708, ~0ull, 0xfedcba9876543210};
  for (const Features features : variants()) {
    for (const Size size : {Size::k8, Size::k16, Size::k32, Size::k64}) {
      for (const isa::Extend extend : {isa::Extend::kZero, isa::Extend::kSign}) {
        if (size == Size::k64 && extend == isa::Extend::kSign) continue;
        for (const auto& [dst, address] : {std::array{3, 3}, {4, 3}, {1, 3}, {2, 3}, {8, 6}}) {
          for (const std::int32_t offset : {0, 3, -8, 300, -4100}) {
            const lower::Load one{
                size, extend, {}, Reg{static_cast<std::uint8_t>(dst)}, Reg{static_cast<std::uint8_t>(address)}, offset};
            std::vector<Op> ops = {alu(AluOp::kMov, Width::k64, address, reg(1)),
                                   alu(AluOp::kAdd, Width::k64, address, reg(2)), one};
            if (dst != address) ops.push_back(mov(address, 1));
            const auto native = around(ops, features, PassSet::all());
            ASSERT_NE(native, nullptr);
            Words words = pattern();
            words[1] = address_of(memory.data()) + 5;
            words[2] = 3 - static_cast<std::uint64_t>(std::int64_t{offset});
            Words want = words;
            want[static_cast<std::size_t>(address)] = 1;
            const std::uint32_t spare = 64 - 8 * isa::bytes(size);
            const std::uint64_t raw = memory[1] << spare;
            want[static_cast<std::size_t>(dst)] =
                extend == isa::Extend::kZero ? raw >> spare
                                             : static_cast<std::uint64_t>(static_cast<std::int64_t>(raw) >> spare);
            run(*native, address_of(&words));
            ASSERT_EQ(words, want) << "r" << dst << " through r" << address << " + " << offset;
          }
        }
      }
    }
  }
}

/// r3 = r3 op src; r0 = r3 == 0 (or !=), in every mixture of widths: the comparison may use what the operation left.
TEST(JitOptimized, ComparesWithZeroAfterArithmetic) {
  const std::vector<Operand> operands = {Reg{2},    Imm{0},      Imm{1},          Imm{-1},   Imm{128},
                                         Imm{0xff}, Imm{0xffff}, Imm{0x7fffffff}, Imm{-4096}};
  for (const AluOp op : {AluOp::kAdd, AluOp::kSub, AluOp::kAnd, AluOp::kOr, AluOp::kXor, AluOp::kMod}) {
    for (const Operand& src : operands) {
      for (const Width width : {Width::k32, Width::k64}) {
        for (const Width compared : {Width::k32, Width::k64}) {
          for (const JmpOp jump : {JmpOp::kEq, JmpOp::kNe, JmpOp::kSLe}) {
            const lower::Code code =
                one_function({mov(0, 1), alu(AluOp::kMov, Width::k64, 3, reg(1)), alu(op, width, 3, src),
                              lower::Branch{jump, compared, Reg{3}, Imm{0}, 5}, mov(0, 0), lower::Return{}});
            const auto native = must_compile(code);
            ASSERT_NE(native, nullptr);
            for (const std::uint64_t a : kBoundaries) {
              for (const std::uint64_t b : kBoundaries) {
                const auto* imm = std::get_if<Imm>(&src);
                const std::uint64_t by = imm == nullptr ? b : static_cast<std::uint64_t>(imm->value);
                const std::uint64_t value = isa::eval(op, width, a, by);
                ASSERT_EQ(run(*native, a, b), isa::compare(jump, compared, value, 0) ? 1u : 0u)
                    << static_cast<int>(op) << " " << a << ", " << by;
              }
            }
          }
        }
      }
    }
  }
}

/// The comparison is jumped to, past the arithmetic before it.
TEST(JitOptimized, ComparesWithZeroWhereJumpedTo) {
  const auto native = must_compile(one_function(
      {mov(0, 1), lower::Branch{JmpOp::kEq, Width::k64, Reg{2}, Imm{7}, 3}, alu(AluOp::kSub, Width::k64, 1, reg(2)),
       lower::Branch{JmpOp::kEq, Width::k64, Reg{1}, Imm{0}, 5}, mov(0, 0), lower::Return{}}));
  ASSERT_NE(native, nullptr);
  EXPECT_EQ(run(*native, 0, 7), 1u);
  EXPECT_EQ(run(*native, 7, 7), 0u);
  EXPECT_EQ(run(*native, 8, 8), 1u);
  EXPECT_EQ(run(*native, 0, 8), 0u);
}

/// Nothing is known of flags at the entry.
TEST(JitOptimized, ComparesWithZeroAtOnce) {
  const auto native = must_compile(one_function({lower::Branch{JmpOp::kNe, Width::k32, Reg{1}, Imm{0}, 3}, mov(0, 4),
                                                 lower::Return{}, mov(0, 5), lower::Return{}},
                                                0));
  ASSERT_NE(native, nullptr);
  EXPECT_EQ(run(*native, 0), 4u);
  EXPECT_EQ(run(*native, 1), 5u);
}

/// A short jump is chosen from bounds that must count the padding before the loop head that it jumps over.
TEST(JitOptimized, ShortBranchesReachOverPadding) {
  for (int filling = 0; filling < 60; ++filling) {
    for (int before = 0; before < 12; ++before) {
      std::vector<Op> ops(static_cast<std::size_t>(before), alu(AluOp::kMov, Width::k64, 0, reg(1)));
      const auto at = static_cast<lower::Label>(ops.size());
      const auto end = static_cast<lower::Label>(at + 3 + static_cast<lower::Label>(filling));
      ops.emplace_back(lower::Jump{end - 1});
      for (int i = 0; i < filling; ++i) ops.push_back(alu(AluOp::kOr, Width::k64, 0, reg(1)));
      ops.push_back(alu(AluOp::kSub, Width::k64, 1, Imm{1}));
      ops.emplace_back(lower::Branch{JmpOp::kNe, Width::k64, Reg{1}, Imm{0}, at + 1});
      ops.emplace_back(lower::Return{});
      const auto native = must_compile(one_function(ops, 0));
      ASSERT_NE(native, nullptr) << filling << " ops behind " << before;
      run(*native, 3);
    }
  }
}

class JitAlu : public testing::TestWithParam<isa::AluInfo> {};

TEST_P(JitAlu, AgreesOnEveryPairOfRegisters) {
  const isa::AluInfo& row = GetParam();
  for (const Width width : {Width::k32, Width::k64}) {
    if ((row.widths & (width == Width::k32 ? 1 : 2)) == 0 || row.forms == isa::Forms::Unary) continue;
    for (const Features features : variants()) {
      for (int dst = 0; dst < 10; ++dst) {
        for (int src = 0; src < 10; ++src) {
          const auto native = around({alu(row.op, width, dst, reg(src))}, features);
          ASSERT_NE(native, nullptr);
          for (const std::uint64_t a : kBoundaries) {
            for (const std::uint64_t b : kBoundaries) {
              Words words = pattern();
              words[static_cast<std::size_t>(dst)] = a;
              words[static_cast<std::size_t>(src)] = b;
              Words want = words;
              want[static_cast<std::size_t>(dst)] = isa::eval(row.op, width, words[static_cast<std::size_t>(dst)], b);
              run(*native, address_of(&words));
              ASSERT_EQ(words, want) << row.mnemonic << " " << bits(width) << " r" << dst << ", r" << src << " of " << a
                                     << ", " << b;
            }
          }
        }
      }
    }
  }
}

TEST_P(JitAlu, AgreesOnEveryImmediate) {
  const isa::AluInfo& row = GetParam();
  if (row.forms == isa::Forms::RegOnly) return;
  const std::vector<std::int64_t> immediates = {
      0,   1,    -1,   2,   3,   5,      9,    24,   640,   12,       31,        32,        63,        127,
      128, -128, -129, 255, 256, 0xffff, 4095, 4096, -4096, 0xfff000, 0xf0f0f0f, INT32_MAX, INT32_MIN, -2};
  for (const Width width : {Width::k32, Width::k64}) {
    for (const Features features : variants()) {
      for (int dst = 0; dst < 10; ++dst) {
        for (const std::int64_t imm : immediates) {
          const auto native = around({alu(row.op, width, dst, Imm{imm})}, features);
          ASSERT_NE(native, nullptr);
          for (const std::uint64_t a : kBoundaries) {
            Words words = pattern();
            words[static_cast<std::size_t>(dst)] = a;
            Words want = words;
            want[static_cast<std::size_t>(dst)] = isa::eval(row.op, width, a, static_cast<std::uint64_t>(imm));
            run(*native, address_of(&words));
            ASSERT_EQ(words, want) << row.mnemonic << " " << bits(width) << " r" << dst << ", " << imm << " of " << a;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, JitAlu, testing::ValuesIn(isa::kAluTable),
                         [](const auto& test) { return std::string(test.param.mnemonic); });

class JitBranch : public testing::TestWithParam<isa::JmpInfo> {};

/// r0 = taken; every pair of registers and boundary immediates, both widths.
TEST_P(JitBranch, AgreesOnRegistersAndImmediates) {
  const JmpOp op = GetParam().op;
  const auto taken = [](const NativeCode& native, std::uint64_t a, std::uint64_t b) { return run(native, a, b) == 1; };
  for (const Width width : {Width::k32, Width::k64}) {
    const auto program = [&](Operand src) {
      return must_compile(one_function(
          {lower::Branch{op, width, Reg{1}, src, 3}, mov(0, 0), lower::Return{}, mov(0, 1), lower::Return{}}));
    };
    const auto by_reg = program(reg(2));
    for (const std::uint64_t b : kBoundaries) {
      const auto imm = static_cast<std::int32_t>(b);
      const auto by_imm = program(Imm{imm});
      for (const std::uint64_t a : kBoundaries) {
        EXPECT_EQ(taken(*by_reg, a, b), isa::compare(op, width, a, b)) << a << " " << b;
        EXPECT_EQ(taken(*by_imm, a, 0), isa::compare(op, width, a, static_cast<std::uint64_t>(std::int64_t{imm})))
            << a << " imm " << imm;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, JitBranch, testing::ValuesIn(isa::kJmpTable),
                         [](const auto& test) { return std::string(test.param.mnemonic); });

/// Distances around the reach of a short branch, forwards and backwards, in steps of an instruction of 2 to 4 bytes.
TEST(JitBranches, AtTheEdgeOfTheShortForm) {
  for (int filler = 20; filler < 70; ++filler) {
    for (const int width : {32, 64}) {
      std::vector<Op> ops = {mov(0, 0), mov(2, 0)};
      const auto pad = [&] {
        for (int i = 0; i < filler; ++i)
          ops.push_back(
              alu(AluOp::kAdd, width == 32 ? Width::k32 : Width::k64, 0, i % 2 == 0 ? reg(2) : Operand{Imm{1}}));
      };
      const auto head = static_cast<lower::Label>(ops.size());
      pad();
      ops.push_back(alu(AluOp::kSub, Width::k64, 1, Imm{1}));
      ops.push_back(lower::Branch{JmpOp::kNe, Width::k64, Reg{1}, Imm{0}, head});
      const auto skip = ops.size();
      ops.push_back(lower::Branch{JmpOp::kEq, Width::k64, Reg{1}, Imm{0}, 0});
      pad();
      std::get<lower::Branch>(ops[skip]).target = static_cast<lower::Label>(ops.size());
      const auto jump = ops.size();
      ops.push_back(lower::Jump{});
      pad();
      std::get<lower::Jump>(ops[jump]).target = static_cast<lower::Label>(ops.size());
      ops.emplace_back(lower::Return{});
      const auto native = must_compile(one_function(ops));
      EXPECT_EQ(run(*native, 3), 3u * static_cast<unsigned>(filler / 2)) << filler;
    }
  }
}

/// Longer than what a conditional branch of arm64 reaches (1 MiB), forwards and backwards.
TEST(JitBranches, AcrossALongProgram) {
  constexpr int kFiller = 600'000;
  std::vector<Op> ops = {mov(0, 0)};
  const auto pad = [&] {
    for (int i = 0; i < kFiller; ++i) ops.push_back(alu(AluOp::kAdd, Width::k64, 0, Imm{1}));
  };
  ops.push_back(lower::Branch{JmpOp::kEq, Width::k64, Reg{1}, Imm{7}, 0});
  pad();
  std::get<lower::Branch>(ops[1]).target = static_cast<lower::Label>(ops.size());
  ops.push_back(alu(AluOp::kSub, Width::k64, 1, Imm{1}));
  ops.push_back(lower::Branch{JmpOp::kNe, Width::k64, Reg{1}, Imm{0}, 1});
  ops.emplace_back(lower::Return{});
  const auto native = must_compile(one_function(ops));
  EXPECT_EQ(run(*native, 1), std::uint64_t{kFiller});
  EXPECT_EQ(run(*native, 7), std::uint64_t{6} * kFiller);
}

TEST(JitByteSwap, AllOrdersAndSizes) {
  for (int r = 0; r < 10; ++r) {
    for (const auto order : {isa::ByteOrder::kToLittle, isa::ByteOrder::kToBig, isa::ByteOrder::kSwap}) {
      for (const std::uint8_t size : {std::uint8_t{16}, std::uint8_t{32}, std::uint8_t{64}}) {
        const auto native = around({lower::ByteSwap{order, size, Reg{static_cast<std::uint8_t>(r)}}}, {});
        Words words = pattern();
        words[static_cast<std::size_t>(r)] = 0x8182838485868788;
        Words want = words;
        want[static_cast<std::size_t>(r)] = isa::swap_bytes(order, size, 0x8182838485868788);
        run(*native, address_of(&words));
        EXPECT_EQ(words, want) << r << " " << int{size};
      }
    }
  }
}

/// Loads and stores of each size at offsets of each encoding, with every register as base and as value.
TEST(JitMemory, SizesOffsetsAndRegisters) {
  std::vector<std::byte> memory(80000);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::byte>(i * 37 + i / 251);
  std::byte* middle = memory.data() + 40000;
  for (const Size size : {Size::k8, Size::k16, Size::k32, Size::k64}) {
    for (const std::int32_t offset :
         {0, 1, 8, -8, 127, 128, -128, -129, 255, 256, -256, -257, 4095, 4096, 8 * 4095, 32767, -32768}) {
      for (int base = 0; base < 10; ++base) {
        for (int value = 0; value < 10; ++value) {
          const Reg b{static_cast<std::uint8_t>(base)}, v{static_cast<std::uint8_t>(value)};
          // Ordered accesses are aligned, as the verifier demands; arm64 traps otherwise.
          const bool aligned = offset % static_cast<std::int32_t>(bytes(size)) == 0;
          for (const auto extend : {isa::Extend::kZero, isa::Extend::kSign}) {
            for (const auto ordering : {lower::Ordering::kRelaxed, lower::Ordering::kAcquireRelease}) {
              if (ordering != lower::Ordering::kRelaxed && !aligned) continue;
              const auto native = around({lower::Load{size, extend, ordering, v, b, offset}}, {});
              Words words = pattern();
              words[b.index] = address_of(middle);
              Words want = words;
              std::uint64_t loaded = 0;
              std::memcpy(&loaded, middle + offset, bytes(size));
              want[v.index] = isa::extend(loaded, size, extend);
              run(*native, address_of(&words));
              ASSERT_EQ(words, want) << bytes(size) << " r" << value << " = [r" << base << offset << "]";
            }
          }
          if (base == value) continue;
          std::vector<std::byte> before = memory;
          Words words = pattern();
          words[b.index] = address_of(middle);
          const auto ordering =
              value % 2 == 0 || !aligned ? lower::Ordering::kRelaxed : lower::Ordering::kAcquireRelease;
          const Words unchanged = words;
          run(*around({lower::Store{size, ordering, b, offset, v}}, {}), address_of(&words));
          ASSERT_EQ(words, unchanged);
          std::memcpy(before.data() + 40000 + offset, &words[v.index], bytes(size));
          ASSERT_EQ(memory, before) << bytes(size) << " [r" << base << offset << "] = r" << value;
        }
        const std::int64_t imm = -5;
        Words words = pattern();
        words[static_cast<std::size_t>(base)] = address_of(middle);
        run(*around({lower::Store{size, {}, Reg{static_cast<std::uint8_t>(base)}, offset, Imm{imm}}}, {}),
            address_of(&words));
        ASSERT_EQ(std::memcmp(middle + offset, &imm, bytes(size)), 0);
      }
    }
  }
}

TEST(JitAtomic, EveryOpOnEveryPairOfRegisters) {
  for (const isa::AtomicInfo& row : isa::kAtomicTable) {
    if (row.op == AtomicOp::kLoadAcquire || row.op == AtomicOp::kStoreRelease) continue;
    for (const Size size : {Size::k32, Size::k64}) {
      for (const Features features : variants()) {
        for (int base = 0; base < 10; ++base) {
          for (int by = 0; by < 10; ++by) {
            for (const bool equal : {false, true}) {
              const Reg b{static_cast<std::uint8_t>(base)}, v{static_cast<std::uint8_t>(by)};
              const auto native = around({lower::Atomic{row.op, size, b, 8, v}}, features);
              std::array<std::uint64_t, 3> cells = {1, 0xf0f0f0f0f1f2f3f4, 2};
              Words words = pattern();
              if (equal) words[0] = size == Size::k64 ? cells[1] : static_cast<std::uint32_t>(cells[1]);
              words[b.index] = address_of(&cells);
              const std::uint64_t mask = size == Size::k64 ? ~std::uint64_t{0} : 0xffffffff;
              Words want = words;
              const std::uint64_t old = cells[1] & mask;
              const std::uint64_t next =
                  size == Size::k64 ? isa::atomic_store<std::uint64_t>(row.op, old, words[v.index], words[0])
                                    : isa::atomic_store<std::uint32_t>(row.op, static_cast<std::uint32_t>(old),
                                                                       static_cast<std::uint32_t>(words[v.index]),
                                                                       static_cast<std::uint32_t>(words[0]));
              if (row.fetch) want[row.op == AtomicOp::kCmpXchg ? 0 : v.index] = old;
              const std::array<std::uint64_t, 3> after = {1, (cells[1] & ~mask) | next, 2};
              run(*native, address_of(&words));
              ASSERT_EQ(cells, after) << row.mnemonic << bytes(size) << " [r" << base << "], r" << by;
              ASSERT_EQ(words, want) << row.mnemonic << bytes(size) << " [r" << base << "], r" << by;
            }
          }
        }
      }
    }
  }
}

lower::Bindings helpers(const std::vector<HelperFn>& functions) {
  lower::Bindings bindings;
  for (const HelperFn function : functions) bindings.helpers.push_back(address_of(function));
  return bindings;
}
std::uint64_t weigh(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d, std::uint64_t e, Env& env) {
  return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * std::uint64_t{env.cpu};
}
std::uint64_t set_trap(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, Env& env) {
  env.trap = Trap::kHelper;
  return 1;
}
std::uint64_t call_back(std::uint64_t function, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d,
                        Env& env) {
  return env.invoke(env, function, {a, b, c, d, 5}) + 1000;
}

TEST(JitCalls, HelpersGetArgumentsAndTheRun) {
  std::vector<Op> ops;
  for (int i = 1; i <= 5; ++i) ops.push_back(mov(i, i));
  for (int i = 6; i <= 9; ++i) ops.push_back(mov(i, 1000000L * i));
  ops.emplace_back(lower::CallHelper{0});
  for (int i = 6; i <= 9; ++i) ops.push_back(alu(AluOp::kAdd, Width::k64, 0, reg(i)));
  ops.emplace_back(lower::Return{});
  lower::Code code = one_function(ops);
  code.helpers = {1};
  Env env;
  env.cpu = 7;
  EXPECT_EQ(run(*must_compile(code, helpers({&weigh})), 0, 0, &env), 54321u + 700000 + 30000000);
}

/// r6 to r9, r10 and what lies on the stack survive; each frame is its own.
TEST(JitCalls, LocalFunctionsKeepTheCallersRegistersAndStack) {
  std::vector<Op> ops = {mov(6, 60), mov(7, 70), mov(8, 80), mov(9, 90), mov(2, 5), store(10, -8, 2), mov(1, 3)};
  const auto call = ops.size();
  ops.emplace_back(lower::CallLocal{});
  for (int i = 6; i <= 9; ++i) ops.push_back(alu(AluOp::kAdd, Width::k64, 0, reg(i)));
  ops.insert(ops.end(), {load(1, 10, -8), alu(AluOp::kAdd, Width::k64, 0, reg(1)), lower::Return{}});
  const auto entry = static_cast<lower::Label>(ops.size());
  std::get<lower::CallLocal>(ops[call]).target = entry;
  for (int i = 6; i <= 9; ++i) ops.push_back(mov(i, 0));
  ops.insert(ops.end(), {mov(3, 1), store(10, -8, 3), store(10, -16, 3), alu(AluOp::kMov, Width::k64, 0, reg(1)),
                         lower::Return{}});
  lower::Code code = one_function(ops, 8);
  code.functions.push_back({.entry = entry, .stack_bytes = 16});
  EXPECT_EQ(run(*must_compile(code)), 3u + 60 + 70 + 80 + 90 + 5);
}

TEST(JitCalls, CallbacksRunThroughInvoke) {
  std::vector<Op> ops = {lower::LoadSymbol{lower::SymbolKind::kFunction, Reg{1}, 7, 0},
                         mov(2, 1),
                         mov(3, 2),
                         mov(4, 3),
                         mov(5, 4),
                         lower::CallHelper{0},
                         lower::Return{},
                         mov(6, 0),
                         alu(AluOp::kMov, Width::k64, 0, reg(5)),
                         alu(AluOp::kMul, Width::k64, 0, reg(4)),
                         alu(AluOp::kAdd, Width::k64, 0, reg(1)),
                         lower::Return{}};
  lower::Code code = one_function(ops, 0);
  code.functions.push_back({.entry = 7, .stack_bytes = 0});
  code.helpers = {181};
  EXPECT_EQ(run(*must_compile(code, helpers({&call_back}))), 5u * 4 + 1 + 1000);
}

TEST(JitCalls, ATrapEndsTheRunFromANestedFunction) {
  for (const Op& trap : {Op{lower::CallHelper{0}}, Op{lower::Illegal{}}}) {
    const std::vector<Op> ops = {mov(1, 0), lower::CallLocal{4}, store(1, 0, 0), lower::Return{},  // Writes to nullptr.
                                 trap,      mov(1, 0),           store(1, 0, 0), lower::Return{}};
    lower::Code code = one_function(ops, 0);
    code.functions.push_back({.entry = 4, .stack_bytes = 0});
    code.helpers = {4711};  // Not skep's own: may trap.
    Env env;
    run(*must_compile(code, helpers({&set_trap})), 0, 0, &env);
    EXPECT_EQ(env.trap, std::holds_alternative<lower::Illegal>(trap) ? Trap::kIllegal : Trap::kHelper);
  }
}

std::uint64_t tail_target = 0;
std::uint64_t tail_index = 0;
std::uint64_t ask_tail_call(Env& env, std::uint64_t, std::uint64_t index) {
  tail_index = index;
  ++env.tail_calls;
  return env.tail_calls <= kMaxTailCalls ? tail_target : 0;
}

/// In the entry function and in a local one: the target's r0 comes back to the caller of the function it replaced.
TEST(JitCalls, TailCallsReplaceTheFunction) {
  const auto target = must_compile(one_function({alu(AluOp::kMov, Width::k64, 0, reg(1)), mov(6, 0),
                                                 alu(AluOp::kAdd, Width::k64, 0, Imm{100}), lower::Return{}}));
  lower::Code code = one_function({mov(6, 1), mov(1, 7), lower::CallLocal{6}, alu(AluOp::kAdd, Width::k64, 0, reg(6)),
                                   alu(AluOp::kMul, Width::k64, 0, Imm{10}), lower::Return{}, mov(7, 0), mov(3, 4),
                                   lower::TailCall{}, mov(0, 5), lower::Return{}});
  code.functions.push_back({.entry = 6, .stack_bytes = 64});
  const auto native = must_compile(code);
  for (const bool there : {true, false}) {
    tail_target = there ? address_of(target->entry()) : 0;
    Env env;
    env.tail_call = &ask_tail_call;
    EXPECT_EQ(run(*native, 0, 0, &env), there ? 1080u : 60u);
    EXPECT_EQ(tail_index, 4u);
  }
  // A program that continues at itself: bounded, and with no stack left behind.
  const auto self = must_compile(one_function({mov(6, 0), store(10, -8, 6), alu(AluOp::kAdd, Width::k64, 1, Imm{1}),
                                               alu(AluOp::kMov, Width::k64, 8, reg(1)), lower::TailCall{},
                                               alu(AluOp::kMov, Width::k64, 0, reg(8)), lower::Return{}}));
  tail_target = address_of(self->entry());
  Env env;
  env.tail_call = &ask_tail_call;
  EXPECT_EQ(run(*self, 0, 0, &env), 34u);
}

/// The same where the map is known: native code reads the slot and jumps, and asks nobody.
TEST(JitCalls, TailCallsJumpThroughTheSlotsOfAKnownMap) {
  const auto target = must_compile(one_function({alu(AluOp::kMov, Width::k64, 0, reg(1)), mov(6, 0),
                                                 alu(AluOp::kAdd, Width::k64, 0, Imm{100}), lower::Return{}}));
  const int image = 0;
  TailTarget there{.entry = address_of(target->entry()), .image = &image}, self;
  const std::array<const TailTarget*, 5> slots = {nullptr, nullptr, nullptr, &self, &there};
  const lower::Bindings bindings{.maps = {0}, .map_values = {address_of(slots.data())}, .helpers = {}};
  const lower::TailCall jump{.map = 0, .entries = 5};
  lower::Code code = one_function({mov(6, 1), mov(1, 7), alu(AluOp::kMov, Width::k64, 3, reg(2)), lower::CallLocal{7},
                                   alu(AluOp::kAdd, Width::k64, 0, reg(6)), alu(AluOp::kMul, Width::k64, 0, Imm{10}),
                                   lower::Return{}, mov(7, 0), mov(0, 5), jump, lower::Return{}});
  code.functions.push_back({.entry = 7, .stack_bytes = 64});
  const auto native = must_compile(code, bindings);
  struct Case {
    std::uint64_t index = 0;
    std::uint32_t done = 0;
    bool jumps = false;
  };
  constexpr std::uint64_t kBeyond = std::uint64_t{1} << 32;
  for (const Case& one : {Case{4, 0, true}, Case{4, 32, true}, Case{4, 33, false}, Case{4, 34, false},
                          Case{0, 0, false}, Case{5, 0, false}, Case{~std::uint64_t{0}, 0, false},
                          Case{kBeyond | 4, 7, true}, Case{kBeyond, 0, false}, Case{0x80000004, 0, false}}) {
    Env env;
    env.tail_calls = one.done;
    EXPECT_EQ(run(*native, 0, one.index, &env), one.jumps ? 1080u : 60u) << one.index << " after " << one.done;
    EXPECT_EQ(env.tail_calls, one.done + (one.jumps ? 1 : 0));
    EXPECT_EQ(env.image, one.jumps ? &image : nullptr);
  }
  const auto again = must_compile(one_function({mov(6, 0), store(10, -8, 6), alu(AluOp::kAdd, Width::k64, 1, Imm{1}),
                                                alu(AluOp::kMov, Width::k64, 8, reg(1)), mov(3, 3), jump,
                                                alu(AluOp::kMov, Width::k64, 0, reg(8)), lower::Return{}}),
                                  bindings);
  self.entry = address_of(again->entry());
  Env env;
  EXPECT_EQ(run(*again, 0, 0, &env), 34u);
}

}  // namespace
}  // namespace skep::jit
