// SPDX-License-Identifier: Apache-2.0
#include "tools/judge.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include "base/try.h"
#include "tools/programs.h"

namespace skep::tools {
namespace {

Result<std::vector<Program>> read_judgeable(const std::string& file, ProgramType type, TargetKernel& kernel) {
  TRY(auto programs, read_programs(file, type, kernel));
  if (std::any_of(programs.begin(), programs.end(), is_untyped_bytecode))
    return Error{Errc::kInvalid, "no ELF object; if it is bytecode, give its program type with --type"};
  return programs;
}

void judge(Judged& one, const VerifyOptions& options) {
  if (one.program == nullptr) return;
  if (!one.program->unsupported.empty()) {
    one.error = one.program->unsupported;
    return;
  }
  const auto begin = std::chrono::steady_clock::now();
  VerifyOptions own = options;
  if (one.log_level != 0) own.log = {.text = &one.log, .level = one.log_level};
  one.verdict = verify(*one.program, Platform::linux_like(), own);
  const auto spent = std::chrono::steady_clock::now() - begin;
  one.usec = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
}

/// Prints "N of M" on a terminal that waits longer than a moment.
class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total) {}
  ~Progress() {
    if (shown_) std::fprintf(stderr, "\r%40s\r", "");
  }
  void step() {
    const std::size_t done = ++done_;
    if (!terminal_ || std::chrono::steady_clock::now() - begin_ < std::chrono::milliseconds(500)) return;
    const std::lock_guard lock(mutex_);
    shown_ = true;
    std::fprintf(stderr, "\rverified %zu of %zu", done, total_);
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::size_t total_;
  std::atomic<std::size_t> done_ = 0;
  std::mutex mutex_;
  bool shown_ = false;
};

}  // namespace

std::vector<Judged> collect(const std::vector<std::string>& files, const std::string& only, ProgramType type,
                            TargetKernel& kernel) {
  std::vector<Judged> all;
  for (const std::string& file : files) {
    const auto programs = read_judgeable(file, type, kernel);
    if (!programs) {
      all.push_back({.object = file, .program = nullptr, .verdict = {}, .error = programs.error().message});
      continue;
    }
    for (const Program& program : *programs) {
      if (!only.empty() && program.name != only) continue;
      all.push_back({.object = file, .program = std::make_shared<const Program>(program), .verdict = {}, .error = {}});
    }
  }
  return all;
}

void judge_all(std::vector<Judged>& all, const VerifyOptions& options, unsigned jobs, const Judge& kernel) {
  Progress progress(all.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < all.size(); i = next++) {
      judge(all[i], options);
      if (kernel && all[i].program != nullptr) all[i].kernel = kernel(all[i].object, *all[i].program);
      progress.step();
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < jobs; ++i) threads.emplace_back(work);
  work();
}

}  // namespace skep::tools
