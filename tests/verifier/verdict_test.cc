// SPDX-License-Identifier: Apache-2.0
// Every case of tests/verifier/cases: skep's verdict must be the one recorded from Linux 6.18. A program that Linux
// rejects and skep accepts is a hole; one that Linux accepts and skep rejects is a loss; both fail. How many sentences
// are the same is counted and printed.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "skep/verify.h"
#include "tests/verifier/case_file.h"

namespace skep::test {
namespace {

struct Difference {
  std::string file, name, linux_says, skep_says;
};
/// What skep does not do: programs of Linux that it rejects, and why.
constexpr std::string_view kFetched =
    "Linux does not see that the index comes from the stack, and accepts what reads outside";
constexpr std::string_view kMoved = "bpf_dynptr_write may move the packet of an skb, also in a global function";
constexpr struct {
  std::string_view name, reason;
} kKnownLosses[] = {
    {"read through map pointer", "fields of struct bpf_map are the kernel's own"},
    {"inner map read", "fields of struct bpf_map are the kernel's own"},
    {"an index that was fetched from the stack, after paths that left different ones there", kFetched},
    {"an index that an exchange fetched from the stack", kFetched},
    {"an index that a swap fetched from the stack", kFetched},
    {"packet after a global function that writes to a dynptr of it", kMoved},
    {"packet after a global function that writes to it through a dynptr of its own", kMoved},
    {"null for memory that must be there", "the function is judged for memory, and reads it"},
};
std::string_view known(std::string_view name) {
  for (const auto& row : kKnownLosses)
    if (row.name == name) return row.reason;
  return {};
}

struct Tally {
  std::size_t cases = 0, accepted = 0, same_sentence = 0, known = 0;
  std::vector<Difference> holes, losses, sentences;
};

void judge(const std::string& file, const Case& one, Tally& tally) {
  const Verdict verdict = verify(one.program);
  const auto* rejection = std::get_if<Rejection>(&verdict);
  ++tally.cases;
  tally.accepted += one.accepted;
  const std::string ours = rejection == nullptr ? "accept" : message(rejection->reason);
  const std::string theirs = one.accepted ? "accept" : one.sentence;
  const Difference difference{file, one.name, theirs, ours};
  if (rejection == nullptr && !one.accepted)
    tally.holes.push_back(difference);
  else if (rejection != nullptr && one.accepted && !known(one.name).empty())
    ++tally.known, std::printf("known difference: %s: %s\n", one.name.c_str(), std::string(known(one.name)).c_str());
  else if (rejection != nullptr && one.accepted)
    tally.losses.push_back(difference);
  else if (ours == theirs)
    ++tally.same_sentence;
  else
    tally.sentences.push_back(difference);
}

void print(const char* title, const std::vector<Difference>& rows) {
  if (rows.empty()) return;
  std::printf("%s (%zu)\n", title, rows.size());
  for (const Difference& row : rows)
    std::printf("  %s: %s\n    linux: %s\n    skep:  %s\n", row.file.c_str(), row.name.c_str(), row.linux_says.c_str(),
                row.skep_says.c_str());
}

TEST(Verdicts, SameAsLinux) {
  const auto files = read_case_files(SKEP_SOURCE_DIR "/tests/verifier/cases");
  ASSERT_TRUE(files.has_value()) << files.error().message;
  Tally tally;
  for (const CaseFile& file : *files)
    for (const Case& one : file.cases) {
      if (!one.available) {
        std::printf("skipped: %s: this kernel does not have the functions that it calls\n", one.name.c_str());
        continue;
      }
      ASSERT_TRUE(one.recorded) << one.name << ": run bless_verdicts";
      judge(file.path.stem().string(), one, tally);
    }
  print("Linux rejects, skep accepts", tally.holes);
  print("Linux accepts, skep rejects", tally.losses);
  print("both reject, with other words", tally.sentences);
  std::printf(
      "%zu cases, %zu accepted by Linux; %zu false accepts, %zu false rejects; %zu known; %zu verdicts with the same "
      "words\n",
      tally.cases, tally.accepted, tally.holes.size(), tally.losses.size(), tally.known, tally.same_sentence);
  EXPECT_GE(tally.cases, 300u);
  EXPECT_TRUE(tally.holes.empty());
  EXPECT_TRUE(tally.losses.empty());
}

}  // namespace
}  // namespace skep::test
