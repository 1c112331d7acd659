// SPDX-License-Identifier: Apache-2.0
#include "helpers/real_host.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/address.h"
#include "base/unreachable.h"
#include "helpers/direct.h"
#include "helpers/jiffies.h"

namespace skep::helpers {
namespace {

clockid_t id_of(Clock clock) {
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

/// For systems that refuse process_vm_readv even for the process itself (seccomp filters, qemu-user).
bool read_own_memory_file(std::uint64_t address, std::span<std::byte> to) {
  const int file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t got = pread(file, to.data(), to.size(), static_cast<off_t>(address));
  close(file);
  return got >= 0 && static_cast<std::size_t>(got) == to.size();
}

/// splitmix64: each thread's own sequence, seeded by the system.
class Random {
 public:
  Random() {
    if (getrandom(&state_, sizeof state_, GRND_NONBLOCK) != sizeof state_) state_ = address_of(this);
  }
  std::uint32_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
  }

 private:
  std::uint64_t state_ = 0;
};

std::uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint32_t random_number() {
  thread_local Random random;
  return random.next();
}

// What the helpers do with a RealHost, without asking which host it is, nor the system for more than is wanted.
template <clockid_t kClock>
Word clock_ns(Word, Word, Word, Word, Word, Env&) {
  return nanoseconds(kClock);
}
Word jiffies(Word, Word, Word, Word, Word, Env&) { return jiffies_at(nanoseconds(CLOCK_MONOTONIC)); }
Word prandom(Word, Word, Word, Word, Word, Env&) { return random_number(); }
Word pid_tgid(Word, Word, Word, Word, Word, Env&) {
  return Word{static_cast<std::uint32_t>(getpid())} << 32 | static_cast<std::uint32_t>(gettid());
}
Word uid_gid(Word, Word, Word, Word, Word, Env&) { return Word{getgid()} << 32 | getuid(); }

}  // namespace

HelperFn find_for_real_host(HelperId id) {
  struct Row {
    HelperId id;
    HelperFn function;
  };
  static constexpr auto kRows = std::to_array<Row>({
      {HelperId::ktime_get_ns, &clock_ns<CLOCK_MONOTONIC>},
      {HelperId::ktime_get_boot_ns, &clock_ns<CLOCK_BOOTTIME>},
      {HelperId::ktime_get_coarse_ns, &clock_ns<CLOCK_MONOTONIC_COARSE>},
      {HelperId::ktime_get_tai_ns, &clock_ns<CLOCK_TAI>},
      {HelperId::jiffies64, &jiffies},
      {HelperId::get_prandom_u32, &prandom},
      {HelperId::get_current_pid_tgid, &pid_tgid},
      {HelperId::get_current_uid_gid, &uid_gid},
  });
  for (const Row& row : kRows)
    if (row.id == id) return row.function;
  return nullptr;
}

std::uint64_t RealHost::now_ns(Clock clock) { return nanoseconds(id_of(clock)); }

std::uint32_t RealHost::random_u32() { return random_number(); }

Task RealHost::current_task() {
  Task task{.pid = static_cast<std::uint32_t>(gettid()),
            .tgid = static_cast<std::uint32_t>(getpid()),
            .uid = getuid(),
            .gid = getgid(),
            .comm = {}};
  prctl(PR_GET_NAME, task.comm.data());
  return task;
}

void RealHost::trace(std::string_view message) {
  if (callbacks_.trace) callbacks_.trace(message);
}

bool RealHost::read_memory(std::uint64_t address, std::span<std::byte> to) {
  const iovec local{.iov_base = to.data(), .iov_len = to.size()};
  const iovec remote{.iov_base = from_address<void>(address), .iov_len = to.size()};
  const ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  if (got < 0 && (errno == ENOSYS || errno == EPERM)) return read_own_memory_file(address, to);
  return got >= 0 && static_cast<std::size_t>(got) == to.size();
}

int RealHost::perf_output(Map& map, std::uint32_t cpu, std::span<const std::byte> sample) {
  return callbacks_.perf_output ? callbacks_.perf_output(map, cpu, sample) : -ENOENT;
}

}  // namespace skep::helpers
