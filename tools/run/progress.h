// SPDX-License-Identifier: Apache-2.0
// A line on standard error that says how far long work has come, where that is a terminal.
#pragma once
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace skep::tools {

class Progress {
 public:
  ~Progress() {
    if (shown_) std::fprintf(stderr, "\r%60s\r", "");
  }
  /// Call it often: most calls do nothing.
  void step(std::uint64_t packets, std::uint64_t runs) {
    if (!terminal_ || runs % 256 != 0) return;
    const auto now = Clock::now();
    if (now - last_ < std::chrono::milliseconds(500)) return;
    last_ = now;
    shown_ = true;
    std::fprintf(stderr, "\rpacket %llu, %llu runs", static_cast<unsigned long long>(packets),
                 static_cast<unsigned long long>(runs));
  }

 private:
  using Clock = std::chrono::steady_clock;
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  Clock::time_point last_ = Clock::now();
  bool shown_ = false;
};

}  // namespace skep::tools
