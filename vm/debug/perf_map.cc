// SPDX-License-Identifier: Apache-2.0
// The format is that of tools/perf/Documentation/jit-interface.txt: START SIZE NAME, in hexadecimal. All lines go in
// one write to a file opened for appending, so that other writers (threads, other compilers in this process) do not
// come between.
#include "vm/debug/perf_map.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

namespace skep::debug {
namespace {

std::string lines(const Symbols& symbols) {
  std::ostringstream text;
  for (const Symbol& function : symbols.functions)
    text << std::hex << symbols.address + function.begin << ' ' << function.end - function.begin << ' ' << function.name
         << '\n';
  return text.str();
}

}  // namespace

std::string perf_map_path() { return "/tmp/perf-" + std::to_string(getpid()) + ".map"; }

Status append_to_perf_map(const Symbols& symbols) {
  const std::string path = perf_map_path(), text = lines(symbols);
  // The folder is everybody's: a link that somebody else made is not followed.
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
  const bool written = file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (file >= 0) close(file);
  if (written) return kOk;
  return Error{Errc::kSystem, "cannot write " + path + ": " + std::strerror(error)};  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace skep::debug
