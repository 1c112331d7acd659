// SPDX-License-Identifier: Apache-2.0
// The verifier from outside. A rejection is data; text, JSON and the kernel's log are renderings of it (tools/render).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skep/platform.h"
#include "skep/program.h"

namespace skep {

enum class DiagCode : std::uint16_t {
#define DIAG(code, name, ...) k##name = code,
#include "skep/tables/diagnostics.def"
};
using DiagArg = std::variant<std::int64_t, std::uint64_t, std::string>;

/// Part of why a register held what it held: an instruction of the rejected path.
enum class CauseKind : std::uint8_t {
  kSet,       ///< It computed, loaded or was given the value.
  kStored,    ///< It put the value on the stack, from where it was read.
  kTested,    ///< A branch on it.
  kPassed,    ///< A call that the value was an argument of.
  kAcquired,  ///< A call that gave the resource which was not given back.
};
struct Cause {
  InsnIndex at = 0;
  CauseKind kind{};
  bool taken = false;  ///< kTested: the branch was taken.
};

/// One reason for rejection. `args` fill the placeholders of the row's sentence.
struct Diagnostic {
  DiagCode code{};
  InsnIndex at = 0;
  std::vector<DiagArg> args{};
  std::vector<InsnIndex> path{};  ///< Branch instructions passed from the entry to `at`, oldest first.
  std::vector<std::string>
      registers{};              ///< "R1=ctx()", "R2=scalar(...)": the state before `at`, as the kernel's log prints it.
  std::vector<Cause> causes{};  ///< Where what was refused came from along the data flow, oldest first.
};
std::string message(const Diagnostic& diagnostic);  ///< The kernel's sentence, placeholders filled.
std::string_view name(DiagCode code);               ///< "UninitializedRead"
std::string hint(const Diagnostic& diagnostic);     ///< What to do, placeholders filled; may be empty.
/// Numbers of the registers that the sentence names.
std::vector<std::uint32_t> registers_named(const Diagnostic& diagnostic);

/// What the verifier proved of an instruction on every path; lowering may rely on it. kKernel: an object that only a
/// kernel has, on at least one path.
enum class MemoryKind : std::uint8_t { kUnknown, kContext, kStack, kPacket, kMapValue, kKernel, kOther };
/// A number that an instruction had to do with: known where it was the same on every path.
class SameOnEveryPath {
 public:
  /// On one path it was `now`; nullopt: it is not known there.
  void see(std::optional<std::uint32_t> now) {
    const bool differs = !now || (seen_ == Seen::kOne && *now != value_);
    if (differs) seen_ = Seen::kSeveral;
    if (seen_ == Seen::kNever) seen_ = Seen::kOne;
    if (now) value_ = *now;
  }
  [[nodiscard]] std::optional<std::uint32_t> get() const {
    return seen_ == Seen::kOne ? std::optional(value_) : std::nullopt;
  }

 private:
  enum class Seen : std::uint8_t { kNever, kOne, kSeveral };
  std::uint32_t value_ = 0;
  Seen seen_ = Seen::kNever;
};
/// Bytes of the stack that a load, store or atomic touches, on all paths together, counted from r10 of the function
/// that it is in.
struct StackAccess {
  std::int16_t low = 0, high = 0;  ///< From `low` up to but not including `high`.
  std::uint8_t bytes = 0;          ///< At a time.
  bool elsewhere = false;          ///< It was also seen in another function's frame.
  [[nodiscard]] bool known() const { return low < high && !elsewhere; }
};
struct InsnFacts {
  bool reachable = false;
  MemoryKind memory = MemoryKind::kUnknown;  ///< Of a load, store or atomic: what its base points to.
  StackAccess stack{};                       ///< memory == kStack.
  std::int32_t context_offset = 0;           ///< memory == kContext: offset of the access from the context's start.
  SameOnEveryPath map{};                     ///< Of a helper call that takes a map: its index in Program::maps.
  SameOnEveryPath outer_map{};               ///< The same where an inner map is passed: index of its map of maps.
  SameOnEveryPath key{};                     ///< Of a lookup in an array: the index that its key holds.
};
struct Facts {
  std::vector<InsnFacts> insns{};  ///< One a slot; empty: nothing is known.
  std::uint32_t cpus = 0;          ///< It was relied on that the program runs on one of so many CPUs; 0: it was not.
};

struct VerifyStats {
  std::uint64_t processed = 0;            ///< Instructions processed, as the kernel's "processed N insns".
  std::uint64_t states = 0;               ///< States kept for comparison, all paths together.
  std::uint32_t stack_depth = 0;          ///< Bytes, deepest call chain.
  std::uint64_t peak_states = 0;          ///< States kept at once, at most.
  std::uint32_t max_states_per_insn = 0;  ///< States kept at one instruction, at most.
  std::uint64_t usec = 0;                 ///< Time that exploration took.
  std::string subprogram_stacks{};        ///< "16+0+8": bytes of stack of each function, as the kernel's log has them.
};
/// The log that Linux's verifier would write. The caller owns `text`, to which is appended; null: no log, and no cost.
struct LogOptions {
  std::string* text = nullptr;
  std::uint32_t level = 1;  ///< Bits as in BPF_PROG_LOAD: 1 the path that was rejected, 2 all paths, 4 statistics.
  std::size_t limit = std::size_t{16} << 20;  ///< Bytes; what goes beyond takes the place of the oldest.
};
struct VerifyOptions {
  std::uint64_t step_limit = 1'000'000;
  std::size_t memory_limit = std::size_t{256} << 20;  ///< Bytes for states; a program that needs more is rejected.
  LogOptions log{};
  std::uint32_t cpus = 0;  ///< CPUs that the program may run on; 0: as many as this machine may have.
};

class VerifiedProgram;
struct Rejection {
  Diagnostic reason{};
  VerifyStats stats{};
};
using Verdict = std::variant<VerifiedProgram, Rejection>;

/// Judges `program` as Linux would. Pure; needs no kernel. Time and memory are bounded by the options.
Verdict verify(Program program, const Platform& platform = Platform::linux_like(), const VerifyOptions& options = {});

/// A program that may run. Only verify() makes one, or whoever says so by name.
class VerifiedProgram {
 public:
  /// For bytecode that cannot be verified (no type, no context). Run it in the interpreter with checked memory, or
  /// trust it.
  static VerifiedProgram trust_without_verification(Program program);

  [[nodiscard]] const Program& program() const { return program_; }
  [[nodiscard]] const Facts& facts() const { return facts_; }
  [[nodiscard]] const VerifyStats& stats() const { return stats_; }

 private:
  friend Verdict verify(Program, const Platform&, const VerifyOptions&);
  VerifiedProgram(Program program, Facts facts, VerifyStats stats);
  Program program_;
  Facts facts_;
  VerifyStats stats_{};
};

}  // namespace skep
