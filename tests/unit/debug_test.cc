// SPDX-License-Identifier: Apache-2.0
// What gdb and perf are told of native code, and that it is taken back. What they make of it is tested in tests/e2e.
#include <gtest/gtest.h>

#include <unistd.h>

#include <bit>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "vm/debug/bytes.h"
#include "vm/debug/perf_map.h"
#include "vm_fixture.h"

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern "C" {
struct jit_code_entry {
  jit_code_entry* next_entry;
  jit_code_entry* prev_entry;
  const char* symfile_addr;
  std::uint64_t symfile_size;
};
struct jit_descriptor {
  std::uint32_t version;
  std::uint32_t action_flag;
  jit_code_entry* relevant_entry;
  jit_code_entry* first_entry;
};
extern jit_descriptor __jit_debug_descriptor;
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

namespace skep::vm_tests {
namespace {

Vm debugged_vm(DebugOptions debug) {
  return Vm(Platform::linux_like(), {.engine = Engine::kJit, .cpus = 1, .host = nullptr, .debug = debug});
}

std::vector<const jit_code_entry*> entries() {
  std::vector<const jit_code_entry*> all;
  const jit_code_entry* previous = nullptr;
  for (const jit_code_entry* entry = __jit_debug_descriptor.first_entry; entry != nullptr; entry = entry->next_entry) {
    EXPECT_EQ(entry->prev_entry, previous);
    previous = entry;
    all.push_back(entry);
  }
  return all;
}

std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class Debug : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_native_code()) GTEST_SKIP() << "there is no native code on this host";
  }
};

TEST_F(Debug, GdbKnowsAnImageWhileItLives) {
  ASSERT_TRUE(entries().empty());
  {
    Vm vm = debugged_vm({.perf_map = false, .gdb = true});
    const Result<Image> one = vm.load(program("r0 = 1\nexit\n"));
    ASSERT_TRUE(one.has_value());
    ASSERT_EQ(entries().size(), 1u);
    EXPECT_EQ(std::string(entries()[0]->symfile_addr, 4),
              "\x7f"
              "ELF");
    {
      const Result<Image> two = vm.load(program("r0 = 2\nexit\n"));
      ASSERT_TRUE(two.has_value());
      EXPECT_EQ(entries().size(), 2u);
      EXPECT_EQ(two->run({}).r0, 2u);
    }
    EXPECT_EQ(entries().size(), 1u);
    EXPECT_EQ(one->run({}).r0, 1u);
  }
  EXPECT_TRUE(entries().empty());
}

TEST_F(Debug, NobodyIsToldWithoutTheOption) {
  Vm vm = debugged_vm({});
  const Result<Image> image = vm.load(program("r0 = 1\nexit\n"));
  ASSERT_TRUE(image.has_value());
  EXPECT_TRUE(entries().empty());
}

TEST_F(Debug, ThreadsTellAndTakeBack) {
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([] {
        for (int round = 0; round < 50; ++round) {
          Vm vm = debugged_vm({.perf_map = false, .gdb = true});
          const Result<Image> image = vm.load(program("r0 = 1\nexit\n"));
          EXPECT_TRUE(image.has_value() && image->run({}).r0 == 1);
        }
      });
  }
  EXPECT_TRUE(entries().empty());
}

TEST_F(Debug, PerfMapNamesTheFunctions) {
  const std::string path = debug::perf_map_path();
  std::remove(path.c_str());
  Vm vm = debugged_vm({.perf_map = true, .gdb = false});
  const Result<Image> image = vm.load(program("r0 = 1\nexit\n"));
  ASSERT_TRUE(image.has_value()) << image.error().message;
  char first[64];
  std::snprintf(first, sizeof(first), "%llx ", std::bit_cast<unsigned long long>(image->native_code().data()));
  const std::string text = read(path);
  std::remove(path.c_str());
  EXPECT_EQ(text.substr(0, text.find(' ') + 1), first);
  EXPECT_NE(text.find(" bpf_prog_f\n"), std::string::npos) << text;
  // Nothing calls back.
  EXPECT_EQ(text.find(" skep_invoke\n"), std::string::npos) << text;
}

TEST_F(Debug, APerfMapThatCannotBeWrittenIsAnError) {
  const std::string path = debug::perf_map_path();
  std::remove(path.c_str());
  ASSERT_EQ(symlink("/nonexistent", path.c_str()), 0);
  Vm vm = debugged_vm({.perf_map = true, .gdb = false});
  const Result<Image> image = vm.load(program("r0 = 1\nexit\n"));
  std::remove(path.c_str());
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, Errc::kSystem);
  EXPECT_NE(image.error().message.find(path), std::string::npos) << image.error().message;
}

struct LebCase {
  std::string name;
  std::function<void(debug::Bytes&)> put;
  std::vector<unsigned> want;
};
class Leb : public testing::TestWithParam<LebCase> {};
TEST_P(Leb, Encodes) {
  debug::Bytes bytes;
  GetParam().put(bytes);
  std::vector<unsigned> got;
  for (const std::byte byte : bytes.view()) got.push_back(std::to_integer<unsigned>(byte));
  EXPECT_EQ(got, GetParam().want);
}
// The examples of DWARF4 §7.6, and the boundaries.
INSTANTIATE_TEST_SUITE_P(Dwarf, Leb,
                         testing::ValuesIn(std::vector<LebCase>{
                             {"u2", [](debug::Bytes& b) { b.uleb(2); }, {2}},
                             {"u127", [](debug::Bytes& b) { b.uleb(127); }, {127}},
                             {"u128", [](debug::Bytes& b) { b.uleb(128); }, {0x80, 1}},
                             {"u12857", [](debug::Bytes& b) { b.uleb(12857); }, {57 + 0x80, 100}},
                             {"s2", [](debug::Bytes& b) { b.sleb(2); }, {2}},
                             {"s_minus_2", [](debug::Bytes& b) { b.sleb(-2); }, {0x7e}},
                             {"s63", [](debug::Bytes& b) { b.sleb(63); }, {63}},
                             {"s64", [](debug::Bytes& b) { b.sleb(64); }, {64 + 0x80, 0}},
                             {"s_minus_64", [](debug::Bytes& b) { b.sleb(-64); }, {0x40}},
                             {"s_minus_65", [](debug::Bytes& b) { b.sleb(-65); }, {0x3f + 0x80, 0x7f}},
                             {"s127", [](debug::Bytes& b) { b.sleb(127); }, {127 + 0x80, 0}},
                             {"s_minus_127", [](debug::Bytes& b) { b.sleb(-127); }, {1 + 0x80, 0x7f}},
                             {"s_minus_129", [](debug::Bytes& b) { b.sleb(-129); }, {0x7f + 0x80, 0x7e}},
                         }),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace skep::vm_tests
