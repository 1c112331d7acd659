// SPDX-License-Identifier: Apache-2.0
// The Host that a Vm has when its embedder gives none.
#pragma once
#include <functional>

#include "skep/env.h"

namespace skep::helpers {

/// This machine's clocks, random numbers seeded by the system, this thread as task, this process' memory. Messages and
/// samples go to the callbacks; where there is none, messages are dropped and samples fail with -ENOENT, as under Linux
/// when nobody listens. The callbacks may be called from several threads at once.
class RealHost final : public Host {
 public:
  struct Callbacks {
    std::function<void(std::string_view)> trace;
    std::function<int(Map&, std::uint32_t, std::span<const std::byte>)> perf_output;
  };
  RealHost() = default;
  explicit RealHost(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

  std::uint64_t now_ns(Clock clock) override;
  std::uint32_t random_u32() override;
  Task current_task() override;
  void trace(std::string_view message) override;
  bool read_memory(std::uint64_t address, std::span<std::byte> to) override;
  int perf_output(Map& map, std::uint32_t cpu, std::span<const std::byte> sample) override;

 private:
  Callbacks callbacks_;
};

}  // namespace skep::helpers
