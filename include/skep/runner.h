// SPDX-License-Identifier: Apache-2.0
// Running one program many times.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "skep/env.h"
#include "skep/vm.h"

namespace skep {

/// Runs of one image, prepared once. What Image::run() does for each run (choose a CPU number, set up an Env, look at
/// the options) happened when the Runner was made; a run then resets what the program can have changed, which is
/// nothing for native code that neither tail-calls nor traps, and calls the code. Results are those of
/// Image::run(context, options).
///
/// Owns a share of the image, which outlives its Vm. One run at a time: not thread-safe, and a helper must not run the
/// Runner that called it. Without RunOptions::cpu the CPU number is that of the thread that makes the Runner, to be
/// used on this thread alone; with it, Runners that run at the same time need different numbers, as programs rely on
/// nobody else having their CPU's value of a per-CPU map.
class Runner {
 public:
  /// What options.regions refers to outlives the Runner.
  explicit Runner(Image image, const RunOptions& options = {});
  Runner(Runner&&) noexcept = default;
  Runner& operator=(Runner&&) noexcept = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner() = default;

  /// r1 = the context's address, r2 = its size. Allocates nothing.
  [[nodiscard]] RunResult run(std::span<std::byte> context) {
    env_.context = context.data();
    if (entry_ == nullptr) return run_otherwise(context);
    return {.r0 = entry_(std::bit_cast<std::uint64_t>(context.data()), context.size(), env_)};
  }
  [[nodiscard]] const Image& image() const { return image_; }

 private:
  RunResult run_otherwise(std::span<std::byte> context);

  Image image_;
  RunOptions options_;
  Env env_;  ///< Between runs as at the first one, but for what run_otherwise() resets.
  /// Native code that leaves its Env as it is; null: there is none, or the options want more than to run it.
  std::uint64_t (*entry_)(std::uint64_t r1, std::uint64_t r2, Env& env) = nullptr;
};

}  // namespace skep
