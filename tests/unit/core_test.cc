// SPDX-License-Identifier: Apache-2.0
// CO-RE and external symbols, against types, configuration and symbols of a pretended kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "btf/core.h"
#include "skep/btf.h"
#include "skep/isa.h"
#include "skep/object.h"

namespace skep {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Object load(const std::string& name, const ObjectOptions& options = {}) {
  std::ifstream file(std::string(SKEP_TEST_OBJECTS) + "/" + name + ".bpf.o", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  auto object = Object::from_elf(bytes, options);
  EXPECT_TRUE(object) << object.error().message;
  return object ? *std::move(object) : Object();
}
const Object& kinds() {
  static const Object object = load("core_kinds", {.name = "core_kinds", .target_btf = load("core_target").btf()});
  return object;
}
const Program& program(const std::string& name) {
  static const Program none;
  const Program* found = kinds().find_program(name);
  EXPECT_NE(found, nullptr) << name;
  return found == nullptr ? none : *found;
}
std::string text(const Program& program) {
  std::string all;
  for (isa::InsnIndex at = 0; at < program.insns.size(); ++at) {
    const std::string line = isa::print(program.insns, at, isa::Syntax::kC);
    if (!line.empty()) all += line + "; ";
  }
  return all;
}

struct Row {
  const char* program;
  const char* text;
};
class CoreKinds : public ::testing::TestWithParam<Row> {};
TEST_P(CoreKinds, HoldsWhatTheTargetSays) {
  const Program& found = program(GetParam().program);
  EXPECT_THAT(found.unsupported, IsEmpty());
  EXPECT_THAT(text(found), HasSubstr(GetParam().text));
}
INSTANTIATE_TEST_SUITE_P(
    Programs, CoreKinds,
    ::testing::Values(Row{"offset_in_anonymous", "= 8"}, Row{"offset_in_array", "= 40"}, Row{"size_of_field", "= 8"},
                      Row{"field_exists", "= 1"}, Row{"field_gone", "= 0"}, Row{"field_is_signed", "= 1"},
                      Row{"bitfield_left", "= 55"}, Row{"bitfield_right", "= 58"}, Row{"type_exists", "= 1"},
                      Row{"type_gone", "= 0"}, Row{"type_size", "= 72"}, Row{"type_id_gone", "= 0"},
                      Row{"value", "= 41"}, Row{"value_exists", "= 1"}, Row{"value_gone", "= 0"},
                      Row{"load_widened", "*(u64 *)(r1 + 16)"}, Row{"load_resized_signed", "call 195896080"},
                      Row{"load_gone", "call 195896080"}, Row{"load_behind_check", "call 195896080"}),
    [](const auto& row) { return std::string(row.param.program); });

TEST(Core, CandidatesThatDifferAreSaidToBeAmbiguous) {
  EXPECT_THAT(program("ambiguous").unsupported, HasSubstr("both fit and differ"));
}
TEST(Core, WithoutATargetTheReasonSaysWhatToGive) {
  const Object object = load("core_kinds");
  EXPECT_THAT(object.find_program("load_widened")->unsupported, HasSubstr("--btf"));
}
TEST(Core, FlavoursShareAName) {
  EXPECT_EQ(core::essential_name("task_struct___old"), "task_struct");
  EXPECT_EQ(core::essential_name("a___b___c"), "a___b");
  EXPECT_EQ(core::essential_name("___x"), "___x");
  EXPECT_EQ(core::essential_name("x____y"), "x____y");
  EXPECT_EQ(core::essential_name("x___"), "x___");
  EXPECT_EQ(core::essential_name(""), "");
}

TEST(Externs, VersionAndSymbolsOfTheTarget) {
  const auto symbols =
      std::make_shared<const std::string>("ffffffff81000000 T other\nffffffff82001000 D bpf_prog_active\n");
  const Object object = load("externs", {.name = "externs",
                                         .target_btf = load("core_target").btf(),
                                         .target_symbols = symbols,
                                         .target_version = 0x061205});
  const Program& version = *object.find_program("needs_kconfig");
  EXPECT_THAT(version.unsupported, IsEmpty());
  ASSERT_EQ(version.maps.size(), 1u);
  EXPECT_EQ(version.maps[0]->section, ".kconfig");
  EXPECT_TRUE(version.maps[0]->frozen);
  std::uint32_t held = 0;
  ASSERT_EQ(version.maps[0]->initial.size(), sizeof(held));
  std::memcpy(&held, version.maps[0]->initial.data(), sizeof(held));
  EXPECT_EQ(held, 0x061205u);
  EXPECT_THAT(object.find_program("needs_kfunc")->unsupported, HasSubstr("which the kernel does not have"));
  EXPECT_THAT(object.find_program("needs_nothing")->unsupported, IsEmpty());
}

TEST(Arena, VariablesLieInTheArena) {
  const Object object = load("arena");
  const Program& program = *object.find_program("load_second");
  EXPECT_THAT(program.unsupported, IsEmpty());
  ASSERT_EQ(program.maps.size(), 1u);
  EXPECT_EQ(program.maps[0]->name, "arena");
  const auto* address = std::get_if<isa::LoadImm64>(&program.insns[0]);
  ASSERT_NE(address, nullptr);
  EXPECT_EQ(address->kind, isa::Imm64Kind::kMapValueIndex);
  EXPECT_EQ(address->high, 8);
}

}  // namespace
}  // namespace skep
