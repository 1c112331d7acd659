// SPDX-License-Identifier: Apache-2.0
// Objects that clang made of tests/unit/objects/*.c, whole and damaged.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include "loader/sections.h"
#include "skep/btf.h"
#include "skep/object.h"

namespace skep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::byte> read(const std::string& name) {
  std::ifstream file(std::string(SKEP_TEST_OBJECTS) + "/" + name + ".bpf.o", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}
Result<Object> load_bytes(std::span<const std::byte> bytes, const std::string& name = "test.bpf.o") {
  return Object::from_elf(bytes, {.name = name, .default_type = ProgramType::kUnspec});
}
Object load(const std::string& name) {
  auto object = load_bytes(read(name), name + ".bpf.o");
  EXPECT_TRUE(object) << (object ? "" : object.error().message);
  return object ? *object : Object{};
}
std::vector<std::string> function_names(const Program& program) {
  std::vector<std::string> names;
  for (const FunctionInfo& function : program.functions) names.push_back(function.name);
  return names;
}
const MapSpec* find_map(const Object& object, std::string_view name) {
  for (const auto& map : object.maps())
    if (map->name == name) return map.get();
  return nullptr;
}

TEST(Loader, AppendsTheSubprogramsThatAreReached) {
  const Object object = load("subprograms");
  EXPECT_EQ(object.license(), "GPL");
  ASSERT_EQ(object.programs().size(), 4u);
  const Program& first = *object.find_program("first");
  EXPECT_THAT(function_names(first), ElementsAre("first", "middle", "leaf", "global_one"));
  EXPECT_TRUE(first.functions[0].global);
  EXPECT_FALSE(first.functions[1].global);
  EXPECT_THAT(function_names(*object.find_program("second")),
              ElementsAre("second", "global_one", "recursive_user", "middle", "leaf"));
  EXPECT_THAT(function_names(*object.find_program("tc")), ElementsAre("third", "leaf"));
  EXPECT_EQ(object.find_program("xdp"), nullptr) << "three programs are in that section";
}

TEST(Loader, CallsLeadToTheFunctionsTheyNamed) {
  const Object object = load("subprograms");
  for (const Program& program : object.programs()) {
    EXPECT_THAT(program.unsupported, IsEmpty());
    for (std::size_t i = 0; i < program.insns.size(); ++i)
      if (const auto* call = std::get_if<isa::Call>(&program.insns[i]); call && call->kind == isa::CallKind::kLocal) {
        const auto target = static_cast<std::int64_t>(i) + 1 + call->imm;
        const bool begins = std::any_of(program.functions.begin(), program.functions.end(),
                                        [&](const FunctionInfo& f) { return std::int64_t{f.first} == target; });
        EXPECT_TRUE(begins) << program.name << " at " << i;
      }
  }
}

TEST(Loader, LinesAndTypesFollowTheFunctions) {
  const Object object = load("subprograms");
  const Program& program = *object.find_program("first");
  for (const FunctionInfo& function : program.functions) {
    EXPECT_EQ(program.btf->name(function.btf_type_id), function.name);
    const auto line = std::find_if(program.lines.begin(), program.lines.end(),
                                   [&](const LineInfo& l) { return l.first == function.first; });
    ASSERT_NE(line, program.lines.end()) << function.name;
    EXPECT_THAT(line->text, HasSubstr(function.name + "("));
    EXPECT_THAT(line->file, HasSubstr("subprograms.bpf.c"));
  }
  EXPECT_TRUE(std::is_sorted(program.lines.begin(), program.lines.end(),
                             [](const LineInfo& a, const LineInfo& b) { return a.first < b.first; }));
}

TEST(Loader, AddressesOfFunctions) {
  const Program program = *load("callbacks").find_program("loops");
  EXPECT_THAT(function_names(program), ElementsAre("loops", "count", "sum"));
  std::vector<std::string> targets;
  for (std::size_t i = 0; i < program.insns.size(); ++i)
    if (const auto* load = std::get_if<isa::LoadImm64>(&program.insns[i]);
        load && load->kind == isa::Imm64Kind::kFunction)
      for (const FunctionInfo& function : program.functions)
        if (std::int64_t{function.first} == static_cast<std::int64_t>(i) + 1 + load->low)
          targets.push_back(function.name);
  EXPECT_THAT(targets, ElementsAre("count", "sum", "count"));
}

TEST(Loader, ExceptionCallbacksComeAlong) {
  const Program program = *load("operations").find_program("throws");
  EXPECT_THAT(function_names(program), ElementsAre("throws", "hidden", "on_exception", "visible"));
}

TEST(Loader, HiddenFunctionsAreStaticToTheKernel) {
  const Program program = *load("operations").find_program("throws");
  for (const FunctionInfo& function : program.functions) {
    const bool hidden = function.name == "hidden";
    EXPECT_EQ(function.global, !hidden) << function.name;
    const auto linkage = program.btf->find<btf::Func>(function.btf_type_id)->linkage;
    EXPECT_EQ(linkage, hidden ? btf::Linkage::kStatic : btf::Linkage::kGlobal) << function.name;
  }
}

TEST(Loader, StructOperationsAreNamedByTheirTable) {
  const Object object = load("operations");
  EXPECT_EQ(object.find_program("my_ssthresh")->attach_target, "tcp_congestion_ops.ssthresh");
  EXPECT_EQ(object.find_program("unnamed")->attach_target, "");
}

TEST(Loader, GlobalVariables) {
  const Object object = load("data");
  const Program& program = *object.find_program("reads");
  EXPECT_EQ(program.kernel_version, 0x60102u);
  EXPECT_EQ(program.license, "Dual MIT/GPL");
  const MapSpec* data = find_map(object, "data.data");
  ASSERT_NE(data, nullptr);
  EXPECT_EQ(data->section, ".data");
  EXPECT_EQ(*print_value(*data->btf, data->value_type_id, data->initial, ValueFormat::kJson),
            R"({"initialised": 42, "static_initialised": [1, 2, 3]})");
  const MapSpec* constants = find_map(object, "data.rodata");
  ASSERT_NE(constants, nullptr);
  EXPECT_TRUE(constants->frozen);
  EXPECT_EQ(constants->flags, map_flags::kMmapable | map_flags::kReadOnlyProgram);
  EXPECT_EQ(*print_value(*constants->btf, constants->value_type_id, constants->initial, ValueFormat::kJson),
            R"({"constant": 7, "config": {"name": "eth0", "mac": [2, 0, 0, 0, 0, 1]}, "reads.text": "value %d"})");
  const MapSpec* zeroed = find_map(object, "data.bss");
  ASSERT_NE(zeroed, nullptr);
  EXPECT_EQ(zeroed->value_size, 20u);
  EXPECT_THAT(zeroed->initial, IsEmpty());
  EXPECT_NE(find_map(object, ".data.own"), nullptr);
  EXPECT_NE(find_map(object, ".rodata.own"), nullptr);
}

TEST(Loader, DeclaredMaps) {
  const Object object = load("maps");
  const MapSpec* flows = find_map(object, "flows");
  ASSERT_NE(flows, nullptr);
  EXPECT_EQ(flows->type, MapType::kHash);
  EXPECT_EQ(flows->key_size, 8u);
  EXPECT_EQ(flows->value_size, 32u);
  EXPECT_EQ(flows->max_entries, 1024u);
  EXPECT_EQ(flows->flags, map_flags::kNoPrealloc);
  EXPECT_EQ(flows->btf->name(flows->key_type_id), "key");
  const MapSpec* outer = find_map(object, "outer");
  ASSERT_NE(outer, nullptr);
  ASSERT_NE(outer->inner, nullptr);
  EXPECT_EQ(outer->inner->name, "outer.inner");
  EXPECT_EQ(outer->inner->value_size, 8u);
  ASSERT_EQ(outer->slots.size(), 2u);
  EXPECT_EQ(outer->slots[1].index, 2u);
  EXPECT_EQ(outer->slots[1].target, "inner_two");
  const MapSpec* jumps = find_map(object, "jumps");
  ASSERT_NE(jumps, nullptr);
  ASSERT_EQ(jumps->slots.size(), 1u);
  EXPECT_EQ(jumps->slots[0].index, 5u);
  EXPECT_EQ(jumps->slots[0].target, "target");
  EXPECT_TRUE(find_map(object, "pinned")->pinned_by_name);
  EXPECT_EQ(find_map(object, "bloom")->map_extra, 3u);
  EXPECT_EQ(object.find_program("uses")->maps.size(), 4u);
}

TEST(Loader, OldMaps) {
  const Object object = load("legacy_maps");
  ASSERT_EQ(object.maps().size(), 2u);
  EXPECT_EQ(object.maps()[0]->name, "counters");
  EXPECT_EQ(object.maps()[1]->flags, map_flags::kNoPrealloc);
  const Program& program = *object.find_program("old");
  EXPECT_EQ(program.type, ProgramType::kSchedCls);
  ASSERT_EQ(program.maps.size(), 2u);
  EXPECT_EQ(program.maps[0]->name, "table");
}

TEST(Loader, WhatOnlyAKernelHasCostsOnlyTheProgramThatNeedsIt) {
  const Object object = load("externs");
  EXPECT_THAT(object.find_program("needs_kconfig")->unsupported,
              HasSubstr("'LINUX_KERNEL_VERSION' (extern in .kconfig)"));
  EXPECT_THAT(object.find_program("needs_ksym")->unsupported, HasSubstr("kernel variable 'bpf_prog_active'"));
  EXPECT_THAT(object.find_program("needs_kfunc")->unsupported, HasSubstr("kernel function 'bpf_some_kfunc'"));
  EXPECT_THAT(object.find_program("needs_nothing")->unsupported, IsEmpty());
  const Object core = load("core");
  EXPECT_THAT(core.find_program("relocated")->unsupported,
              HasSubstr("CO-RE relocation field_byte_offset of 'task_struct'"));
  EXPECT_THAT(core.find_program("plain")->unsupported, IsEmpty());
}

TEST(Loader, ProgramsInText) {
  const auto object = Object::from_elf(read("only_text"), {.name = "x", .default_type = ProgramType::kXdp});
  ASSERT_TRUE(object) << object.error().message;
  ASSERT_EQ(object->programs().size(), 1u);
  EXPECT_EQ(object->programs()[0].name, "entry");
  EXPECT_EQ(object->programs()[0].type, ProgramType::kXdp);
}

TEST(Loader, ValuesOfEveryType) {
  const Object object = load("bitfields");
  const MapSpec& map = *object.maps().at(0);
  std::vector<std::byte> value(map.value_size);
  value[0] = std::byte{0xfd};
  std::memcpy(value.data() + 4, "\1\0\2\0\3\0\4\0", 8);
  EXPECT_THAT(*print_value(*map.btf, map.value_type_id, value, ValueFormat::kText),
              HasSubstr(".low = 5, .middle = 31, .negative = 0, .color = kRed (0), .points = {{.x = 1, .y = 2}, "
                        "{.x = 3, .y = 4}}, .word = 0, .bytes = {0, 0, 0, 0}, .name = \"\""));
  EXPECT_THAT(print_definition(*map.btf, map.btf->find_by_name<btf::Composite>("everything")),
              HasSubstr("int (*function)(int, const char *);"));
}

struct NameCase {
  const char* name;
  ProgramType type;
  std::uint32_t attach_type;
  const char* target;
  bool sleepable;
};
TEST(Loader, SectionNames) {
  const NameCase cases[] = {
      {"xdp", ProgramType::kXdp, 37, "", false},
      {"?xdp", ProgramType::kXdp, 37, "", false},
      {"xdp.frags/devmap", ProgramType::kXdp, 33, "", false},
      {"xdp_pass", ProgramType::kXdp, 37, "", false},
      {"tp/sched/sched_switch", ProgramType::kTracepoint, 0, "sched/sched_switch", false},
      {"fentry.s/f", ProgramType::kTracing, 24, "f", true},
      {"uprobe.multi.s/x:y", ProgramType::kKprobe, 48, "x:y", true},
      {"cgroup/connect_unix", ProgramType::kCgroupSockAddr, 49, "", false},
      {"syscall", ProgramType::kSyscall, 0, "", true},
      {"netkit/peer", ProgramType::kSchedCls, 55, "", false},
  };
  for (const NameCase& c : cases) {
    const auto meaning = loader::classify_section(c.name);
    ASSERT_TRUE(meaning) << c.name;
    EXPECT_EQ(meaning->type, c.type) << c.name;
    EXPECT_EQ(meaning->attach_type, c.attach_type) << c.name;
    EXPECT_EQ(meaning->target, c.target) << c.name;
    EXPECT_EQ(meaning->sleepable, c.sleepable) << c.name;
    const bool fragments = std::string_view(c.name).starts_with("xdp.frags");
    EXPECT_EQ(meaning->flags, fragments ? program_flags::kXdpHasFrags : 0) << c.name;
  }
  for (const char* unknown : {"", "unheard_of", "xdpfoo", "kprobes/x", "cgroup/", "?"})
    EXPECT_FALSE(loader::classify_section(unknown)) << unknown;
}

// Damage, done by name to a good object.
class Patch {
 public:
  explicit Patch(const std::string& name) : bytes_(read(name)) {}
  template <class T>
  T& at(std::uint64_t offset) {
    return *std::launder(static_cast<T*>(static_cast<void*>(bytes_.data() + offset)));
  }
  Elf64_Ehdr& header() { return at<Elf64_Ehdr>(0); }
  Elf64_Shdr& section(std::size_t index) { return at<Elf64_Shdr>(header().e_shoff + index * sizeof(Elf64_Shdr)); }
  Elf64_Shdr& section(std::string_view name) {
    for (std::size_t i = 1; i < header().e_shnum; ++i)
      if (name == &at<char>(section(header().e_shstrndx).sh_offset + section(i).sh_name)) return section(i);
    ADD_FAILURE() << "no section " << name;
    return section(0);
  }
  Elf64_Sym& symbol(std::string_view name) {
    const Elf64_Shdr& table = section(".symtab");
    for (std::uint64_t at_byte = 0; at_byte < table.sh_size; at_byte += sizeof(Elf64_Sym)) {
      auto& found = at<Elf64_Sym>(table.sh_offset + at_byte);
      if (name == &at<char>(section(table.sh_link).sh_offset + found.st_name)) return found;
    }
    ADD_FAILURE() << "no symbol " << name;
    return at<Elf64_Sym>(table.sh_offset);
  }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};
struct DamageCase {
  const char* name;
  const char* object;
  std::function<void(Patch&)> damage;
  const char* message;
};
class LoaderDamage : public ::testing::TestWithParam<DamageCase> {};
TEST_P(LoaderDamage, IsAnError) {
  Patch patch(GetParam().object);
  GetParam().damage(patch);
  const auto object = load_bytes(patch.bytes());
  ASSERT_FALSE(object);
  EXPECT_THAT(object.error().message, HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(
    Cases, LoaderDamage,
    ::testing::Values(
        DamageCase{"magic", "data", [](Patch& p) { p.header().e_ident[0] = 0; }, "not an ELF file"},
        DamageCase{"class", "data", [](Patch& p) { p.header().e_ident[EI_CLASS] = ELFCLASS32; }, "class 1, expected 2"},
        DamageCase{"big_endian", "data", [](Patch& p) { p.header().e_ident[EI_DATA] = ELFDATA2MSB; }, "big-endian"},
        DamageCase{"machine", "data", [](Patch& p) { p.header().e_machine = EM_X86_64; }, "machine 62, expected 247"},
        DamageCase{"executable", "data", [](Patch& p) { p.header().e_type = ET_EXEC; }, "type 2, expected 1"},
        DamageCase{"sections_outside", "data", [](Patch& p) { p.header().e_shoff = 1u << 30; }, ""},
        DamageCase{"huge_section_count", "data",
                   [](Patch& p) {
                     p.section(std::size_t{0}).sh_size = UINT64_MAX;
                     p.header().e_shnum = 0;
                   },
                   ""},
        DamageCase{"section_outside", "data", [](Patch& p) { p.section("xdp").sh_size = UINT64_MAX - 8; },
                   "bytes expected, the file has"},
        DamageCase{"overlap", "data", [](Patch& p) { p.section("license").sh_offset = p.section("xdp").sh_offset; },
                   "overlaps section"},
        DamageCase{"section_name", "data", [](Patch& p) { p.section("xdp").sh_name = 1u << 30; },
                   "name at offset 1073741824"},
        DamageCase{"code_size", "data", [](Patch& p) { p.section("xdp").sh_size -= 4; }, "expected a multiple of 8"},
        DamageCase{"function_outside", "data", [](Patch& p) { p.symbol("reads").st_size += 8; }, "'reads' of"},
        DamageCase{"function_between_slots", "data", [](Patch& p) { p.symbol("reads").st_value += 4; },
                   "expected a multiple of 8"},
        DamageCase{"functions_overlap", "subprograms", [](Patch& p) { p.symbol("first").st_size += 8; },
                   "overlaps 'first'"},
        DamageCase{"symbol_section", "data", [](Patch& p) { p.symbol("reads").st_shndx = 5000; }, "in section 5000"},
        DamageCase{"symbol_value", "data", [](Patch& p) { p.symbol("zeroed").st_value = UINT64_MAX; },
                   "symbol 'zeroed' at"},
        DamageCase{"symbol_name", "data", [](Patch& p) { p.symbol("zeroed").st_name = UINT32_MAX; },
                   "name at offset 4294967295"},
        DamageCase{"symbol_table_size", "data", [](Patch& p) { p.section(".symtab").sh_size -= 1; },
                   "expected a multiple of 24"},
        DamageCase{"no_symbols", "data", [](Patch& p) { p.section(".symtab").sh_type = SHT_PROGBITS; },
                   "no symbol table"},
        DamageCase{"two_symbol_tables", "data", [](Patch& p) { p.section("license").sh_type = SHT_SYMTAB; },
                   "a second symbol table"},
        DamageCase{
            "relocation_symbol", "data",
            [](Patch& p) { p.at<Elf64_Rel>(p.section(".relxdp").sh_offset).r_info = ELF64_R_INFO(100000ull, 1ull); },
            "symbol 100000"},
        DamageCase{"relocation_outside", "data",
                   [](Patch& p) { p.at<Elf64_Rel>(p.section(".relxdp").sh_offset).r_offset = 1u << 20; },
                   "at offset 1048576"},
        DamageCase{"relocation_between_slots", "data",
                   [](Patch& p) { p.at<Elf64_Rel>(p.section(".relxdp").sh_offset).r_offset += 4; },
                   "expected one at a multiple of 8"},
        DamageCase{"relocation_twice", "data",
                   [](Patch& p) {
                     auto* list = &p.at<Elf64_Rel>(p.section(".relxdp").sh_offset);
                     list[1].r_offset = list[0].r_offset;
                   },
                   "expected one at a multiple of 8 for each"},
        DamageCase{"relocated_section", "data", [](Patch& p) { p.section(".relxdp").sh_info = 999; },
                   "relocates section 999"},
        DamageCase{"relocations_with_addend", "data", [](Patch& p) { p.section(".relxdp").sh_type = SHT_RELA; },
                   "RELA"},
        DamageCase{"huge_bss", "data", [](Patch& p) { p.section(".bss").sh_size = UINT64_MAX / 2; },
                   "section '.bss' of"},
        DamageCase{"btf_missing", "maps", [](Patch& p) { p.section(".BTF").sh_name = 0; }, "compile with -g"},
        DamageCase{"btf_size", "maps", [](Patch& p) { p.section(".BTF").sh_size = 30; }, ".BTF"},
        DamageCase{"old_map_count", "legacy_maps", [](Patch& p) { p.symbol("table").st_shndx = SHN_ABS; },
                   "section 'maps' offset 0: map 'counters': byte 28"},
        DamageCase{"old_map_type", "legacy_maps",
                   [](Patch& p) { p.at<std::uint32_t>(p.section("maps").sh_offset) = 9999; },
                   "map type 9999 does not exist"},
        DamageCase{"old_map_size", "legacy_maps", [](Patch& p) { p.section("maps").sh_size = 8; },
                   "symbol 'table' at 28"}),
    [](const auto& row) { return row.param.name; });

// A wrong call costs the program, not the object.
TEST(Loader, CallIntoTheMiddle) {
  Patch patch("subprograms");
  auto& first = patch.symbol("leaf");
  first.st_value += 8;
  first.st_size -= 8;
  const auto object = load_bytes(patch.bytes());
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_THAT(object->find_program("first")->unsupported, HasSubstr("where no function begins"));
  EXPECT_THAT(object->find_program("alone")->unsupported, IsEmpty());
}

TEST(Loader, EveryTruncationIsAnError) {
  const std::vector<std::byte> whole = read("subprograms");
  for (std::size_t size = 0; size < whole.size(); size += 7)
    EXPECT_FALSE(load_bytes(std::span(whole).first(size))) << size;
}

}  // namespace
}  // namespace skep
