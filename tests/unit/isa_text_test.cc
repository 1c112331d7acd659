// SPDX-License-Identifier: Apache-2.0
// Text of every instruction, in every syntax, there and back; what LLVM prints; and what the errors say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "skep/isa.h"

namespace skep::isa {
namespace {

std::string print_all(std::span<const Insn> insns, Syntax syntax) {
  std::string text;
  for (InsnIndex at = 0; at < insns.size(); ++at)
    if (const std::string line = print(insns, at, syntax); !line.empty()) text += line + "\n";
  return text;
}

/// Every opcode byte with operand fields that differ, at boundary offsets and immediates, legal or not.
std::vector<RawInsn> many_slots() {
  constexpr std::array<std::int32_t, 22> kImms = {0,     1,          -1,        5,       16,     32,   64,   0x40,
                                                  0x50,  0xa0,       0x41,      0x51,    0xa1,   0xe1, 0xf1, 0x100,
                                                  0x110, 0x7fffffff, INT32_MIN, 0x10000, 100000, -7};
  std::vector<RawInsn> slots;
  for (int opcode = 0; opcode < 256; ++opcode)
    for (int dst : {0, 1, 10})
      for (int src : {0, 1, 2, 3, 4, 5, 6, 9})
        for (int offset : {0, 1, -1, 8, 16, 32, 0x7fff, -0x8000})
          for (std::int32_t imm : kImms) {
            RawInsn raw;
            raw.opcode = static_cast<std::uint8_t>(opcode);
            raw.dst = static_cast<std::uint8_t>(dst & 0xf);
            raw.src = static_cast<std::uint8_t>(src & 0xf);
            raw.offset = static_cast<std::int16_t>(offset);
            raw.imm = imm;
            slots.push_back(raw);
            // The second slot, with and without a high word.
            if (opcode == 0x18) slots.push_back({.opcode = 0, .dst = 0, .src = 0, .offset = 0, .imm = offset});
          }
  return slots;
}

class AllSyntaxes : public testing::TestWithParam<Syntax> {};
TEST_P(AllSyntaxes, AssemblingWhatWasPrintedGivesTheSame) {
  const Insns insns = decode(many_slots());
  Insns legal;
  for (InsnIndex at = 0; at < insns.size(); ++at) {
    const bool wide = std::holds_alternative<LoadImm64>(insns[at]);
    if (std::holds_alternative<Illegal>(insns[at])) continue;
    if (wide && !std::holds_alternative<Continuation>(insns[at + 1])) continue;
    legal.push_back(insns[at]);
  }
  ASSERT_GT(legal.size(), 30000u);
  const auto again = assemble(print_all(legal, GetParam()), GetParam());
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), legal.size());
  for (InsnIndex at = 0; at < legal.size(); ++at)
    ASSERT_EQ((*again)[at], legal[at]) << at << ": " << print(legal, at, GetParam());
}
TEST_P(AllSyntaxes, SlotsThatEncodeNothingComeBackToo) {
  std::vector<RawInsn> slots = many_slots();
  std::vector<RawInsn> some;
  for (std::size_t at = 0; at < slots.size(); at += 7) some.push_back(slots[at]);
  const Insns insns = decode(some);
  const auto again = assemble(print_all(insns, GetParam()), GetParam());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(encode(*again), some);
}
std::string syntax_name(const testing::TestParamInfo<Syntax>& param) {
  constexpr std::array kNames = {"c", "mnemonic", "kernel"};
  return kNames[static_cast<std::size_t>(param.param)];
}
INSTANTIATE_TEST_SUITE_P(Syntax, AllSyntaxes, testing::Values(Syntax::kC, Syntax::kMnemonic, Syntax::kKernel),
                         syntax_name);

