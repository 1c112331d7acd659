// SPDX-License-Identifier: Apache-2.0
// The log against the running kernel's, byte for byte, on every case: at level 1 (the path that was rejected) and at
// level 2 without the lines in which the kernel reports on its own bookkeeping. SKEP_LOG_CASE=NAME prints both logs of
// one case.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "kernel/bpf.h"
#include "skep/verify.h"
#include "tests/verifier/case_file.h"

namespace skep::test {
namespace {

/// Addresses differ from run to run, and so does what only one implementation has to tell.
std::string normalised(const std::string& log) {
  std::istringstream lines(log);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    const bool bookkeeping =
        line.starts_with("(") || line.starts_with("verification time") || line.starts_with("Global function ");
    if (bookkeeping) continue;
    // "processed 14 insns (limit 1000000)": what follows counts states.
    if (const auto at = line.find(" max_states_per_insn"); at != std::string::npos) line.resize(at);
    if (const auto at = line.find("(18) r"); at != std::string::npos) {
      const auto end = line.find(';', at);
      line.erase(at + 8, end == std::string::npos ? std::string::npos : end - at - 8);
    }
    result += line + "\n";
  }
  return result;
}

std::string first_difference(const std::string& ours, const std::string& theirs) {
  std::istringstream a(ours), b(theirs);
  for (std::string x, y;;) {
    const bool more_a = static_cast<bool>(std::getline(a, x)), more_b = static_cast<bool>(std::getline(b, y));
    if (!more_a && !more_b) return {};
    if (!more_a) x = "(end)";
    if (!more_b) y = "(end)";
    if (x != y) return "  skep:   " + x + "\n  kernel: " + y + "\n";
  }
}

/// The one case that SKEP_LOG_CASE asks for, with its logs; nullptr: all.
const char* wanted_case() { return std::getenv("SKEP_LOG_CASE"); }

struct Count {
  std::size_t equal = 0, asked = 0;
};

void compare(const Case& one, std::uint32_t level, Count& count) {
  const auto loaded = kernel::load(one.program, {.log_level = level});
  if (!loaded) return;
  std::string log;
  static_cast<void>(verify(one.program, Platform::linux_like(), {.log = {.text = &log, .level = level}}));
  const std::string ours = normalised(log), theirs = normalised(loaded->log);
  ++count.asked;
  if (ours == theirs) {
    ++count.equal;
    return;
  }
  std::printf("%s, level %u:\n%s", one.name.c_str(), level, first_difference(ours, theirs).c_str());
  if (wanted_case() != nullptr) std::printf("--- skep\n%s--- kernel\n%s", log.c_str(), loaded->log.c_str());
}

TEST(Logs, AreTheKernels) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << *why;
  const auto files = read_case_files(SKEP_SOURCE_DIR "/tests/verifier/cases");
  ASSERT_TRUE(files) << files.error().message;
  Count path, everything;
  for (const CaseFile& file : *files) {
    for (const Case& one : file.cases) {
      if (wanted_case() != nullptr && one.name != wanted_case()) continue;
      compare(one, 1, path);
      compare(one, 2, everything);
    }
  }
  std::printf("level 1: %zu of %zu logs equal; level 2: %zu of %zu\n", path.equal, path.asked, everything.equal,
              everything.asked);
  if (wanted_case() != nullptr) return;
  // What differs is printed above; these are floors that no change may go below.
  EXPECT_GE(path.equal * 100, path.asked * 90);
  EXPECT_GE(everything.equal * 100, everything.asked * 80);
}

}  // namespace
}  // namespace skep::test
