// SPDX-License-Identifier: Apache-2.0
// A client of the running kernel's bpf(2): loads a program as skep sees it, reads verdict, log and native code, and
// test-runs it. It never attaches anything. For comparisons only: no product feature needs it, and every function says
// when the kernel refuses bpf(2).
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skep/program.h"
#include "skep/result.h"

namespace skep::kernel {

/// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Why bpf(2) cannot be used here (no permission, no syscall); nothing: it can. Asks once a process.
const std::optional<std::string>& why_unavailable();

struct LoadOptions {
  std::uint32_t log_level =
      1;                    ///< Bits of the kernel's log_level: 1 states at jumps, 2 every instruction, 4 statistics.
  std::uint32_t flags = 0;  ///< BPF_F_* of BPF_PROG_LOAD, beside the program's own.
};
/// The kernel's verdict. `program` is valid exactly when it accepted.
struct Loaded {
  Fd program;
  std::vector<Fd> maps;  ///< In the order of Program::maps.
  int error = 0;         ///< errno; 0: accepted.
  std::string log;
  /// From the log's statistics (log_level with bit 4, or any rejection); 0 where it has none.
  std::uint64_t processed = 0;
  std::uint64_t states = 0;
  std::uint64_t verification_us = 0;

  [[nodiscard]] bool accepted() const { return error == 0; }
  /// The last sentence of the log that is no statistic and no source line: why the program was rejected.
  [[nodiscard]] std::string last_sentence() const;
};
/// Creates the program's maps (with initial contents, frozen where the spec says so) and loads it, as libbpf would.
/// Error: bpf(2) does not work, a map could not be created or the kernel has no such attach target, so that it gave no
/// verdict on the program.
Result<Loaded> load(const Program& program, const LoadOptions& options = {});

/// Makes one map. Error: the kernel's errno in words.
Result<Fd> create_map(const MapSpec& spec);
/// bpf(2) operations on a map: 0 or a negative errno.
int map_update(const Fd& map, std::span<const std::byte> key, std::span<const std::byte> value, std::uint64_t flags);
int map_lookup(const Fd& map, std::span<const std::byte> key, std::span<std::byte> value);
int map_delete(const Fd& map, std::span<const std::byte> key);
int map_next_key(const Fd& map, std::span<const std::byte> key, std::span<std::byte> next);

struct TestRun {
  std::uint32_t retval = 0;
  std::uint32_t duration_ns = 0;  ///< Mean of the repetitions.
  std::vector<std::byte> data_out;
  std::vector<std::byte> context_out;
};
struct TestRunOptions {
  std::span<const std::byte> data;     ///< The packet; empty for types that take none.
  std::span<const std::byte> context;  ///< UAPI context; empty: none given.
  std::uint32_t repeat = 1;
};
/// BPF_PROG_TEST_RUN. Error: the type cannot be test-run, or the input is refused.
Result<TestRun> test_run(const Fd& program, const TestRunOptions& options);

/// The kernel JIT's code of a program without subprograms, and where the kernel placed it.
struct JitedImage {
  std::vector<std::byte> code;
  std::uint64_t address = 0;
};
/// Error: the kernel hides it (kptr_restrict), its JIT is off, or the program has subprograms.
Result<JitedImage> jited_image(const Fd& program);

}  // namespace skep::kernel