/// One instruction in the three syntaxes. The C column is what llvm-objdump-14 prints, or where it knows no such
/// instruction, llvm-objdump-19 with decimal numbers; the kernel column is what Linux 6.18 logs.
struct Row {
  std::string c, mnemonic, kernel;
};
const std::vector<Row> kRows = {
    {"r1 += 2", "add %r1, 2", "r1 += 2"},
    {"r1 -= r2", "sub %r1, %r2", "r1 -= r2"},
    {"w1 = w2", "mov32 %r1, %r2", "w1 = w2"},
    {"w1 = -5", "mov32 %r1, -5", "w1 = -5"},
    {"r1 s>>= 3", "arsh %r1, 3", "r1 s>>= 3"},
    {"w1 s/= w2", "sdiv32 %r1, %r2", "w1 s/= w2"},
    {"r1 s%= 7", "smod %r1, 7", "r1 s%= 7"},
    {"r1 = -r1", "neg %r1", "r1 = -r1"},
    {"w1 = -w1", "neg32 %r1", "w1 = -w1"},
    {"r1 = (s8)r2", "movsx864 %r1, %r2", "r1 = (s8)r2"},
    {"w1 = (s16)w2", "movsx1632 %r1, %r2", "w1 = (s16)w2"},
    {"r1 = (s32)r2", "movsx3264 %r1, %r2", "r1 = (s32)r2"},
    {"r1 = be16 r1", "be16 %r1", "r1 = be16 r1"},
    {"r1 = le64 r1", "le64 %r1", "r1 = le64 r1"},
    {"r1 = bswap32 r1", "bswap32 %r1", "r1 = bswap32 r1"},
    {"r1 = addr_space_cast(r2, 1, 0)", "addr_space_cast %r1, %r2, 1, 0", "r1 = addr_space_cast(r2, 1, 0)"},
    {"r1 = 16 ll", "lddw %r1, 0x10", "r1 = 0x10"},
    {"r1 = -1 ll", "lddw %r1, 0xffffffffffffffff", "r1 = 0xffffffffffffffff"},
    {"r1 = map[fd:3]", "lddw %r1, map[fd:3]", "r1 = map[fd:3]"},
    {"r1 = map[idx:3][0]+8", "lddw %r1, map[idx:3][0]+8", "r1 = map[idx:3][0]+8"},
    {"r1 = subprog[+7]", "lddw %r1, subprog[+7]", "r1 = subprog[+7]"},
    {"r0 = *(u8 *)skb[4]", "ldabsb 4", "r0 = *(u8 *)skb[4]"},
    {"r0 = *(u16 *)skb[r4]", "ldindh %r4, 0", "r0 = *(u16 *)skb[r4 + 0]"},
    {"r1 = *(u32 *)(r2 + 4)", "ldxw %r1, [%r2+4]", "r1 = *(u32 *)(r2 +4)"},
    {"r1 = *(u64 *)(r2 - 4)", "ldxdw %r1, [%r2-4]", "r1 = *(u64 *)(r2 -4)"},
    {"r1 = *(s8 *)(r2 + 0)", "ldxsb %r1, [%r2+0]", "r1 = *(s8 *)(r2 +0)"},
    {"*(u16 *)(r1 + 4) = r2", "stxh [%r1+4], %r2", "*(u16 *)(r1 +4) = r2"},
    {"*(u8 *)(r1 - 4) = -5", "stb [%r1-4], -5", "*(u8 *)(r1 -4) = -5"},
    {"lock *(u64 *)(r1 + 8) += r2", "lock add [%r1+8], %r2", "lock *(u64 *)(r1 +8) += r2"},
    {"lock *(u32 *)(r1 - 8) ^= r2", "lock xor32 [%r1-8], %r2", "lock *(u32 *)(r1 -8) ^= r2"},
    {"r2 = atomic_fetch_add((u64 *)(r1 + 8), r2)", "lock fetch add [%r1+8], %r2",
     "r2 = atomic64_fetch_add((u64 *)(r1 +8), r2)"},
    {"w2 = atomic_fetch_or((u32 *)(r1 + 8), w2)", "lock fetch or32 [%r1+8], %r2",
     "r2 = atomic_fetch_or((u32 *)(r1 +8), r2)"},
    {"r2 = xchg_64(r1 + 8, r2)", "lock xchg [%r1+8], %r2", "r2 = atomic64_xchg((u64 *)(r1 +8), r2)"},
    {"w2 = xchg32_32(r1 - 8, w2)", "lock xchg32 [%r1-8], %r2", "r2 = atomic_xchg((u32 *)(r1 -8), r2)"},
    {"r0 = cmpxchg_64(r1 + 8, r0, r2)", "lock cmpxchg [%r1+8], %r2", "r0 = atomic64_cmpxchg((u64 *)(r1 +8), r0, r2)"},
    {"w0 = cmpxchg32_32(r1 + 8, w0, w2)", "lock cmpxchg32 [%r1+8], %r2", "r0 = atomic_cmpxchg((u32 *)(r1 +8), r0, r2)"},
    {"r1 = load_acquire((u64 *)(r2 + 8))", "load_acquire64 %r1, [%r2+8]", "r1 = load_acquire((u64 *)(r2 +8))"},
    {"store_release((u8 *)(r1 + 8), w2)", "store_release8 [%r1+8], %r2", "store_release((u8 *)(r1 +8), r2)"},
    {"if r1 s> 3 goto +2", "jsgt %r1, 3, +2", "if r1 s> 0x3 goto pc+2"},
    {"if w1 == w2 goto -3", "jeq32 %r1, %r2, -3", "if w1 == w2 goto pc-3"},
    {"if r1 & -5 goto +0", "jset %r1, -5, +0", "if r1 & 0xfffffffb goto pc+0"},
    {"goto +3", "ja +3", "goto pc+3"},
    {"gotol -300", "ja32 -300", "gotol pc-300"},
    {"may_goto +2", "may_goto +2", "may_goto pc+2"},
    {"call 1", "call 1", "call bpf_map_lookup_elem#1"},
    {"call pc+3", "call local +3", "call pc+3"},
    {"exit", "exit", "exit"},
    {".8byte 0x00000007000000ff", ".8byte 0x00000007000000ff", ".8byte 0x00000007000000ff"},
};
class Text : public testing::TestWithParam<Row> {};
TEST_P(Text, IsTheSameInstructionInEverySyntax) {
  const auto insns = assemble(GetParam().c, Syntax::kC);
  ASSERT_TRUE(insns) << insns.error().message;
  EXPECT_EQ(print(*insns, 0, Syntax::kC), GetParam().c);
  EXPECT_EQ(print(*insns, 0, Syntax::kMnemonic), GetParam().mnemonic);
  EXPECT_EQ(print(*insns, 0, Syntax::kKernel), GetParam().kernel);
}
INSTANTIATE_TEST_SUITE_P(Table, Text, testing::ValuesIn(kRows));

