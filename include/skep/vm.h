// SPDX-License-Identifier: Apache-2.0
// Running programs.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "skep/env.h"
#include "skep/map.h"
#include "skep/native_options.h"
#include "skep/passes.h"
#include "skep/platform.h"
#include "skep/verify.h"

namespace skep {

enum class Engine : std::uint8_t {
  kInterpreter,
  kJit,  ///< Native code for this host; Vm::load fails with kUnsupported on a host that is neither x86-64 nor arm64.
};

/// What tools outside of the process see of native code: functions are named bpf_prog_NAME.
struct DebugOptions {
  bool perf_map = false;  ///< Vm::load appends addresses and names to /tmp/perf-PID.map, which perf reads.
  /// Functions, source lines and frames of each image are known to gdb and lldb (their JIT interface) while it lives.
  bool gdb = false;
};

struct VmOptions {
  Engine engine = Engine::kJit;
  std::uint32_t cpus = 0;        ///< Values of per-CPU maps; 0: as many as this machine has.
  std::shared_ptr<Host> host{};  ///< Null: the real clock, random numbers, this process as task, traces dropped.
  CpuFeatures avoid{};           ///< Not used by native code even where the CPU has them.
  /// Lookups in arrays, tail calls and what else a few instructions do are made without a call, other helpers called
  /// through functions made for the map's type (docs/engines.md). Off: every helper through its general function, to
  /// tell where a difference comes from.
  bool inline_helpers = true;
  /// Optimisations of what runs: of native code, and of the interpreter's runs that neither count nor check.
  PassSet passes = PassSet::all();
  LimitOptions limits{};  ///< Of native code: what its runs may be given.
  DebugOptions debug{};   ///< kJit only.
  /// Runs are counted by instruction, see Image::profile(), with neither inlined helpers nor passes. kInterpreter only:
  /// with kJit, Vm::load fails with kInvalid.
  bool profile = false;
};

/// Memory that a checked run may touch besides stack, context and map values.
struct Region {
  std::span<std::byte> bytes{};
  bool writable = true;
};
struct RunOptions {
  // Native code that was loaded without the check (VmOptions::limits) is not run: the run traps with kIllegal.
  std::uint64_t budget = 0;  ///< Instructions; 0: no limit.
  const StopFlag* stop{};    ///< Ends the run with Trap::kStopped. Null: nobody does.

  /// Interpreter only (with kJit the run traps with kIllegal): every access is checked against context, stack, map
  /// values and `regions`. For unverified programs.
  bool checked = false;
  std::span<const Region> regions{};
  /// CPU that the program is told and whose per-CPU values it gets, modulo the Vm's cpus. -1: a number that no other
  /// live thread has.
  std::int32_t cpu = -1;
};
struct RunResult {
  std::uint64_t r0 = 0;
  Trap trap = Trap::kNone;
  InsnIndex at = 0;  ///< Of a trap, where the engine knows it.
  friend bool operator==(const RunResult&, const RunResult&) = default;
};

/// How often instructions ran, by slot of Program::insns.
struct Profile {
  std::vector<std::uint64_t> executed{};
  std::vector<std::uint64_t> taken{};  ///< Of conditional branches: how often they jumped; else 0.
};

/// Executable form of one program bound to its maps. A shared handle to an immutable object; run() may be called from
/// several threads and allocates nothing. Who runs a program very often makes a Runner (runner.h) of it.
class Image {
 public:
  /// r1 = the context's address, r2 = its size.
  [[nodiscard]] RunResult run(std::span<std::byte> context) const {
    if (bare_ != nullptr) return {.r0 = bare_(std::bit_cast<std::uint64_t>(context.data()), context.size())};
    return run(context, RunOptions{});
  }
  [[nodiscard]] RunResult run(std::span<std::byte> context, const RunOptions& options) const;
  [[nodiscard]] const Program& program() const;
  /// Native code; empty for the interpreter.
  [[nodiscard]] std::span<const std::byte> native_code() const;
  /// Sums over all runs of this image so far, tail calls into it included; empty vectors without VmOptions::profile.
  /// May be called while threads run it: each count is exact, but runs in progress are counted in part.
  [[nodiscard]] Profile profile() const;

  struct Impl;
  explicit Image(std::shared_ptr<const Impl> impl);
  [[nodiscard]] const std::shared_ptr<const Impl>& impl() const { return impl_; }

 private:
  std::shared_ptr<const Impl> impl_{};
  /// Native code that makes no use of an Env, called straight; null: there is none.
  std::uint64_t (*bare_)(std::uint64_t r1, std::uint64_t r2) = nullptr;
};

/// Owns the maps that its images share: programs that name the same map get the same one. Movable; load() and the map
/// operations on the Vm itself are not thread-safe, the maps are.
class Vm {
 public:
  explicit Vm(const Platform& platform = Platform::linux_like(), VmOptions options = {});
  ~Vm();
  Vm(Vm&&) noexcept;
  Vm& operator=(Vm&&) noexcept;

  /// Binds the program to this Vm's maps (making those that are missing) and prepares it for the Vm's engine.
  Result<Image> load(const VerifiedProgram& program);
  /// Makes a map before any program needs it. Error: the name is taken by a different map.
  Result<std::shared_ptr<Map>> create_map(const std::shared_ptr<const MapSpec>& spec);
  /// nullptr: no such map.
  [[nodiscard]] std::shared_ptr<Map> find_map(std::string_view name) const;
  [[nodiscard]] std::vector<std::shared_ptr<Map>> maps() const;
  /// Puts an image into a prog_array. 0 or a negative errno.
  MapResult set_tail_call(Map& prog_array, std::uint32_t index, const Image& image);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep
