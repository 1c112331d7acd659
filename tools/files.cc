// SPDX-License-Identifier: Apache-2.0
// Files and messages for the subcommands.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/try.h"
#include "tools/subcommand.h"

namespace skep::tools {
namespace {

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin && file != stdout) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, Close>;

Error system_error(const std::string& path, std::string_view what) {
  return {Errc::kInvalid, path + ": cannot " + std::string(what) + ": " + std::strerror(errno)};
}

template <class Container>
Result<Container> read_into(const std::string& path) {
  const File file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) return system_error(path, "open");
  Container all;
  constexpr std::size_t kBlock = 65536;
  std::size_t got = kBlock;
  while (got == kBlock) {
    const std::size_t old = all.size();
    all.resize(old + kBlock);
    got = std::fread(all.data() + old, 1, kBlock, file.get());
    all.resize(old + got);
  }
  if (std::ferror(file.get()) != 0) return system_error(path, "read");
  return all;
}

}  // namespace

ExitCode fail(const Error& error) {
  std::fprintf(stderr, "skep: %s\n", error.message.c_str());
  return error.code == Errc::kSystem ? ExitCode::kSystem : ExitCode::kBadInput;
}
ExitCode fail(const std::string& path, const Error& error) {
  return fail(Error{error.code, (path == "-" ? "standard input" : path) + ": " + error.message});
}

Result<std::vector<std::byte>> read_file(const std::string& path) { return read_into<std::vector<std::byte>>(path); }
Result<std::string> read_text(const std::string& path) { return read_into<std::string>(path); }

Status write_file(const std::string& path, std::string_view contents) {
  const File file(path == "-" ? stdout : std::fopen(path.c_str(), "wb"));
  if (!file) return system_error(path, "open for writing");
  const bool written = std::fwrite(contents.data(), 1, contents.size(), file.get()) == contents.size();
  if (!written || std::fflush(file.get()) != 0) return system_error(path, "write");
  return kOk;
}

}  // namespace skep::tools