/// Other spellings: on the left what LLVM 19, bpftool or a person writes, on the right what it is.
struct Spelling {
  std::string text, same_as;
  Syntax syntax{};
};
const std::vector<Spelling> kSpellings = {
    {"r1 += -0x5", "r1 += -5", Syntax::kC},
    {"r1 = 0xffffffff", "r1 = -1", Syntax::kC},
    {"w1 = *(u32 *)(r2 + 0x4)", "r1 = *(u32 *)(r2 + 4)", Syntax::kC},
    {"r1 = *(u32*)(r2+4)", "r1 = *(u32 *)(r2 + 4)", Syntax::kC},
    {"r1 = *(u32 *)(r2)", "r1 = *(u32 *)(r2 + 0)", Syntax::kC},
    {"if r1 == -0x5 goto +0x2 <.text+0x260>", "if r1 == -5 goto +2", Syntax::kC},
    {"goto pc+2", "goto +2", Syntax::kC},
    {"ld_pseudo\tr1, 0x1, 0x10", "r1 = map[fd:16]", Syntax::kC},
    {"call bpf_ktime_get_ns", "call 5", Syntax::kC},
    {"call anything#77", "call 77", Syntax::kC},
    {"call 0x5 # comment", "call 5", Syntax::kC},
    {"lock *(u32 *)(r1 - 0x8) |= w2", "lock *(u32 *)(r1 - 8) |= r2", Syntax::kC},
    {"r1 = 0x7 ll", "r1 = 7 ll", Syntax::kC},
    {"r1 = 5", "r1 = 5", Syntax::kKernel},
    {"mov64 r1, 0x80000000", "r1 = -2147483648", Syntax::kMnemonic},
    {"ldxw %r1, [%r2]", "r1 = *(u32 *)(r2 + 0)", Syntax::kMnemonic},
    {"swap16 %r1", "r1 = bswap16 r1", Syntax::kMnemonic},
    {"lock fetch add64 [%r1-0x8], %r2", "r2 = atomic_fetch_add((u64 *)(r1 - 8), r2)", Syntax::kMnemonic},
};
class OtherSpelling : public testing::TestWithParam<Spelling> {};
TEST_P(OtherSpelling, IsUnderstood) {
  const auto insns = assemble(GetParam().text, GetParam().syntax);
  ASSERT_TRUE(insns) << insns.error().message;
  EXPECT_EQ(print(*insns, 0, Syntax::kC), GetParam().same_as);
}
INSTANTIATE_TEST_SUITE_P(Table, OtherSpelling, testing::ValuesIn(kSpellings));

