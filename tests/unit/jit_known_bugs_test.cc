// SPDX-License-Identifier: Apache-2.0
// Bugs that JITs for eBPF have had, one case each: every engine, with and without passes and CPU features, does what
// the reference does.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "isa/semantics.h"
#include "tests/jit_variants.h"
#include "tests/reference/reference.h"
#include "tests/unit/op_machine.h"
#include "tests/unit/vm_fixture.h"

namespace skep::test {
namespace {

using isa::JmpOp;
using isa::Width;
using lower::Imm;
using lower::Op;

using Context = std::array<std::byte, 64>;

Context fresh() {
  Context context;
  for (std::size_t i = 0; i < context.size(); ++i) context[i] = static_cast<std::byte>(0x81 + i * 0x1d);
  return context;
}

/// The interpreter and native code in all its forms, with all passes and without any.
std::vector<JitVariant> variants() {
  std::vector<JitVariant> all = {{"interpreter", {.engine = Engine::kInterpreter, .cpus = 1}}};
  if (vm_tests::has_native_code())
    for (const JitVariant& variant : jit_variants()) all.push_back(variant);
  for (std::size_t i = 0, count = all.size(); i < count; ++i) {
    all.push_back(all[i]);
    all.back().name += "_without_passes";
    all.back().options.passes = PassSet::none();
  }
  return all;
}

Program parse(const std::string& source) {
  Program program;
  Result<isa::Insns> insns = isa::assemble(source, isa::Syntax::kC);
  if (!insns) ADD_FAILURE() << insns.error().message << "\n" << source;
  if (insns) program.insns = *insns;
  program.functions = {{.first = 0, .name = "f"}};
  std::vector<bool> begins(program.insns.size(), false);
  for (std::size_t at = 0; at < program.insns.size(); ++at)
    if (const auto* call = std::get_if<isa::Call>(&program.insns[at]); call && call->kind == isa::CallKind::kLocal)
      begins[at + 1 + static_cast<std::size_t>(call->imm)] = true;
  for (std::size_t at = 0; at < begins.size(); ++at)
    if (begins[at]) program.functions.push_back({.first = static_cast<InsnIndex>(at), .name = "g"});
  return program;
}

void expect_as_reference(const Program& program, const std::string& what) {
  Context want = fresh();
  const RunResult reference = reference::run(program, want, {.budget = 100'000'000});
  ASSERT_EQ(reference.trap, Trap::kNone) << what << " at " << reference.at;
  for (const JitVariant& variant : variants()) {
    Vm vm(Platform::linux_like(), variant.options);
    const Result<Image> image = vm.load(VerifiedProgram::trust_without_verification(program));
    ASSERT_TRUE(image) << image.error().message;
    ASSERT_EQ(image->native_code().empty(), variant.options.engine == Engine::kInterpreter)
        << what << ", " << variant.name;
    Context got = fresh();
    const RunResult result = image->run(got);
    ASSERT_EQ(result, reference) << what << ", " << variant.name << ": r0=" << result.r0 << ", not " << reference.r0;
    ASSERT_EQ(got, want) << what << ", " << variant.name;
  }
}

struct Case {
  const char* name;
  const char* source;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

// Values that no pass can know come from the context.
constexpr Case kCases[] = {
    {"jset32_looks_at_the_lower_half",
     "r2 = 0x100000000 ll\nr3 = *(u64 *)(r1 + 0)\nr3 &= 0\nr3 |= r2\nr0 = 0\nif w3 & w2 goto +1\nr0 |= 1\n"
     "if r3 & r2 goto +1\nr0 |= 2\nif w3 & -1 goto +1\nr0 |= 4\nif r3 & -1 goto +1\nr0 |= 8\nexit\n"},
    {"jset_immediate_is_sign_extended",
     "r2 = *(u64 *)(r1 + 0)\nr2 >>= 32\nr2 <<= 32\nr0 = 0\nif r2 & -2147483648 goto +1\nr0 = 1\n"
     "if r2 & 2147483647 goto +1\nr0 += 2\nexit\n"},
    {"shift_by_zero_of_32_bits_clears_the_upper_half",
     "r0 = *(u64 *)(r1 + 0)\nr2 = r0\nr3 = r0\nw0 <<= 0\nw2 >>= 0\nw3 s>>= 0\nr4 = 31\nr2 <<= r4\nr0 ^= r2\nr3 <<= "
     "13\nr0 ^= r3\nexit\n"},
    {"shift_by_zero_of_64_bits_changes_nothing",
     "r0 = *(u64 *)(r1 + 0)\nr2 = r0\nr3 = r0\nr0 <<= 0\nr2 >>= 0\nr3 s>>= 0\nr0 += r2\nr0 += r3\nexit\n"},
    {"shift_by_a_register_that_is_zero",
     "r0 = *(u64 *)(r1 + 0)\nr2 = *(u64 *)(r1 + 8)\nr2 &= 0\nr3 = r0\nr4 = r0\nw3 <<= w2\nr4 s>>= r2\nr0 <<= r2\nr0 += "
     "r3\nr0 ^= r4\nexit\n"},
    {"shift_by_the_width_in_a_register",
     "r0 = *(u64 *)(r1 + 0)\nr2 = *(u8 *)(r1 + 8)\nr2 &= 0\nr2 |= 64\nr3 = r0\nr3 <<= r2\nr4 = r0\nr2 |= 32\nw4 >>= "
     "w2\nr0 += r3\nr0 += r4\nexit\n"},
    {"shift_counts_in_r4_and_of_r4",
     "r4 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)\nr4 <<= r3\nr3 >>= r4\nr4 s>>= r4\nr0 = r4\nr0 += r3\nexit\n"},
    {"immediates_that_need_64_bits",
     "r0 = *(u64 *)(r1 + 0)\nr0 += -2147483648\nr0 ^= -1\nr0 |= -2147483647\nr0 -= -2147483648\nr0 *= -3\nr2 = -1\nr0 "
     "+= r2\n"
     "r3 = 0xffffffff ll\nr0 ^= r3\nr3 = 0x80000000 ll\nr0 += r3\nr0 &= r3\nr3 = 0xffffffff00000000 ll\nr0 |= "
     "r3\nexit\n"},
    {"comparisons_with_immediates_that_need_64_bits",
     "r2 = *(u64 *)(r1 + 0)\nr2 |= -2147483648\nr0 = 0\nif r2 > -2147483648 goto +1\nr0 |= 1\nif r2 s> -2147483648 "
     "goto +1\nr0 |= 2\n"
     "if w2 > -2147483648 goto +1\nr0 |= 4\nif r2 == -1 goto +1\nr0 |= 8\nr3 = 0x80000000 ll\nif r2 == r3 goto +1\nr0 "
     "|= 16\n"
     "if r2 < -5 goto +1\nr0 |= 32\nexit\n"},
    {"stored_immediates_are_sign_extended",
     "*(u64 *)(r1 + 0) = -1\n*(u64 *)(r1 + 8) = -2147483648\n*(u32 *)(r1 + 17) = -2\n*(u16 *)(r1 + 23) = 65535\n*(u8 "
     "*)(r1 + 27) = 255\nr0 = 0\nexit\n"},
    {"stores_of_low_bytes",
     "r9 = r1\nr0 = 0x1122 ll\nr2 = 0x3344 ll\nr3 = 0x5566 ll\nr4 = 0x7788 ll\nr5 = 0x99aa ll\nr6 = 0xbbcc ll\nr7 = "
     "0xddee ll\nr8 = 0xff10 ll\nr1 = 0x2132 ll\n"
     "*(u8 *)(r9 + 0) = r0\n*(u8 *)(r9 + 1) = r1\n*(u8 *)(r9 + 2) = r2\n*(u8 *)(r9 + 3) = r3\n*(u8 *)(r9 + 4) = r4\n"
     "*(u8 *)(r9 + 5) = r5\n*(u8 *)(r9 + 6) = r6\n*(u8 *)(r9 + 7) = r7\n*(u8 *)(r9 + 8) = r8\n*(u8 *)(r9 + 9) = "
     "r9\n*(u8 *)(r9 + 9) = r0\n"
     "*(u8 *)(r10 - 1) = r1\nr0 = *(u8 *)(r10 - 1)\nexit\n"},
    {"sdiv_of_the_smallest_by_minus_one_64",
     "r0 = *(u64 *)(r1 + 0)\nr0 |= 1\nr0 <<= 63\nr2 = *(u64 *)(r1 + 8)\nr2 |= -1\nr3 = r0\nr4 = r0\nr5 = r0\nr0 s/= "
     "r2\nr3 s/= -1\nr4 s%= r2\nr5 s%= -1\nr0 ^= r3\nr0 += r4\nr0 += r5\nr0 += 7\nexit\n"},
    {"sdiv_of_the_smallest_by_minus_one_32",
     "r0 = *(u64 *)(r1 + 0)\nr0 |= 1\nr0 <<= 31\nr2 = *(u64 *)(r1 + 8)\nr2 |= -1\nr3 = r0\nr4 = r0\nr5 = r0\nw0 s/= "
     "w2\nw3 s/= -1\nw4 s%= w2\nw5 s%= -1\nr3 <<= 1\nr0 += r3\nr0 += r4\nr0 += r5\nr0 += 7\nexit\n"},
    {"division_by_a_register_that_is_zero",
     "r0 = *(u64 *)(r1 + 0)\nr2 = 0xffffffff00000000 ll\nr3 = *(u64 *)(r1 + 8)\nr3 &= r2\nr4 = r0\nr5 = r0\nw4 /= "
     "w3\nw5 %= w3\nr6 = r0\nr3 = 0\nr6 %= r3\nr0 /= r3\nr0 += r4\nr0 += r5\nr0 ^= r6\nexit\n"},
    {"division_in_the_registers_that_the_cpu_divides_in",
     "r0 = *(u64 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 8)\nr4 = *(u32 *)(r1 + 16)\nr2 = *(u64 *)(r1 + 24)\nr0 /= r3\nr3 %= "
     "r0\nr2 /= r2\nr4 s%= r3\nr0 += r2\nr0 ^= r3\nr0 += r4\nexit\n"},
    {"upper_half_is_used_behind_a_join",
     "r2 = *(u64 *)(r1 + 0)\nr3 = *(u8 *)(r1 + 8)\nif r3 > 5 goto +2\nw2 += 1\ngoto +1\nr2 += 1\nr0 = r2\nr0 >>= "
     "3\nexit\n"},
    {"upper_half_is_used_in_a_loop",
     "r2 = *(u64 *)(r1 + 0)\nr3 = 4\nr0 = 0\nr0 += r2\nw2 = w2\nr0 ^= r2\nr2 <<= 9\nr3 -= 1\nif r3 != 0 goto "
     "-6\nexit\n"},
    {"upper_half_is_used_by_a_callee",
     "r6 = *(u64 *)(r1 + 0)\nr1 = r6\nw1 += w6\nr2 = r6\nw2 = w2\ncall pc+2\nr0 += r6\nexit\nr0 = r1\nr0 += r2\nr0 >>= "
     "1\nexit\n"},
    {"upper_half_is_used_as_an_address",
     "r2 = *(u64 *)(r1 + 0)\nr3 = 0xffffffff00000007 ll\nr2 &= 0\nr2 += r3\nw2 &= 15\nr1 += r2\nr0 = *(u8 *)(r1 + "
     "1)\nexit\n"},
    {"upper_half_is_used_after_a_32_bit_copy_to_itself",
     "r0 = *(u64 *)(r1 + 0)\nr0 ^= -1\nr2 = r0\nw0 = w0\nif r0 != r2 goto +1\nr0 = 99\nexit\n"},
    {"upper_half_of_what_an_atomic_fetched",
     "r2 = *(u64 *)(r1 + 8)\nw2 = atomic_fetch_add((u32 *)(r1 + 0), w2)\nr0 = r2\nr0 s>>= 5\nexit\n"},
    {"branches_over_16_byte_loads",
     "r2 = *(u8 *)(r1 + 0)\nr0 = 0\nif r2 > 1 goto +2\nr3 = 0x1122334455667788 ll\nr0 += 1\nif r2 > 255 goto +2\nr0 = "
     "0x123456789 ll\n"
     "r0 += 2\ngoto +4\nr0 = 7\nr0 = 0x8000000000000000 ll\nr0 += 4\nif r2 == 3 goto +5\nr4 = 5 ll\nr0 += r4\nr5 = "
     "0xffff0000ffff0000 ll\nr0 ^= r5\nexit\n"},
    {"comparison_of_a_register_with_itself",
     "r2 = *(u64 *)(r1 + 0)\nr0 = 0\nif r2 == r2 goto +1\nr0 += 1\nif r2 s< r2 goto +1\nr0 += 2\nif r2 & r2 goto "
     "+1\nr0 += 4\nif w2 >= w2 goto +1\nr0 += 8\nexit\n"},
    {"negation_of_the_smallest",
     "r0 = *(u64 *)(r1 + 0)\nr0 |= 1\nr0 <<= 63\nr0 = -r0\nr2 = r0\nr2 >>= 32\nw2 = -w2\nr0 += r2\nexit\n"},
    {"compare_exchange_with_r0_as_operand",
     "r0 = *(u32 *)(r1 + 0)\nr2 = r0\nr0 = cmpxchg32_32(r1 + 0, w0, w0)\nr0 <<= 32\nr0 += r2\nexit\n"},
    {"byte_swap_of_16_bits_clears_the_rest",
     "r0 = *(u64 *)(r1 + 0)\nr2 = r0\nr3 = r0\nr0 = be16 r0\nr2 = le16 r2\nr3 = bswap32 r3\nr0 += r2\nr0 += "
     "r3\nexit\n"},
    {"loop_whose_first_test_fails",
     "r2 = *(u64 *)(r1 + 0)\nr3 = 5\nr0 = 0\nif r3 > 4 goto +4\nr0 += r2\nr2 *= 3\nr3 += 1\ngoto -5\nr0 += r3\nexit\n"},
    {"base_and_index_are_the_same",
     "r2 = *(u64 *)(r1 + 0)\nr2 &= 7\nr3 = r2\nr3 <<= 2\nr3 += r2\nr4 = r1\nr4 += r3\nr0 = *(u8 *)(r4 + 3)\nr4 = "
     "r1\nr4 += r3\n*(u16 *)(r4 + 1) = r3\nexit\n"},
    {"stack_offsets_of_one_and_four_bytes",
     "r2 = *(u64 *)(r1 + 0)\n*(u64 *)(r10 - 128) = r2\n*(u64 *)(r10 - 136) = r2\n*(u64 *)(r10 - 120) = 5\n*(u64 *)(r10 "
     "- 512) = r2\nr0 = *(u64 *)(r10 - 136)\nr3 = *(u64 *)(r10 - 128)\nr0 += r3\nr3 = *(u32 *)(r10 - 510)\nr0 ^= "
     "r3\nexit\n"},
};

class KnownBug : public testing::TestWithParam<Case> {};
TEST_P(KnownBug, IsNotHere) { expect_as_reference(parse(GetParam().source), GetParam().name); }
INSTANTIATE_TEST_SUITE_P(Jit, KnownBug, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

/// Fillers of two lengths on x86-64 (add of a register: 3 bytes, of an immediate: 4), so that every distance occurs.
std::vector<Op> filler(int three, int four) {
  std::vector<Op> ops(static_cast<std::size_t>(three), lower::Alu{isa::AluOp::kAdd, Width::k64, {}, reg(0), reg(2)});
  ops.insert(ops.end(), static_cast<std::size_t>(four), lower::Alu{isa::AluOp::kAdd, Width::k64, {}, reg(0), Imm{3}});
  return ops;
}

/// A loop whose jump back, and a branch over a block whose jump ahead, are around 128 bytes long, in steps of one byte.
TEST(KnownBugs, JumpsAtTheEdgeOfEightBits) {
  for (int three = 0; three < 8; ++three)
    for (int four = 20; four < 36; ++four)
      for (const bool by_jump : {false, true})
        for (const std::size_t which : {std::size_t{0}, std::size_t{1}, forms().size() - 1}) {
          // r1 rounds; what is ahead is skipped in odd rounds.
          std::vector<Op> ops = {lower::Alu{isa::AluOp::kMov, Width::k64, {}, reg(0), Imm{0}}};
          const auto head = static_cast<lower::Label>(ops.size());
          const std::vector<Op> block = filler(three, four);
          ops.push_back(lower::Branch{JmpOp::kSet, Width::k64, reg(1), Imm{1}, 0});
          const std::size_t ahead = ops.size() - 1;
          ops.insert(ops.end(), block.begin(), block.end());
          std::get<lower::Branch>(ops[ahead]).target = static_cast<lower::Label>(ops.size());
          ops.push_back(lower::Alu{isa::AluOp::kSub, Width::k64, {}, reg(1), Imm{1}});
          if (by_jump) {
            const auto out = static_cast<lower::Label>(ops.size() + 2);
            ops.push_back(lower::Branch{JmpOp::kEq, Width::k64, reg(1), Imm{0}, out});
            ops.push_back(lower::Jump{head});
          } else {
            ops.push_back(lower::Branch{JmpOp::kNe, Width::k64, reg(1), Imm{0}, head});
          }
          ops.emplace_back(lower::Return{});
          const auto each =
              std::uint64_t{5} * static_cast<unsigned>(three) + std::uint64_t{3} * static_cast<unsigned>(four);
          ASSERT_EQ(Runnable(one_function(ops), forms()[which]).run(6, 5), 3 * each) << three << " " << four;
        }
}

/// Branches whose lengths depend on one another, in both directions.
/// A copy that is left to a subtraction, between a branch and its target: it is longer than either of them, as so many
/// words are in registers that one of them is in r12.
TEST(KnownBugs, CopiesLeftToSubtractionsAtTheEdgeOfEightBits) {
  constexpr int kWords = 11;
  std::string before, after;
  const auto slot = [](int i) { return "*(u64 *)(r10 - " + std::to_string(8 * (i % kWords + 1)) + ")"; };
  for (int i = 0; i < kWords; ++i) {
    before += "r2 = *(u32 *)(r1 + " + std::to_string(4 * (i % 5)) + ")\nr2 *= " + std::to_string(7 * i + 3) + "\n";
    before += slot(i) + " = r2\n";
    after += "r2 = " + slot(i) + "\nr0 ^= r2\nr0 *= 31\n";
  }
  before += "r0 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\n";
  for (int copied = 0; copied < kWords; ++copied)
    for (int others = 38; others <= 40; ++others) {
      std::string over = "r2 = " + slot(copied) + "\nw2 -= -128\nr0 ^= r2\n";
      for (int i = 0; i < others; ++i) over += "r2 = " + slot(i) + "\nr0 " + (i % 2 != 0 ? "+" : "^") + "= r2\n";
      const std::string branch = "if r3 == 5 goto +" + std::to_string(2 * others + 3) + "\n";
      expect_as_reference(parse(before + branch + over + after + "exit\n"), std::to_string(others) + " others");
    }
}

TEST(KnownBugs, BranchTargetsWhereShortAndLongBranchesMix) {
  for (std::uint32_t seed = 1; seed < 300; ++seed) {
    std::uint32_t state = seed;
    const auto below = [&state](std::uint32_t bound) {
      state = state * 1664525 + 1013904223;
      return (state >> 8) % bound;
    };
    constexpr std::uint32_t kBlocks = 40;
    // Each block adds its own power and goes to a block ahead, or, while there are rounds left, back.
    std::vector<Op> ops = {lower::Alu{isa::AluOp::kMov, Width::k64, {}, reg(0), Imm{0}}};
    std::vector<lower::Label> starts;
    std::vector<std::pair<std::size_t, std::uint32_t>> fixups;
    for (std::uint32_t block = 0; block < kBlocks; ++block) {
      starts.push_back(static_cast<lower::Label>(ops.size()));
      ops.push_back(lower::Alu{isa::AluOp::kMul, Width::k64, {}, reg(0), Imm{31}});
      ops.push_back(lower::Alu{isa::AluOp::kAdd, Width::k64, {}, reg(0), Imm{block}});
      const std::vector<Op> more = filler(static_cast<int>(below(12)), static_cast<int>(below(12)));
      ops.insert(ops.end(), more.begin(), more.end());
      if (below(3) == 0) {
        ops.push_back(lower::Alu{isa::AluOp::kSub, Width::k64, {}, reg(1), Imm{1}});
        fixups.emplace_back(ops.size(), block - std::min(block, below(12)));
        ops.push_back(lower::Branch{JmpOp::kSGt, Width::k64, reg(1), Imm{0}, 0});
      } else {
        fixups.emplace_back(ops.size(), std::min(block + 1 + below(9), kBlocks));
        ops.push_back(lower::Branch{JmpOp::kSet, Width::k32, reg(0), Imm{1 << below(4)}, 0});
      }
    }
    starts.push_back(static_cast<lower::Label>(ops.size()));
    ops.emplace_back(lower::Return{});
    for (const auto& [at, block] : fixups) std::get<lower::Branch>(ops[at]).target = starts[block];
    const lower::Code code = one_function(ops);
    const std::uint64_t want = Runnable(code, forms().front()).run(50, 5);
    for (std::size_t i = 1; i < forms().size(); ++i)
      ASSERT_EQ(Runnable(code, forms()[i]).run(50, 5), want) << forms()[i].name << ", seed " << seed;
  }
}

/// Its low 32 bits count, whether or not it is known which map it is.
TEST(KnownBugs, TailCallIndexHasThirtyTwoBits) {
  for (const JitVariant& variant : variants()) {
    for (const bool known : {true, false}) {
      Vm vm(Platform::linux_like(), variant.options);
      const std::string source = "r6 = *(u64 *)(r1 + 0)\nr2 = map[idx:0]\nr3 = r6\ncall 12\nr0 = 5\nexit\n";
      const auto caller =
          known ? vm_tests::verified("r2 = map[idx:0]\nr3 = 0xffffffff00000001 ll\ncall 12\nr0 = 5\nexit\n",
                                     {vm_tests::prog_array()}, "caller")
                : vm_tests::program(source, {vm_tests::prog_array()}, "caller");
      const auto image = vm.load(caller);
      ASSERT_TRUE(image) << image.error().message;
      const auto target = vm.load(known ? vm_tests::verified("r0 = 77\nexit\n", {}, "target")
                                        : vm_tests::program("r0 = 77\nexit\n", {}, "target"));
      ASSERT_TRUE(target) << target.error().message;
      ASSERT_EQ(vm.set_tail_call(*vm.find_map("jumps"), 1, *target), 0);
      for (const auto& [index, want] : {std::pair<std::uint64_t, std::uint64_t>{0xffffffff00000001, 77},
                                        {1, 77},
                                        {0x100000000, 5},
                                        {0xffffffff, 5},
                                        {4, 5}}) {
        if (known && index != 0xffffffff00000001) continue;
        alignas(8) std::array<std::byte, 64> context{};
        std::memcpy(context.data(), &index, sizeof(index));
        EXPECT_EQ(image->run(context).r0, want) << variant.name << " " << index;
      }
    }
  }
}

// A million instructions.

constexpr std::size_t kMany = 1'000'000;

/// Processor time, which other processes do not lengthen.
double seconds(const std::function<void()>& work) {
  const std::clock_t before = std::clock();
  work();
  return static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
}

/// `count` instructions on what nothing is known of, of several kinds; r0 at the end depends on all.
isa::Insns straight(std::size_t count) {
  using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.
  Insns out;
  for (std::size_t i = 0; out.size() < count; ++i) {
    const auto value = static_cast<std::int32_t>(i * 2654435761u);
    switch (i % 6) {
      case 0:
        out.emplace_back(Alu{AluOp::kAdd, Width::k64, kR0, isa::Imm{value}});
        break;
      case 1:
        out.emplace_back(Alu{AluOp::kXor, Width::k64, kR0, kR2});
        break;
      case 2:
        out.emplace_back(Load{isa::Size::k8, Extend::kZero, kR3, kR6, static_cast<std::int16_t>(i % 64)});
        break;
      case 3:
        out.emplace_back(Alu{AluOp::kMul, Width::k32, kR2, isa::Imm{value | 1}});
        break;
      case 4:
        out.emplace_back(isa::Branch{JmpOp::kGt, Width::k64, kR3, isa::Imm{value & 255}, 1});
        break;
      default:
        out.emplace_back(Alu{AluOp::kAdd, Width::k64, kR0, kR3});
    }
  }
  out.emplace_back(Alu{AluOp::kMov, Width::k64, kR3, kR3});  // What the last branch may skip.
  return out;
}
Program long_program(std::size_t count, std::int32_t rounds) {
  using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.
  Program program;
  Insns& out = program.insns;
  out = {Alu{AluOp::kMov, Width::k64, kR6, kR1}, isa::Load{isa::Size::k64, Extend::kZero, kR2, kR1, 0},
         Alu{AluOp::kMov, Width::k64, kR3, isa::Imm{0}}, Alu{AluOp::kMov, Width::k64, kR0, isa::Imm{1}},
         Alu{AluOp::kMov, Width::k64, Reg{7}, isa::Imm{rounds}}};
  const Insns middle = straight(count);
  const auto length = static_cast<std::int32_t>(middle.size());
  out.insert(out.end(), middle.begin(), middle.end());
  out.emplace_back(Alu{AluOp::kSub, Width::k64, Reg{7}, isa::Imm{1}});
  // Farther back than a conditional branch of eBPF reaches.
  out.emplace_back(isa::Branch{JmpOp::kEq, Width::k64, Reg{7}, isa::Imm{0}, 1});
  out.emplace_back(isa::Jump{JumpForm::kLong, -length - 3});
  out.emplace_back(Exit{});
  program.functions = {{.first = 0, .name = "f"}};
  return program;
}

TEST(KnownBugs, AMillionInstructionsWithALoopAroundThem) {
  const Program program = long_program(kMany, 3);
  Context want = fresh();
  const RunResult reference = reference::run(program, want, {.budget = 100'000'000});
  ASSERT_EQ(reference.trap, Trap::kNone);
  for (const JitVariant& variant : variants()) {
    Vm vm(Platform::linux_like(), variant.options);
    const Result<Image> image = vm.load(VerifiedProgram::trust_without_verification(program));
    ASSERT_TRUE(image) << image.error().message;
    Context got = fresh();
    ASSERT_EQ(image->run(got), reference) << variant.name;
  }
}

/// Eight times the program takes about eight times as long, and not 64 times.
TEST(KnownBugs, CompileTimeGrowsWithTheProgram) {
  const VerifiedProgram small = VerifiedProgram::trust_without_verification(long_program(kMany / 8, 1));
  const VerifiedProgram large = VerifiedProgram::trust_without_verification(long_program(kMany, 1));
  for (const Engine engine : vm_tests::available_engines()) {
    Vm vm(Platform::linux_like(), {.engine = engine, .cpus = 1});
    const double one = seconds([&] { ASSERT_TRUE(vm.load(small)); });
    const double eight = seconds([&] { ASSERT_TRUE(vm.load(large)); });
    EXPECT_LT(eight, 24 * one + 0.5) << "engine " << static_cast<int>(engine) << ": " << one << " s, then " << eight;
  }
}

/// bpf_loop with a function farther away than what adr of arm64 reaches (1 MiB).
TEST(KnownBugs, AddressesOfFunctionsAcrossMoreThanAMegabyte) {
  constexpr int kBetween = 300'000, kRounds = 3;
  const auto insns = isa::assemble("r6 = 0\nr1 = " + std::to_string(kRounds) + "\nr2 = subprog[+" +
                                       std::to_string(kBetween + 5) + "]\nr3 = 0\nr4 = 0\ncall 181",
                                   isa::Syntax::kC);
  ASSERT_TRUE(insns) << insns.error().message;
  Program program;
  program.insns = *insns;
  const isa::Insn add = isa::Alu{isa::AluOp::kAdd, Width::k64, isa::Reg{0}, isa::Imm{1}};
  program.insns.insert(program.insns.end(), kBetween, add);
  program.insns.emplace_back(isa::Exit{});
  const auto callback = static_cast<isa::InsnIndex>(program.insns.size());
  program.insns.emplace_back(isa::Alu{isa::AluOp::kMov, Width::k64, isa::Reg{0}, isa::Imm{0}});
  program.insns.emplace_back(isa::Exit{});
  program.functions = {{.first = 0, .name = "f"}, {.first = callback, .name = "g"}};
  for (const JitVariant& variant : variants()) {
    Vm vm(Platform::linux_like(), variant.options);
    const Result<Image> image = vm.load(VerifiedProgram::trust_without_verification(program));
    ASSERT_TRUE(image) << variant.name << ": " << image.error().message;
    const RunResult result = image->run({});
    EXPECT_EQ(result.trap, Trap::kNone) << variant.name;
    EXPECT_EQ(result.r0, std::uint64_t{kBetween + kRounds}) << variant.name;
  }
}

/// A conditional branch over more than an arm64 one reaches (1 MiB), on each condition.
TEST(KnownBugs, ConditionalBranchesAcrossMoreThanAMegabyte) {
  std::vector<Op> block(300'000, lower::Alu{isa::AluOp::kAdd, Width::k64, {}, reg(0), Imm{1}});
  for (const isa::JmpInfo& row : isa::kJmpTable)
    for (const lower::Operand& src : {lower::Operand(reg(2)), lower::Operand(Imm{5}), lower::Operand(Imm{0})}) {
      std::vector<Op> ops = {lower::Alu{isa::AluOp::kMov, Width::k64, {}, reg(0), Imm{0}}};
      const auto end = static_cast<lower::Label>(block.size() + 2);
      ops.push_back(lower::Branch{row.op, Width::k64, reg(1), src, end});
      ops.insert(ops.end(), block.begin(), block.end());
      ops.emplace_back(lower::Return{});
      const lower::Code code = one_function(ops);
      const Form& form = forms().size() > 1 ? forms()[1] : forms()[0];
      const Runnable runnable(code, form);
      for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{5}, ~std::uint64_t{0}}) {
        const auto* imm = std::get_if<Imm>(&src);
        const std::uint64_t other = imm == nullptr ? 5 : static_cast<std::uint64_t>(imm->value);
        ASSERT_EQ(runnable.run(value, 5), isa::compare(row.op, Width::k64, value, other) ? 0u : block.size())
            << row.mnemonic;
      }
    }
}

}  // namespace
}  // namespace skep::test
