// SPDX-License-Identifier: Apache-2.0
// Runs the files of tests/conformance/data and, where they are found, those of the bpf_conformance project, on every
// engine. The latter are looked for in $SKEP_CONFORMANCE_DIR, then in ../shared/conformance beside the checkout.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/conformance/data_file.h"
#include "tests/conformance/engines.h"

namespace skep::conformance {
namespace {

namespace fs = std::filesystem;

/// `call` through a register, which is no part of RFC 9669; upstream's runner leaves it out too.
constexpr std::string_view kLeftOut = "callx.data";
constexpr std::size_t kUpstreamFiles = 312;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".data" && entry.path().filename() != kLeftOut) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}
fs::path own_folder() { return fs::path(SKEP_SOURCE_DIR) / "tests/conformance/data"; }
fs::path upstream_folder() {
  if (const char* folder = std::getenv("SKEP_CONFORMANCE_DIR")) return folder;
  return fs::path(SKEP_SOURCE_DIR) / "../shared/conformance/bpf_conformance";
}

class FileTest : public testing::Test {
 public:
  FileTest(fs::path path, const Engine& engine) : path_(std::move(path)), engine_(engine) {}

  void TestBody() override {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    auto file = parse_data_file(text.str());
    ASSERT_TRUE(file) << path_ << ": " << file.error().message;
    if (file->error == "memory" && !engine_.checks_memory)
      GTEST_SKIP() << engine_.name << " trusts its programs: it must not be given one that leaves its memory";
    Program program;
    program.name = path_.stem();
    program.insns = file->insns;
    const auto run = engine_.prepare(program);
    if (!run) {
      ASSERT_TRUE(file->error) << path_ << ": " << run.error().message;
      return;
    }
    const RunResult result = (*run)(file->memory);
    if (file->error) {
      EXPECT_EQ(name(result.trap), *file->error) << path_;
      return;
    }
    EXPECT_EQ(result.trap, Trap::kNone) << path_ << ": trap " << name(result.trap) << " at " << result.at;
    EXPECT_EQ(result.r0, *file->result) << path_ << std::hex << ": r0 is 0x" << result.r0 << ", expected 0x"
                                        << *file->result;
  }

 private:
  fs::path path_;
  const Engine& engine_;
};

class SuiteTest : public testing::Test {
 public:
  explicit SuiteTest(std::size_t found) : found_(found) {}
  void TestBody() override {
    if (found_ == 0)
      GTEST_SKIP() << "no bpf_conformance files in " << upstream_folder()
                   << ": set SKEP_CONFORMANCE_DIR to the folder that holds them";
    EXPECT_EQ(found_, kUpstreamFiles) << "in " << upstream_folder();
  }

 private:
  std::size_t found_ = 0;
};

void register_files(const std::string& suite, const std::vector<fs::path>& files) {
  for (const Engine& engine : engines())
    for (const fs::path& path : files)
      testing::RegisterTest((suite + "/" + engine.name).c_str(), path.stem().c_str(), nullptr, nullptr, __FILE__,
                            __LINE__, [path, &engine]() -> testing::Test* { return new FileTest(path, engine); });
}

}  // namespace
}  // namespace skep::conformance

int main(int argc, char** argv) {
  using namespace skep::conformance;
  testing::InitGoogleTest(&argc, argv);
  register_files("Own", files_in(own_folder()));
  const auto upstream = files_in(upstream_folder());
  register_files("BpfConformance", upstream);
  testing::RegisterTest("BpfConformance", "AllFilesAreThere", nullptr, nullptr, __FILE__, __LINE__,
                        [count = upstream.size()]() -> testing::Test* { return new SuiteTest(count); });
  return RUN_ALL_TESTS();
}
