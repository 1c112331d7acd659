// SPDX-License-Identifier: Apache-2.0
// libbpf as the oracle: the same programs, types, maps and, where the kernel lets libbpf load, the same instructions.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>

#include "skep/isa.h"
#include "skep/object.h"

namespace skep {
namespace {

namespace fs = std::filesystem;

struct Close {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Oracle = std::unique_ptr<bpf_object, Close>;

Oracle open_with_libbpf(const fs::path& path) {
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  bpf_object* object = bpf_object__open_file(path.c_str(), nullptr);
  return Oracle(libbpf_get_error(object) == 0 ? object : nullptr);
}
Result<Object> open_with_skep(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return Object::from_elf(bytes, {.name = path.string(), .default_type = ProgramType::kUnspec});
}

std::vector<fs::path> objects() {
  std::vector<fs::path> found;
  for (const char* folder :
       {SKEP_TEST_OBJECTS, SKEP_EXAMPLE_OBJECTS, "/usr/lib/x86_64-linux-gnu/bpf", "/usr/lib/aarch64-linux-gnu/bpf"})
    if (std::error_code ignored; fs::is_directory(folder, ignored))
      for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".o" && entry.path().stem() != "arena.bpf")  // Newer than libbpf 1.1.
          found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

/// Names in which skep is knowingly more generous than libbpf 1.1.
bool newer_than_oracle(const Program& program) { return program.section == "unheard_of"; }

void compare_programs(const Object& mine, bpf_object* oracle) {
  std::size_t count = 0;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, oracle) {
    const Program* found = mine.find_program(bpf_program__name(program));
    ASSERT_NE(found, nullptr) << bpf_program__name(program);
    SCOPED_TRACE(found->name + " in " + found->section);
    ++count;
    if (newer_than_oracle(*found)) continue;
    EXPECT_EQ(found->section, bpf_program__section_name(program));
    EXPECT_EQ(static_cast<int>(found->type), static_cast<int>(bpf_program__type(program)));
    // Of struct operations libbpf makes it the member's number, which skep leaves to who knows the kernel's struct.
    if (found->type == ProgramType::kStructOps) continue;
    EXPECT_EQ(found->attach_type, static_cast<std::uint32_t>(bpf_program__expected_attach_type(program)));
  }
  EXPECT_EQ(count, mine.programs().size());
}

void compare_maps(const Object& mine, bpf_object* oracle) {
  std::size_t count = 0;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, oracle) {
    const std::string name = bpf_map__name(map);
    if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS) continue;  // No program refers to them.
    const auto found = std::find_if(mine.maps().begin(), mine.maps().end(), [&](const auto& m) {
      return m->name == name || (!m->section.empty() && m->section == name);
    });
    ASSERT_NE(found, mine.maps().end()) << name;
    SCOPED_TRACE(name);
    ++count;
    const MapSpec& spec = **found;
    EXPECT_EQ(static_cast<int>(spec.type), static_cast<int>(bpf_map__type(map)));
    EXPECT_EQ(spec.key_size, bpf_map__key_size(map));
    EXPECT_EQ(spec.value_size, bpf_map__value_size(map));
    EXPECT_EQ(spec.max_entries, bpf_map__max_entries(map));
    EXPECT_EQ(spec.flags, bpf_map__map_flags(map));
    EXPECT_EQ(spec.map_extra, bpf_map__map_extra(map));
    if (spec.section.empty()) {
      EXPECT_EQ(spec.key_type_id, bpf_map__btf_key_type_id(map));
      EXPECT_EQ(spec.value_type_id, bpf_map__btf_value_type_id(map));
    }
    std::size_t initial_size = 0;
    if (const void* initial = bpf_map__initial_value(map, &initial_size);
        initial != nullptr && !spec.initial.empty() && spec.section != ".kconfig") {  // libbpf fills it when it loads.
      ASSERT_EQ(initial_size, spec.initial.size());
      EXPECT_EQ(std::memcmp(initial, spec.initial.data(), initial_size), 0);
    }
  }
  EXPECT_EQ(count, mine.maps().size());
}

/// The kernel's name of the map with that file descriptor; empty: it is none.
std::string kernel_name(int fd) {
  bpf_map_info info{};
  __u32 size = sizeof(info);
  return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.name : "";
}

