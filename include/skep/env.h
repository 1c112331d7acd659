// SPDX-License-Identifier: Apache-2.0
// What a helper sees of the run that called it, and of the world outside.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string_view>

#include "skep/program_type.h"
#include "skep/stop_flag.h"

namespace skep {

class Map;

/// The task on whose behalf a tracing program runs.
struct Task {
  std::uint32_t pid = 0;   ///< Thread id (kernel: pid).
  std::uint32_t tgid = 0;  ///< Process id.
  std::uint32_t uid = 0, gid = 0;
  std::array<char, 16> comm{};  ///< NUL-padded.
};
enum class Clock : std::uint8_t { kMonotonic, kBoot, kCoarse, kTai };

/// The outside world as helpers see it. Subclass it to make runs reproducible or to feed another task's memory. All
/// members may be called from several threads at once.
class Host {
 public:
  virtual ~Host() = default;
  virtual std::uint64_t now_ns(Clock clock) = 0;
  virtual std::uint32_t random_u32() = 0;
  virtual Task current_task() = 0;
  /// One message of trace_printk / trace_vprintk, without the kernel's prefix.
  virtual void trace(std::string_view message) = 0;
  /// Copies memory of the traced task, all or nothing; false: some byte of it is not readable.
  virtual bool read_memory(std::uint64_t address, std::span<std::byte> to) = 0;
  /// A sample that a program sent with perf_event_output. Returns 0 or a negative errno.
  virtual int perf_output(Map& map, std::uint32_t cpu, std::span<const std::byte> sample) = 0;
};

/// Why a run ended otherwise than by reaching `exit`.
enum class Trap : std::uint8_t {
  kNone,
  kBudget,   ///< The instruction budget was used up.
  kMemory,   ///< An access outside the regions that the program may touch (checked runs only).
  kHelper,   ///< A call of a helper that this program's platform does not have.
  kStack,    ///< Call depth or stack limit exceeded.
  kIllegal,  ///< An instruction that cannot be executed was reached.
  kStopped,  ///< The run's StopFlag was set.
};

/// "none", "budget"...: for messages and JSON.
constexpr std::string_view name(Trap trap) {
  constexpr std::string_view kNames[] = {"none", "budget", "memory", "helper", "stack", "illegal", "stopped"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(Trap::kStopped) + 1);
  return kNames[static_cast<std::size_t>(trap)];
}

/// What Env::stop is when nobody may stop the run.
inline constinit const StopFlag kNeverStopped{};

/// One run of one program, shared by everything that it calls. Lives on the caller's stack; not thread-safe.
struct Env {
  Host* host = nullptr;
  std::uint32_t cpu = 0;         ///< Constant during the run; below cpus.
  std::uint32_t cpus = 1;        ///< Possible CPUs of the Vm.
  std::uint32_t tail_calls = 0;  ///< Done so far; at most 33.
  Trap trap = Trap::kNone;       ///< A helper may set it; the run then ends with it, whoever called the helper.
  void* context = nullptr;       ///< What r1 pointed to at entry.
  ProgramType type{};            ///< Of the program; some helpers (redirect) differ by it.
  const void* image = nullptr;   ///< The engine's own: the code that is running.
  void* engine = nullptr;        ///< The engine's own: its state for nested calls.
  /// Calls the subprogram whose address a LoadImm64 gave (r1 to r5 = args); returns its r0. For loop,
  /// for_each_map_elem.
  std::uint64_t (*invoke)(Env& env, std::uint64_t function, const std::array<std::uint64_t, 5>& args) = nullptr;
  /// What native code calls for a TailCall (r2, r3): the address of the jit::EntryFn to continue at, after counting it
  /// in tail_calls and setting `image`; 0: none, fall through.
  std::uint64_t (*tail_call)(Env& env, std::uint64_t map, std::uint64_t index) = nullptr;
  /// The engine's own: instructions left to native code that counts them.
  std::int64_t budget = std::numeric_limits<std::int64_t>::max();
  /// Never null. A helper that works for long may look at it.
  const StopFlag* stop = &kNeverStopped;
};

inline constexpr std::uint32_t kMaxTailCalls = 33;

/// What an engine needs to continue at a program, in a slot of a prog_array. All images of one Vm share its engine,
/// hence the meaning of `entry`.
struct TailTarget {
  std::uint64_t entry = 0;      ///< kJit: the address of the jit::EntryFn. kInterpreter: of the interpreter's code.
  const void* image = nullptr;  ///< The image, for Env::image and for whoever set the target.
};

}  // namespace skep
