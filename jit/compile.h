// SPDX-License-Identifier: Apache-2.0
// lower::Code -> native code of this host.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "jit/code_map.h"
#include "jit/options.h"
#include "lower/code.h"
#include "skep/env.h"
#include "skep/result.h"

namespace skep::jit {

/// Entry of the compiled program: r1, r2 and the run; returns r0. Env::invoke must be NativeCode's (set it from
/// invoke()).
using EntryFn = std::uint64_t (*)(std::uint64_t r1, std::uint64_t r2, Env& env);

/// What code does with the Env that it is given.
enum class EnvUse : std::uint8_t {
  kNone,     ///< Nothing: any Env will do, even none.
  kReads,    ///< Reads it, as do the helpers that it calls: one Env serves any number of runs, one after the other.
  kChanges,  ///< May set the trap, the count of tail calls and the image.
};

/// Executable memory, never writable and executable at once. Immutable; shared because tail calls keep their targets
/// alive.
class NativeCode {
 public:
  virtual ~NativeCode() = default;
  [[nodiscard]] virtual EntryFn entry() const = 0;
  [[nodiscard]] virtual std::span<const std::byte> bytes() const = 0;
  /// For Env::invoke; nullptr: nothing that this code calls, or leads to, may call functions.
  [[nodiscard]] virtual decltype(Env::invoke) invoke() const = 0;
  [[nodiscard]] virtual EnvUse env_use() const = 0;
  /// Of bytes(); empty unless it was asked for.
  [[nodiscard]] virtual const CodeMap& map() const = 0;
};

/// Compiles for the host, with all the features that it has. Error: kUnsupported on other hosts, kSystem when
/// executable memory cannot be had.
Result<std::shared_ptr<const NativeCode>> compile(const lower::Code& code, const lower::Bindings& bindings);
/// Asking for features of the CPU that it has not is undefined.
Result<std::shared_ptr<const NativeCode>> compile(const lower::Code& code, const lower::Bindings& bindings,
                                                  const CompileOptions& options, Mapping mapping = Mapping::kOff);

}  // namespace skep::jit