void compare_insns(const Program& mine, const bpf_program* oracle) {
  const std::vector<isa::RawInsn> insns = isa::encode(mine.insns);
  ASSERT_EQ(insns.size(), bpf_program__insn_cnt(oracle));
  std::map<std::int32_t, std::int32_t> fds;  // Of our map numbers.
  for (std::size_t i = 0; i < insns.size(); ++i) {
    isa::RawInsn ours = insns[i];
    const auto theirs = std::bit_cast<isa::RawInsn>(bpf_program__insns(oracle)[i]);
    if (theirs.opcode == 0x18 && (theirs.src == BPF_PSEUDO_MAP_FD || theirs.src == BPF_PSEUDO_MAP_VALUE)) {
      EXPECT_EQ(ours.src, theirs.src == BPF_PSEUDO_MAP_FD ? 5 : 6) << "at " << i;
      const auto [known, added] = fds.emplace(ours.imm, theirs.imm);
      EXPECT_EQ(known->second, theirs.imm) << "at " << i;
      const std::string name = kernel_name(theirs.imm);
      if (!name.empty()) {
        const std::string& expected = mine.maps.at(static_cast<std::size_t>(ours.imm))->name;
        EXPECT_EQ(name, expected.substr(0, BPF_OBJ_NAME_LEN - 1));
      }
      ours.src = theirs.src;
      ours.imm = theirs.imm;
    }
    EXPECT_EQ(ours, theirs) << "at " << i;
  }
}

class LoaderLibbpf : public ::testing::TestWithParam<fs::path> {};

TEST_P(LoaderLibbpf, SameProgramsAndMaps) {
  const Oracle oracle = open_with_libbpf(GetParam());
  if (!oracle) GTEST_SKIP() << "libbpf does not open it: " << std::strerror(errno);
  const auto mine = open_with_skep(GetParam());
  ASSERT_TRUE(mine) << mine.error().message;
  compare_programs(*mine, oracle.get());
  compare_maps(*mine, oracle.get());
}

TEST_P(LoaderLibbpf, SameInstructionsAfterRelocation) {
  const Oracle oracle = open_with_libbpf(GetParam());
  if (!oracle) GTEST_SKIP() << "libbpf does not open it: " << std::strerror(errno);
  const auto mine = open_with_skep(GetParam());
  ASSERT_TRUE(mine) << mine.error().message;
  bpf_program* program = nullptr;
  std::size_t wanted = 0;
  bpf_object__for_each_program(program, oracle.get()) {
    const Program* found = mine->find_program(bpf_program__name(program));
    ASSERT_NE(found, nullptr);
    // Types whose target libbpf looks for in the kernel before it relocates.
    const bool wants_target = found->type == ProgramType::kTracing || found->type == ProgramType::kLsm ||
                              found->type == ProgramType::kStructOps || found->type == ProgramType::kExt ||
                              found->type == ProgramType::kUnspec;
    const bool comparable = found->unsupported.empty() && !wants_target;
    bpf_program__set_autoload(program, comparable);
    wanted += comparable;
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, oracle.get()) {
    bpf_map__set_pin_path(map, nullptr);
    // libbpf 1.1 then looks into types of the kernel that it did not read, as no program needs them.
    if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
      GTEST_SKIP() << "libbpf does not load struct operations without their programs";
  }
  if (wanted == 0) GTEST_SKIP() << "no program that libbpf could load";
  const int loaded = bpf_object__load(oracle.get());
  if (loaded == -EPERM || loaded == -ENOSYS) GTEST_SKIP() << "bpf(2) does not work here: " << std::strerror(-loaded);
  std::size_t compared = 0;
  bpf_object__for_each_program(program, oracle.get()) {
    if (!bpf_program__autoload(program)) continue;
    const Program& found = *mine->find_program(bpf_program__name(program));
    SCOPED_TRACE(found.name + " in " + found.section);
    compare_insns(found, program);
    ++compared;
  }
  EXPECT_EQ(compared, wanted);
  RecordProperty("programs", static_cast<int>(compared));
}

INSTANTIATE_TEST_SUITE_P(Objects, LoaderLibbpf, ::testing::ValuesIn(objects()), [](const auto& row) {
  std::string name = row.param.stem().string();
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

}  // namespace
}  // namespace skep
