// SPDX-License-Identifier: Apache-2.0
// Decoding is total and loses nothing, and each reserved field is named when it is at fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "isa/semantics.h"
#include "skep/isa.h"

namespace skep::isa {
namespace {

RawInsn raw_of(int opcode, int dst, int src, int offset, std::int32_t imm) {
  RawInsn raw;
  raw.opcode = static_cast<std::uint8_t>(opcode);
  raw.dst = static_cast<std::uint8_t>(dst & 0xf);
  raw.src = static_cast<std::uint8_t>(src & 0xf);
  raw.offset = static_cast<std::int16_t>(offset);
  raw.imm = imm;
  return raw;
}

constexpr std::array kOffsets = {0, 1, -1, 2, 7, 8, 16, 32, 64, 0x7fff, -0x8000};
constexpr std::array<std::int32_t, 22> kImms = {0,     1,     -1,         16,        32,   64,     0x40, 0x50,
                                                0xa0,  0x41,  0x51,       0xa1,      0xe1, 0xf1,   0xe0, 0xf0,
                                                0x100, 0x110, 0x7fffffff, INT32_MIN, 2,    0x10000};

/// Calls visit(raw) for every opcode byte with every field at each of its interesting values.
template <class Visit>
void for_all_raw(Visit visit) {
  for (int opcode = 0; opcode < 256; ++opcode)
    for (int dst : {0, 1, 9, 10, 11, 15})
      for (int src = 0; src < 16; ++src)
        for (int offset : kOffsets)
          for (std::int32_t imm : kImms) visit(raw_of(opcode, dst, src, offset, imm));
}

TEST(Decode, EncodeGivesEverySlotBack) {
  std::vector<RawInsn> all;
  for_all_raw([&](const RawInsn& raw) { all.push_back(raw); });
  const Insns insns = decode(all);
  ASSERT_EQ(insns.size(), all.size());
  EXPECT_EQ(encode(insns), all);
}

TEST(Decode, EveryPairOfSlotsComesBack) {
  const std::array firsts = {raw_of(0x18, 1, 0, 0, 5),  raw_of(0x18, 1, 1, 0, 5), raw_of(0x18, 1, 7, 0, 5),
                             raw_of(0x18, 11, 0, 0, 5), raw_of(0x18, 1, 0, 1, 5), raw_of(0, 0, 0, 0, 0)};
  for (const RawInsn& first : firsts)
    for (int opcode : {0x00, 0x18, 0x95, 0xff})
      for (int dst : {0, 1})
        for (int src : {0, 1})
          for (int offset : {0, 1})
            for (std::int32_t imm : {0, 1}) {
              const std::vector<RawInsn> raw{first, raw_of(opcode, dst, src, offset, imm), raw_of(0x95, 0, 0, 0, 0)};
              EXPECT_EQ(encode(decode(raw)), raw);
            }
}

/// A legal slot, the fields that may hold other values than here, and the text of none of it.
struct Legal {
  std::string name;
  int opcode = 0;
  std::int32_t imm = 0;
  int offset = 0;
  std::string unused;  ///< Letters of the fields that must be zero: d(st) s(rc) o(ffset) i(mm).
  std::int32_t next_opcode = -1;
};
const std::vector<Legal> kLegal = {
    {"add_imm", 0x07, 5, 0, "so"},       {"add_reg", 0x0f, 0, 0, "oi"},   {"add32_imm", 0x04, 5, 0, "so"},
    {"sdiv_reg", 0x3f, 0, 1, "i"},       {"smod32_imm", 0x94, 3, 1, "s"}, {"neg", 0x87, 0, 0, "soi"},
    {"movsx8", 0xbf, 0, 8, "i"},         {"movsx32", 0xbf, 0, 32, "i"},   {"movsx16_32", 0xbc, 0, 16, "i"},
    {"le16", 0xd4, 16, 0, "so"},         {"be64", 0xdc, 64, 0, "so"},     {"bswap32", 0xd7, 32, 0, "so"},
    {"ldxw", 0x61, 0, 4, "i"},           {"ldxsb", 0x91, 0, 4, "i"},      {"stw", 0x62, 7, 4, "s"},
    {"stxdw", 0x7b, 0, 4, "i"},          {"jeq_imm", 0x15, 7, 4, "s"},    {"jeq32_reg", 0x1e, 0, 4, "i"},
    {"ja", 0x05, 0, 4, "dsi"},           {"gotol", 0x06, 4, 0, "dso"},    {"may_goto", 0xe5, 0, 4, "dsi"},
    {"call", 0x85, 4, 0, "do"},          {"exit", 0x95, 0, 0, "dsoi"},    {"ldabsw", 0x20, 4, 0, "dso"},
    {"ldindb", 0x50, 4, 0, "do"},        {"atomic_add", 0xdb, 0, 4, ""},  {"load_acquire8", 0xd3, 0x100, 4, ""},
    {"addr_space_cast", 0xbf, 1, 1, ""},
};
class Reserved : public testing::TestWithParam<Legal> {};

TEST_P(Reserved, FieldIsNamedWhenItIsNotZero) {
  const Legal& legal = GetParam();
  const auto decode_one = [](const RawInsn& raw) { return decode(std::array{raw}).front(); };
  const RawInsn good = raw_of(legal.opcode, 0, 0, legal.offset, legal.imm);
  EXPECT_FALSE(std::holds_alternative<Illegal>(decode_one(good)));
  const struct {
    char letter;
    Field field;
    RawInsn bad;
  } fields[] = {
      {'d', Field::kDst, raw_of(legal.opcode, 1, 0, legal.offset, legal.imm)},
      {'s', Field::kSrc, raw_of(legal.opcode, 0, 1, legal.offset, legal.imm)},
      {'o', Field::kOffset, raw_of(legal.opcode, 0, 0, 2, legal.imm)},
      {'i', Field::kImm, raw_of(legal.opcode, 0, 0, legal.offset, 77)},
  };
  for (const auto& row : fields) {
    if (legal.unused.find(row.letter) == std::string::npos) continue;
    EXPECT_EQ(decode_one(row.bad), Insn(Illegal{row.bad, row.field})) << row.letter;
  }
}
INSTANTIATE_TEST_SUITE_P(Table, Reserved, testing::ValuesIn(kLegal),
                         [](const auto& param) { return param.param.name; });

struct Faulty {
  std::string name;
  RawInsn raw;
  Field field{};
};
const std::vector<Faulty> kFaulty = {
    {"zero_opcode", raw_of(0, 0, 0, 0, 0), Field::kOpcode},
    {"callx", raw_of(0x8d, 0, 0, 0, 0), Field::kOpcode},
    {"exit32", raw_of(0x96, 0, 0, 0, 0), Field::kOpcode},
    {"ja_reg", raw_of(0x0d, 0, 0, 0, 0), Field::kOpcode},
    {"neg_reg", raw_of(0x8f, 0, 0, 0, 0), Field::kOpcode},
    {"bswap_reg", raw_of(0xdf, 0, 0, 0, 16), Field::kOpcode},
    {"alu_code_e", raw_of(0xe7, 0, 0, 0, 0), Field::kOpcode},
    {"ldx_signed_dw", raw_of(0x99, 0, 0, 0, 0), Field::kOpcode},
    {"ldabs_dw", raw_of(0x38, 0, 0, 0, 0), Field::kOpcode},
    {"atomic8_add", raw_of(0xd3, 0, 0, 0, 0), Field::kOpcode},
    {"dst_11", raw_of(0xb7, 11, 0, 0, 0), Field::kDst},
    {"src_11", raw_of(0xbf, 0, 11, 0, 0), Field::kSrc},
    {"movsx_imm", raw_of(0xb7, 0, 0, 8, 0), Field::kOffset},
    {"movsx32_in_32", raw_of(0xbc, 0, 0, 32, 0), Field::kOffset},
    {"swap_8_bits", raw_of(0xd4, 0, 0, 0, 8), Field::kImm},
    {"unknown_atomic", raw_of(0xdb, 0, 0, 0, 0x20), Field::kImm},
    {"call_kind_3", raw_of(0x85, 0, 3, 0, 0), Field::kSrc},
    {"imm64_kind_7", raw_of(0x18, 0, 7, 0, 0), Field::kSrc},
};
class IllegalSlot : public testing::TestWithParam<Faulty> {};
TEST_P(IllegalSlot, NamesTheField) {
  const Faulty& faulty = GetParam();
  EXPECT_EQ(decode(std::array{faulty.raw}).front(), Insn(Illegal{faulty.raw, faulty.field}));
}
INSTANTIATE_TEST_SUITE_P(Table, IllegalSlot, testing::ValuesIn(kFaulty),
                         [](const auto& param) { return param.param.name; });

/// The number of legal opcode bytes follows from the tables: a typing error in either shows here.
TEST(Decode, LegalOpcodeBytesAreThoseOfTheTables) {
  std::set<int> legal;
  for_all_raw([&](const RawInsn& raw) {
    if (!std::holds_alternative<Illegal>(decode(std::array{raw}).front())) legal.insert(raw.opcode);
  });
  std::size_t want = 0;
  std::set<int> alu_codes;
  for (const AluInfo& row : kAluTable)
    if (alu_codes.insert(row.code).second) want += row.forms == Forms::Unary ? 2 : 4;
  want += 3;                                              // byte swaps: to little, to big, swap
  want += kJmpTable.size() * 4;                           // register and immediate, 64 and 32 bits
  want += 5;                                              // ja, gotol, may_goto, call, exit
  want += kSizeTable.size() * 3 + kSizeTable.size() - 1;  // ldx, st, stx, sign-extending ldx
  want += kSizeTable.size();                              // atomic: all sizes, for load-acquire
  want += 1 + 3 + 3;                                      // 16-byte load, packet loads
  EXPECT_EQ(legal.size(), want);
}

TEST(Imm64, TakesItsHighWordFromTheSecondSlot) {
  const std::vector<RawInsn> raw{raw_of(0x18, 3, 0, 0, 0x55667788), raw_of(0, 0, 0, 0, 0x11223344)};
  const Insns insns = decode(raw);
  ASSERT_TRUE(std::holds_alternative<LoadImm64>(insns[0]));
  EXPECT_EQ(std::get<LoadImm64>(insns[0]).constant(), 0x1122334455667788u);
  EXPECT_EQ(insns[1], Insn(Continuation{}));
  EXPECT_TRUE(check_encoding(insns));
}

struct Malformed {
  std::string name;
  std::vector<RawInsn> raw;
  std::string message;
};
const std::vector<Malformed> kMalformed = {
    {"illegal", {raw_of(0x95, 0, 0, 0, 0), raw_of(0x95, 0, 0, 7, 0)}, "slot 1 (opcode 0x95): offset field is 7"},
    {"no_second_slot", {raw_of(0x18, 0, 0, 0, 0)}, "slot 0: 16-byte load without its second slot"},
    {"second_slot_is_exit", {raw_of(0x18, 0, 0, 0, 0), raw_of(0x95, 0, 0, 0, 0)}, "slot 0: 16-byte load without"},
    {"second_slot_src", {raw_of(0x18, 0, 0, 0, 0), raw_of(0, 0, 1, 0, 0)}, "slot 1 (opcode 0x0): src field is 1"},
    {"map_with_high_word", {raw_of(0x18, 0, 1, 0, 0), raw_of(0, 0, 0, 0, 1)}, "slot 1 (opcode 0x0): imm field is 0x1"},
    {"unknown_opcode", {raw_of(0xff, 0, 0, 0, 0)}, "slot 0 (opcode 0xff): no such instruction"},
};
class CheckEncoding : public testing::TestWithParam<Malformed> {};
TEST_P(CheckEncoding, NamesSlotAndField) {
  const Status status = check_encoding(decode(GetParam().raw));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, testing::StartsWith(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(Table, CheckEncoding, testing::ValuesIn(kMalformed),
                         [](const auto& param) { return param.param.name; });

TEST(Bytes, ThereAndBack) {
  const std::vector<RawInsn> raw{raw_of(0xb7, 1, 0, 0, 0x01020304), raw_of(0x95, 0, 0, 0, 0)};
  const std::vector<std::byte> bytes = to_bytes(raw);
  ASSERT_EQ(bytes.size(), 16u);
  EXPECT_EQ(bytes[0], std::byte{0xb7});
  EXPECT_EQ(bytes[1], std::byte{0x01});
  EXPECT_EQ(bytes[4], std::byte{0x04});
  EXPECT_EQ(raw_from_bytes(bytes).value(), raw);
  EXPECT_EQ(raw_from_bytes(std::span(bytes).first(9)).error().code, Errc::kTruncated);
}

}  // namespace
}  // namespace skep::isa
