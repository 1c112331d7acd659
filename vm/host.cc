// SPDX-License-Identifier: Apache-2.0
#include "vm/host.h"

#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <cerrno>

#include <atomic>

#include "base/address.h"
#include "base/unreachable.h"

namespace skep {
namespace {

clockid_t clock_id(Clock clock) {
  switch (clock) {
    case Clock::kMonotonic:
      return CLOCK_MONOTONIC;
    case Clock::kBoot:
      return CLOCK_BOOTTIME;
    case Clock::kCoarse:
      return CLOCK_MONOTONIC_COARSE;
    case Clock::kTai:
      return CLOCK_TAI;
  }
  unreachable();
}

/// One generator a thread, seeded by the system: programs sample packets with it, they make no keys.
class Random {
 public:
  Random() {
    // On failure the address of a thread's variable is the seed.
    if (getrandom(&state_, sizeof(state_), GRND_NONBLOCK) != sizeof(state_)) state_ = address_of(this);
  }
  /// SplitMix64 (Steele, Lea, Flood 2014).
  std::uint32_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
  }

 private:
  std::uint64_t state_ = 0;
};

class DefaultHost final : public Host {
 public:
  std::uint64_t now_ns(Clock clock) override {
    timespec now{};
    clock_gettime(clock_id(clock), &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  }
  std::uint32_t random_u32() override {
    thread_local Random random;
    return random.next();
  }
  Task current_task() override {
    Task task{.pid = static_cast<std::uint32_t>(gettid()),
              .tgid = static_cast<std::uint32_t>(getpid()),
              .uid = static_cast<std::uint32_t>(getuid()),
              .gid = static_cast<std::uint32_t>(getgid())};
    prctl(PR_GET_NAME, task.comm.data());
    return task;
  }
  void trace(std::string_view) override {}
  // The kernel copies, so that an address that is not mapped is an error and no signal.
  bool read_memory(std::uint64_t address, std::span<std::byte> to) override {
    if (to.empty()) return true;
    const iovec local{.iov_base = to.data(), .iov_len = to.size()};
    const iovec remote{.iov_base = from_address<void>(address), .iov_len = to.size()};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(to.size());
  }
  int perf_output(Map&, std::uint32_t, std::span<const std::byte>) override { return 0; }
};

}  // namespace

std::shared_ptr<Host> default_host() { return std::make_shared<DefaultHost>(); }

}  // namespace skep
