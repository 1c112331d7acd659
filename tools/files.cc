// SPDX-License-Identifier: Apache-2.0
// Files and messages for the subcommands.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/cat.h"
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

constexpr std::size_t kLargestMiB = 256;  // A device or a sparse file could give bytes until memory ends.

Error system_error(Errc code, std::string_view what) {
  return {code, cat("cannot ", what, ": ", std::strerror(errno))};
}

template <class Container>
Result<Container> read_into(const std::string& path) {
  const File file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) return system_error(Errc::kInvalid, "open");
  Container all;
  constexpr std::size_t kBlock = 65536;
  std::size_t got = kBlock;
  while (got == kBlock) {
    const std::size_t old = all.size();
    all.resize(old + kBlock);
    got = std::fread(all.data() + old, 1, kBlock, file.get());
    all.resize(old + got);
    if (all.size() > kLargestMiB << 20)
      return Error{Errc::kLimit, cat("more than ", kLargestMiB, " MiB, expected less")};
  }
  if (std::ferror(file.get()) != 0) return system_error(Errc::kInvalid, "read");
  return all;
}

}  // namespace

Error in_file(const std::string& path, const Error& error) {
  return {error.code, cat(path == "-" ? "standard input" : path, ": ", error.message)};
}

ExitCode fail(const Error& error) {
  std::fprintf(stderr, "skep: %s\n", error.message.c_str());
  return error.code == Errc::kSystem ? ExitCode::kSystem : ExitCode::kBadInput;
}
ExitCode fail(const std::string& path, const Error& error) { return fail(in_file(path, error)); }
ExitCode usage(const std::string& command, const std::string& message) {
  std::fprintf(stderr, "skep %s: %s (see skep %s --help)\n", command.c_str(), message.c_str(), command.c_str());
  return ExitCode::kUsage;
}

Result<std::vector<std::byte>> read_file(const std::string& path) { return read_into<std::vector<std::byte>>(path); }
Result<std::string> read_text(const std::string& path) { return read_into<std::string>(path); }

Status write_file(const std::string& path, std::string_view contents) {
  const File file(path == "-" ? stdout : std::fopen(path.c_str(), "wb"));
  const std::string name = path == "-" ? "standard output" : path;
  if (!file) return in_file(name, system_error(Errc::kSystem, "open for writing"));
  const bool written = std::fwrite(contents.data(), 1, contents.size(), file.get()) == contents.size();
  if (!written || std::fflush(file.get()) != 0) return in_file(name, system_error(Errc::kSystem, "write"));
  return kOk;
}

}  // namespace skep::tools
