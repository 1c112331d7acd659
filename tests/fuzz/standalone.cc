// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: every file of the folders that are named as arguments, then a fixed number of
// inputs derived from them by small random changes. Always the same inputs, so that it can be a test.
//
//   TARGET [-runs=N] [FILE-OR-FOLDER...]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;

Input read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void collect(const fs::path& path, std::vector<Input>& corpus) {
  if (!fs::is_directory(path)) {
    corpus.push_back(read(path));
    return;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) corpus.push_back(read(file));
}

class Mutator {
 public:
  explicit Mutator(const std::vector<Input>& corpus) : corpus_(corpus) {}

  Input next() {
    Input input = corpus_[below(corpus_.size())];
    for (std::size_t changes = 1 + below(8); changes > 0; --changes) change(input);
    return input;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(random_() & 0xff); }
  void change(Input& input) {
    constexpr std::uint8_t kTelling[] = {0, 1, 0x7f, 0x80, 0xff, '\n', ' ', '0', '-'};
    const std::size_t at = below(input.size());
    switch (below(6)) {
      case 0:
        if (!input.empty()) input[at] = byte();
        return;
      case 1:
        if (!input.empty()) input[at] = kTelling[below(std::size(kTelling))];
        return;
      case 2:
        if (!input.empty()) input[at] = static_cast<std::uint8_t>(input[at] ^ (1u << below(8)));
        return;
      case 3:
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), 1 + below(8), byte());
        return;
      case 4:
        input.resize(at);
        return;
      default: {  // Another input's bytes from here on.
        const Input& other = corpus_[below(corpus_.size())];
        input.resize(at);
        input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(below(other.size())), other.end());
        return;
      }
    }
  }

  const std::vector<Input>& corpus_;
  std::mt19937_64 random_{20240601};
};

}  // namespace

int main(int argc, char** argv) {
  std::size_t runs = 20000;
  std::vector<Input> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("-runs="))
      runs = std::strtoul(argv[i] + 6, nullptr, 10);
    else if (!argument.starts_with("-"))
      collect(argv[i], corpus);
  }
  if (corpus.empty()) corpus.push_back(Input(64, 0));
  for (const Input& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  Mutator mutator(corpus);
  for (std::size_t run = 0; run < runs; ++run) {
    const Input input = mutator.next();
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu inputs of the corpus, %zu derived ones: no failure\n", corpus.size(), runs);
  return 0;
}
