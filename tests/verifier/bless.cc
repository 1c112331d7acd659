// SPDX-License-Identifier: Apache-2.0
// Asks the running kernel (Linux 6.18) for its verdict on every case and writes it into the files.
// usage: bless_verdicts FOLDER
#include <cstdio>
#include <fstream>

#include "kernel/bpf.h"
#include "tests/verifier/case_file.h"

int main(int argc, char** argv) {
  using namespace skep;
  if (argc != 2) return std::fputs("usage: bless_verdicts FOLDER\n", stderr), 2;
  auto files = test::read_case_files(argv[1]);
  if (!files) return std::fprintf(stderr, "%s\n", files.error().message.c_str()), 1;
  std::size_t accepted = 0, rejected = 0, changed = 0;
  for (test::CaseFile& file : *files) {
    for (test::Case& one : file.cases) {
      if (!one.available) continue;
      const auto loaded = kernel::load(one.program, {.log_level = 1});
      if (!loaded) return std::fprintf(stderr, "%s: %s\n", one.name.c_str(), loaded.error().message.c_str()), 1;
      const std::string sentence = loaded->accepted() ? "" : loaded->last_sentence();
      changed += one.recorded && (one.accepted != loaded->accepted() || one.sentence != sentence);
      one.accepted = loaded->accepted();
      one.sentence = sentence;
      ++(one.accepted ? accepted : rejected);
    }
    std::ofstream(file.path) << test::print_cases(file.cases);
  }
  std::printf("%zu accepted, %zu rejected, %zu changed\n", accepted, rejected, changed);
  return 0;
}