TEST(Labels, AreResolvedInBothDirections) {
  const auto insns = assemble(R"(
start:               # a comment
  r1 = 1 ll          ; two slots
  if r1 == 0 goto end // forward
  goto start
  gotol end
  may_goto start
  r2 = subprog[sub]
  call sub
end: exit
sub:
  exit
)",
                              Syntax::kC);
  ASSERT_TRUE(insns) << insns.error().message;
  EXPECT_EQ(print_all(*insns, Syntax::kC),
            "r1 = 1 ll\nif r1 == 0 goto +6\ngoto -4\ngotol +4\nmay_goto -6\nr2 = subprog[+3]\ncall pc+1\nexit\nexit\n");
}

struct Mistake {
  std::string text, message;
  Syntax syntax = Syntax::kC;
};
const std::vector<Mistake> kMistakes = {
    {"r1 = 1\nr2 ? 3", "line 2, column 4: found '?', expected an assignment such as '=' or '+='"},
    {"  r11 = 1", "line 1, column 3: found 'r11', expected an instruction"},
    {"r1 = r2 r3", "line 1, column 9: found 'r3', expected the end of the line"},
    {"r1 += w2", "line 1, column 7: found 'w2', expected an immediate"},
    {"r1 += 0x100000000",
     "line 1, column 7: the number is out of range, expected an immediate from -2147483648 to 4294967295"},
    {"goto nowhere", "line 1, column 6: label 'nowhere' is not defined"},
    {"goto +40000",
     "line 1, column 6: the number is out of range, expected a label or a distance such as +2 from -32768 to 32767"},
    {"a: exit\na: exit", "line 2, column 1: label 'a' is defined a second time"},
    {"r1 = *(u7 *)(r2 + 0)", "line 1, column 8: found 'u7', expected a type: u8, u16, u32, u64, s8, s16, s32"},
    {"if r1 ~ 3 goto +1", "line 1, column 7: found '~', expected a comparison"},
    {"r1 = be16 r2", "line 1, column 13: the bytes are reordered in place: expected the same register twice"},
    {"lock *(u8 *)(r1 + 0) += r2", "line 1, column 27: this atomic operation exists for u32 and u64 only"},
    {"r1 = *(u32 *)(r2 + 0", "line 1, column 21: the line ends, expected ')'"},
    {"add %r1", "line 1, column 8: the line ends, expected ','", Syntax::kMnemonic},
    {"frob %r1, 2", "line 1, column 1: found 'frob', expected an instruction", Syntax::kMnemonic},
    {"call %r2", "line 1, column 6: found '%', expected an immediate", Syntax::kMnemonic},
    {"movsx864 %r1, 5", "line 1, column 15: found '5', expected a register from %r0 to %r10", Syntax::kMnemonic},
};
class Misassembled : public testing::TestWithParam<Mistake> {};
TEST_P(Misassembled, NamesLineColumnAndExpectation) {
  const auto insns = assemble(GetParam().text, GetParam().syntax);
  ASSERT_FALSE(insns);
  EXPECT_EQ(insns.error().message, GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(Table, Misassembled, testing::ValuesIn(kMistakes));

TEST(Labels, TooFarForAShortJump) {
  std::string text = "goto end\n";
  for (int i = 0; i < 32768; ++i) text += "r0 = 0\n";
  const auto insns = assemble(text + "end: exit\n", Syntax::kC);
  ASSERT_FALSE(insns);
  EXPECT_THAT(insns.error().message, testing::HasSubstr("label 'end' is 32768 slots away"));
  EXPECT_TRUE(assemble("gotol end\n" + text.substr(text.find('\n') + 1) + "end: exit\n", Syntax::kC));
}

}  // namespace
}  // namespace skep::isa
