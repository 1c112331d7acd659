// SPDX-License-Identifier: Apache-2.0
// .BTF and .BTF.ext built word by word: what is read, what is printed, and what every malformation is answered with.
#include "skep/btf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "btf/btf_ext.h"

namespace skep {
namespace {

using ::testing::HasSubstr;
using Words = std::vector<std::uint32_t>;

// Kinds of struct btf_type's info word.
enum : std::uint32_t {
  kInt = 1u << 24,
  kPointer = 2u << 24,
  kArray = 3u << 24,
  kStruct = 4u << 24,
  kUnion = 5u << 24,
  kEnum = 6u << 24,
  kForward = 7u << 24,
  kTypedef = 8u << 24,
  kConst = 10u << 24,
  kFunc = 12u << 24,
  kFuncProto = 13u << 24,
  kVar = 14u << 24,
  kDataSec = 15u << 24,
  kFloat = 16u << 24,
  kDeclTag = 17u << 24,
  kTypeTag = 18u << 24,
  kEnum64 = 19u << 24,
  kFlag = 1u << 31,
};

/// Strings of all tests: offsets are found by text.
constexpr char kText[] =
    "\0int\0char\0flow\0count\0name\0mode\0low\0high\0FAST\0SLOW\0u64\0f\0x\0.data\0_Bool\0double\0a.c\0return;\0xdp";
constexpr std::string_view kStrings{kText, sizeof(kText)};
std::uint32_t text(const char* wanted) {
  const std::string needle = std::string(1, '\0') + wanted + '\0';
  return static_cast<std::uint32_t>(kStrings.find(needle) + 1);
}

std::vector<std::byte> bytes_of(const Words& words) {
  std::vector<std::byte> bytes(words.size() * 4);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}
void append(std::vector<std::byte>& bytes, std::string_view letters) {
  for (const char c : letters) bytes.push_back(static_cast<std::byte>(c));
}
std::vector<std::byte> section(const Words& types, std::string_view strings = kStrings) {
  const auto size = static_cast<std::uint32_t>(types.size() * 4);
  Words words = {0x0001eb9f, 24, 0, size, size, static_cast<std::uint32_t>(strings.size())};
  words.insert(words.end(), types.begin(), types.end());
  std::vector<std::byte> bytes = bytes_of(words);
  append(bytes, strings);
  return bytes;
}
Words concat(std::initializer_list<Words> parts) {
  Words all;
  for (const Words& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Words int32() { return {text("int"), kInt, 4, 0x01000020}; }
Words char8() { return {text("char"), kInt, 1, 0x01000008}; }

TEST(Btf, EveryKind) {
  const Words types = concat({
      int32(),                                                                                         // 1
      char8(),                                                                                         // 2
      {0, kPointer, 2},                                                                                // 3 char *
      {0, kArray, 0, 2, 1, 8},                                                                         // 4 char[8]
      {text("mode"), kEnum | 2, 4, text("FAST"), 2, text("SLOW"), 3},                                  // 5
      {text("flow"), kStruct | 3, 16, text("count"), 1, 0, text("name"), 4, 32, text("mode"), 5, 96},  // 6
      {text("u64"), kTypedef, 1},                                                                      // 7
      {0, kConst, 7},                                                                                  // 8
      {0, kFuncProto | 2, 1, text("x"), 3, 0, 0},                                                      // 9
      {text("f"), kFunc | 1, 9},                                                                       // 10
      {text("x"), kVar, 6, 1},                                                                         // 11
      {text(".data"), kDataSec | 1, 16, 11, 0, 16},                                                    // 12
      {text("double"), kFloat, 8},                                                                     // 13
      {text("name"), kDeclTag, 6, 1},                                                                  // 14
      {text("name"), kTypeTag, 1},                                                                     // 15
      {text("mode"), kEnum64 | kFlag | 1, 8, text("FAST"), 0xffffffff, 0xffffffff},                    // 16
      {text("high"), kForward | kFlag, 0},                                                             // 17
      {0, kUnion | 2, 4, text("low"), 1, 0, text("high"), 2, 0},                                       // 18
  });
  const auto parsed = Btf::parse(section(types));
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Btf& btf = *parsed;
  EXPECT_EQ(btf.size(), 19u);
  EXPECT_EQ(btf.find_by_name<btf::Composite>("flow"), 6u);
  EXPECT_EQ(btf.find_by_name<btf::Func>("flow"), 0u);
  EXPECT_EQ(btf.resolve(8), 1u);
  EXPECT_EQ(btf.resolve(15), 1u);
  EXPECT_EQ(*btf.size_of(4), 8u);
  EXPECT_EQ(*btf.size_of(8), 4u);
  EXPECT_EQ(*btf.size_of(12), 16u);
  EXPECT_FALSE(btf.size_of(10));
  EXPECT_FALSE(btf.size_of(17));
  EXPECT_FALSE(btf.size_of(99));
  EXPECT_EQ(std::get<btf::Enum>(btf.type(16)).values[0].value, ~std::uint64_t{0});
  EXPECT_EQ(print_declaration(btf, 3, "s"), "char *s");
  EXPECT_EQ(print_declaration(btf, 4, "s"), "char s[8]");
  EXPECT_EQ(print_declaration(btf, 8, "n"), "const u64 n");
  EXPECT_EQ(print_declaration(btf, 0, ""), "void");
  EXPECT_EQ(print_definition(btf, 10), "int f(char *x, ...);");
  EXPECT_EQ(print_definition(btf, 5), "enum mode { FAST = 2, SLOW = 3 };");
  EXPECT_EQ(print_definition(btf, 16), "enum mode { FAST = -1 };");
  EXPECT_EQ(print_definition(btf, 17), "union high");
  EXPECT_EQ(print_definition(btf, 7), "typedef int u64;");
  EXPECT_EQ(print_definition(btf, 6),
            "struct flow {\n    int count;  /* 0 */\n    char name[8];  /* 4 */\n    enum mode mode;  /* 12 */\n};");

  // And back: the same types under the same ids.
  const std::vector<std::byte> encoded = btf.encode(Btf::EncodeFor::kFile);
  const auto again = Btf::parse(encoded);
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), btf.size());
  for (TypeId id = 0; id < btf.size(); ++id) {
    EXPECT_EQ(again->type(id).index(), btf.type(id).index()) << id;
    EXPECT_EQ(print_definition(*again, id), print_definition(btf, id)) << id;
  }
  EXPECT_EQ(again->encode(Btf::EncodeFor::kFile), encoded);
}

// Pointers in a circle that no name breaks: legal, and declarations of it end.
TEST(Btf, PointersInACircle) {
  const auto btf = Btf::parse(section({0, kPointer, 2, 0, kPointer, 1}));
  ASSERT_TRUE(btf) << btf.error().message;
  EXPECT_THAT(print_declaration(*btf, 1, "p"), HasSubstr("..."));
}

// Each union holds ten of the one before: 10^20 values in four bytes.
TEST(Btf, UnionsOfUnionsEnd) {
  Words types = int32();
  for (std::uint32_t id = 1; id <= 20; ++id) {
    types = concat({types, {0, kUnion | 10, 4}});
    for (int member = 0; member < 10; ++member) types = concat({types, {text("x") * (id % 2), id, 0}});
  }
  const auto btf = Btf::parse(section(types));
  ASSERT_TRUE(btf) << btf.error().message;
  EXPECT_LT(print_definition(*btf, 21).size(), 4'000'000u);
  const std::vector<std::byte> value(4);
  const auto printed = print_value(*btf, 21, value, ValueFormat::kText);
  ASSERT_FALSE(printed);
  EXPECT_EQ(printed.error().code, Errc::kLimit);
}

struct ValueCase {
  const char* name;
  Words types;  // The value has the last one... whose id is `type`.
  TypeId type;
  std::vector<std::uint8_t> bytes;
  std::string text, json;
};
class BtfValue : public ::testing::TestWithParam<ValueCase> {};
TEST_P(BtfValue, Prints) {
  const ValueCase& c = GetParam();
  const auto btf = Btf::parse(section(c.types));
  ASSERT_TRUE(btf) << btf.error().message;
  const auto bytes = std::as_bytes(std::span(c.bytes));
  EXPECT_EQ(*print_value(*btf, c.type, bytes, ValueFormat::kText), c.text);
  EXPECT_EQ(*print_value(*btf, c.type, bytes, ValueFormat::kJson), c.json);
  if (c.type != 0 && !bytes.empty()) {
    EXPECT_FALSE(print_value(*btf, c.type, bytes.first(bytes.size() - 1), ValueFormat::kText));
  }
}
INSTANTIATE_TEST_SUITE_P(
    Values, BtfValue,
    ::testing::Values(
        ValueCase{"untyped", {}, 0, {1, 0xab}, "01 ab", "\"01ab\""},
        ValueCase{"negative", int32(), 1, {0xfe, 0xff, 0xff, 0xff}, "-2", "-2"},
        ValueCase{"pointer",
                  {0, kPointer, 0},
                  1,
                  {0x10, 0, 0, 0, 0, 0, 0, 0x80},
                  "0x8000000000000010",
                  "\"0x8000000000000010\""},
        ValueCase{"text", concat({char8(), {0, kArray, 0, 1, 1, 4}}), 2, {'a', '"', 0, 0}, R"("a\"")", R"("a\"")"},
        ValueCase{"bytes_after_nul",
                  concat({char8(), {0, kArray, 0, 1, 1, 3}}),
                  2,
                  {'a', 0, 'b'},
                  "{97, 0, 98}",
                  "[97, 0, 98]"},
        ValueCase{"latin", concat({char8(), {0, kArray, 0, 1, 1, 2}}), 2, {0xe9, 0}, R"("\xe9")", R"("\u00e9")"},
        ValueCase{"bool", {text("_Bool"), kInt, 1, 0x04000008}, 1, {1}, "true", "true"},
        ValueCase{"double", {text("double"), kFloat, 8}, 1, {0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, "1.5", "1.5"},
        ValueCase{"not_a_number", {text("double"), kFloat, 8}, 1, {0, 0, 0, 0, 0, 0, 0xf8, 0x7f}, "nan", "null"},
        ValueCase{"enumerator", {text("mode"), kEnum | 1, 4, text("FAST"), 2}, 1, {2, 0, 0, 0}, "FAST (2)", "\"FAST\""},
        ValueCase{"no_enumerator", {text("mode"), kEnum | 1, 4, text("FAST"), 2}, 1, {9, 0, 0, 0}, "9", "9"},
        ValueCase{
            "bitfields",
            concat({int32(), {0, kStruct | kFlag | 2, 4, text("low"), 1, 3u << 24, text("high"), 1, 7u << 24 | 3}}),
            2,
            {0xfd, 0x03, 0, 0},
            "{.low = -3, .high = -1}",
            R"({"low": -3, "high": -1})"},
        ValueCase{"anonymous_union",
                  concat({int32(), {0, kUnion | 1, 4, text("low"), 1, 0}, {0, kStruct | 1, 4, 0, 2, 0}}),
                  3,
                  {5, 0, 0, 0},
                  "{.low = 5}",
                  R"({"low": 5})"},
        ValueCase{"array_of_nothing", {0, kStruct, 0, 0, kArray, 0, 1, 1, 0xffffffff}, 2, {}, "{}", "[]"}),
    [](const auto& row) { return row.param.name; });

struct BadCase {
  const char* name;
  std::vector<std::byte> bytes;
  Errc code;
  const char* message;
};
class BtfMalformed : public ::testing::TestWithParam<BadCase> {};
TEST_P(BtfMalformed, IsAnError) {
  const auto btf = Btf::parse(GetParam().bytes);
  ASSERT_FALSE(btf);
  EXPECT_THAT(btf.error().message, HasSubstr(GetParam().message));
  EXPECT_EQ(btf.error().code, GetParam().code);
}
Words nested(std::uint32_t depth) {
  Words types = int32();
  for (std::uint32_t i = 1; i <= depth; ++i) types = concat({types, {0, kArray, 0, i, 1, 1}});
  return types;
}
std::vector<std::byte> header(const Words& words) { return bytes_of(words); }
INSTANTIATE_TEST_SUITE_P(
    Cases, BtfMalformed,
    ::testing::Values(
        BadCase{"empty", {}, Errc::kTruncated, "a header of 24 expected"},
        BadCase{"magic", header({0x00011234, 24, 0, 0, 0, 0}), Errc::kMalformed, "offset 0: magic 4660"},
        BadCase{"big_endian", header({0x01009feb, 24, 0, 0, 0, 0}), Errc::kUnsupported, "big-endian"},
        BadCase{"version", header({0x0002eb9f, 24, 0, 0, 0, 0}), Errc::kUnsupported, "version 2"},
        BadCase{"header_size", header({0x0001eb9f, 0xffffffff, 0, 0, 0, 0}), Errc::kMalformed,
                "header size 4294967295"},
        BadCase{"types_outside", header({0x0001eb9f, 24, 0xfffffffc, 8, 0, 0}), Errc::kMalformed,
                "types at 4294967292"},
        BadCase{"strings_outside", header({0x0001eb9f, 24, 0, 0, 8, 0xffffffff}), Errc::kMalformed, "strings at 8"},
        BadCase{"overlap", header({0x0001eb9f, 24, 0, 8, 4, 4, 0, 0}), Errc::kMalformed, "overlap"},
        BadCase{"no_nul", section({}, std::string_view("\0ab", 3)), Errc::kMalformed, "begin and end with a NUL"},
        BadCase{"kind_0", section({0, 0, 0}), Errc::kMalformed, "kind 0"},
        BadCase{"kind_20", section({0, 20u << 24, 0}), Errc::kMalformed, "kind 20, expected 1 to 19"},
        BadCase{"short_record", section({0, kPointer}), Errc::kTruncated,
                "offset 24, type 1: 12 bytes expected, 8 left"},
        BadCase{"huge_count", section({0, kStruct | 0xffff, 4, 0, 0, 0}), Errc::kTruncated,
                "12 bytes expected, 0 left"},
        BadCase{"name_outside", section({5000, kPointer, 0}), Errc::kMalformed, "string offset 5000"},
        BadCase{"reference_outside", section({0, kPointer, 7}), Errc::kMalformed,
                "refers to type 7, expected less than 2"},
        BadCase{"typedef_of_itself", section({text("x"), kTypedef, 1}), Errc::kMalformed, "contains itself"},
        BadCase{"typedefs_in_a_circle", section({text("x"), kTypedef, 2, 0, kConst, 1}), Errc::kMalformed,
                "contains itself"},
        BadCase{"structure_in_itself", section({text("flow"), kStruct | 1, 4, 0, 1, 0}), Errc::kMalformed,
                "contains itself"},
        BadCase{"array_of_itself", section({0, kArray, 0, 1, 1, 2}), Errc::kMalformed, "contains itself"},
        BadCase{"too_deep", section(nested(65)), Errc::kLimit, "nests more than 64"},
        BadCase{"absurd_array", section(concat({int32(), {0, kArray, 0, 1, 1, 0xffffffff}})), Errc::kLimit,
                "17179869180 bytes"},
        BadCase{"member_outside", section(concat({int32(), {0, kStruct | 1, 4, text("x"), 1, 8}})), Errc::kMalformed,
                "ends at bit 40 of 32"},
        BadCase{"int_of_3_bytes", section({text("int"), kInt, 3, 24}), Errc::kMalformed, "of 3 bytes"},
        BadCase{"int_without_bits", section({text("int"), kInt, 4, 0}), Errc::kMalformed, "bits 0 to 0 of 32"},
        BadCase{"enum_of_16_bytes", section({text("mode"), kEnum, 16}), Errc::kMalformed, "of 16 bytes"},
        BadCase{"function_of_no_prototype", section({text("f"), kFunc, 0}), Errc::kMalformed, "is no prototype"},
        BadCase{"function_linkage", section({text("f"), kFunc | 3, 0}), Errc::kMalformed, "linkage 3"},
        BadCase{"section_of_types", section(concat({int32(), {text(".data"), kDataSec | 1, 4, 1, 0, 4}})),
                Errc::kMalformed, "neither variable nor function"}),
    [](const auto& row) { return row.param.name; });

TEST(Btf, EveryTruncationIsAnErrorOrWhole) {
  const std::vector<std::byte> whole = section(concat({int32(), {text("flow"), kStruct | 1, 4, text("x"), 1, 0}}));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(Btf::parse(std::span(whole).first(size))) << size;
  EXPECT_TRUE(Btf::parse(whole));
}

// .BTF.ext: header of 32 bytes, then func info, line info, CO-RE.
Words extension(const Words& functions, const Words& lines, const Words& core) {
  const auto size = [](const Words& w) { return static_cast<std::uint32_t>(w.size() * 4); };
  return concat(
      {{0x0001eb9f, 32, 0, size(functions), size(functions), size(lines), size(functions) + size(lines), size(core)},
       functions,
       lines,
       core});
}
Btf function_types() { return *Btf::parse(section(concat({int32(), {0, kFuncProto, 1}, {text("f"), kFunc, 2}}))); }
TEST(BtfExt, Reads) {
  const Btf btf = function_types();
  const auto ext = parse_btf_ext(bytes_of(extension({8, text("xdp"), 1, 16, 3},
                                                    {16, text("xdp"), 1, 24, text("a.c"), text("return;"), 7 << 10 | 5},
                                                    {16, text("xdp"), 1, 32, 1, text("x"), 2})),
                                 btf);
  ASSERT_TRUE(ext) << ext.error().message;
  EXPECT_EQ(ext->functions.at(0).records.at(0).offset, 16u);
  EXPECT_EQ(ext->functions[0].records[0].type, 3u);
  const LineRecord& line = ext->lines.at(0).records.at(0);
  EXPECT_EQ(ext->lines[0].section, "xdp");
  EXPECT_EQ(line.text, "return;");
  EXPECT_EQ(line.line, 7u);
  EXPECT_EQ(line.column, 5u);
  EXPECT_EQ(core_kind_name(ext->core.at(0).records.at(0).kind), "field_exists");
}
TEST(BtfExt, Malformed) {
  const Btf btf = function_types();
  const auto message = [&](const Words& words) {
    const auto ext = parse_btf_ext(bytes_of(words), btf);
    return ext ? std::string("accepted") : ext.error().message;
  };
  EXPECT_THAT(message({1}), HasSubstr("a header of 24 expected"));
  EXPECT_THAT(message({0x0001eb9f, 24, 4, 8, 0, 0}), HasSubstr("function info at 4 of size 8"));
  EXPECT_THAT(message(extension({4, 0, 1, 0, 3}, {}, {})), HasSubstr("records of 4 bytes"));
  EXPECT_THAT(message(extension({8, 0, 0xffffffff, 0, 3}, {}, {})), HasSubstr("4294967295 function info records"));
  EXPECT_THAT(message(extension({8, 0, 0}, {}, {})), HasSubstr("has no function info record"));
  EXPECT_THAT(message(extension({8, 9999, 1, 0, 3}, {}, {})), HasSubstr("string offset 9999"));
  EXPECT_THAT(message(extension({8, 0, 1, 0, 1}, {}, {})), HasSubstr("type 1 is no function"));
  EXPECT_THAT(message(extension({}, {}, {16, 0, 1, 0, 77, 0, 0})), HasSubstr("type 77, expected less than 4"));
  EXPECT_THAT(message(extension({8, 0}, {}, {})), HasSubstr("section header of 8 bytes expected, 4 left"));
}

}  // namespace
}  // namespace skep
