// SPDX-License-Identifier: Apache-2.0
#include "tools/run/bisect.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <span>

#include "base/try.h"
#include "vm/blame_passes.h"

namespace skep::tools {
namespace {

/// How an attempt went; no record: it crashed, failed or did not end.
struct Attempt {
  std::optional<Record> record;
  std::string failure;
};

void write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done <= 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}
Record read_all(int fd) {
  std::vector<std::byte> bytes;
  std::byte chunk[4096];
  for (;;) {
    const ssize_t done = ::read(fd, chunk, sizeof(chunk));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) break;
    bytes.insert(bytes.end(), chunk, chunk + done);
  }
  Record record(bytes.size() / sizeof(std::uint64_t));
  std::copy_n(bytes.begin(), record.size() * sizeof(std::uint64_t), std::as_writable_bytes(std::span(record)).begin());
  return record;
}

/// In the child: writes the record and ends without the exit handlers of what it is a copy of.
[[noreturn]] void attempt_here(int fd, const Recorder& record, Engine engine, PassSet passes, unsigned seconds) {
  ::alarm(seconds);
  const Result<Record> done = record(engine, passes);
  if (done) write_all(fd, std::as_bytes(std::span(*done)));
  if (!done) write_all(fd, std::as_bytes(std::span(done.error().message)));
  ::_exit(done ? 0 : 1);
}

Result<Attempt> attempt(const Recorder& record, Engine engine, PassSet passes, unsigned seconds) {
  int ends[2];
  if (::pipe(ends) != 0) return Error{Errc::kSystem, "--bisect-passes: the system has no pipe left"};
  const pid_t child = ::fork();
  if (child < 0) return Error{Errc::kSystem, "--bisect-passes: the system has no process left"};
  if (child == 0) {
    ::close(ends[0]);
    attempt_here(ends[1], record, engine, passes, seconds);
  }
  ::close(ends[1]);
  Record got = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Attempt{.record = std::move(got), .failure = {}};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return Attempt{.record = {}, .failure = "does not end"};
  if (WIFSIGNALED(status))
    return Attempt{.record = {}, .failure = "ends by signal " + std::to_string(WTERMSIG(status))};
  return Attempt{.record = {}, .failure = "fails"};
}

std::string first_difference(const Record& want, const Attempt& got) {
  if (!got.record) return "it " + got.failure;
  const auto [here, there] = std::mismatch(want.begin(), want.end(), got.record->begin(), got.record->end());
  const auto at = static_cast<std::size_t>(here - want.begin());
  return at + 1 >= want.size() ? "the maps differ at the end" : "run " + std::to_string(at + 1) + " differs";
}

}  // namespace

Result<Bisection> bisect_passes(const Recorder& record, unsigned seconds) {
  TRY(const Record want, record(Engine::kInterpreter, PassSet::none()));
  std::optional<Error> failed;
  std::string difference;
  const Blame blame = blame_passes([&](PassSet passes) {
    if (failed) return false;
    const Result<Attempt> got = attempt(record, Engine::kJit, passes, seconds);
    if (!got) {
      failed = got.error();
      return false;
    }
    if (got->record == want) return false;
    difference = first_difference(want, *got);
    return true;
  });
  if (failed) return *failed;
  if (!blame.differs) return Bisection{.differs = false, .text = "no pass: native code does what the interpreter does"};
  if (!blame.pass)
    return Bisection{.differs = true,
                     .text = "no pass: native code differs without any (" + difference +
                             "); so does a program that looks at the clock or at random numbers"};
  return Bisection{.differs = true, .text = text(blame) + " (" + difference + ")"};
}

std::uint64_t digest(std::span<const std::byte> bytes, std::uint64_t before) {
  // FNV-1a.
  std::uint64_t hash = before ^ 0xcbf29ce484222325;
  for (const std::byte byte : bytes) hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  return hash;
}

}  // namespace skep::tools
