// SPDX-License-Identifier: Apache-2.0
// The kernel's verifier log, written while exploration goes on (veristat, bpfvv and the selftests' __msg read it).
// Levels are those of BPF_PROG_LOAD: 1 keeps the path that led to the rejection only, 2 keeps every path and says what
// was found to matter, 4 adds statistics.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "skep/verify.h"
#include "verifier/domain/state.h"

namespace skep::verifier {

class Run;
struct Layout;

/// Registers and slots of the current frame that the instruction at hand used: what the log shows after it.
struct Touched {
  std::uint32_t regs = 0;
  std::uint64_t slots = 0;
  static constexpr Touched everything() { return {.regs = ~std::uint32_t{0}, .slots = ~std::uint64_t{0}}; }
};

class Log {
 public:
  explicit Log(const LogOptions& options) : options_(options.text == nullptr ? nullptr : &options), begin_(size()) {}

  [[nodiscard]] bool on() const { return options_ != nullptr && (options_->level & (kPath | kEverything)) != 0; }
  [[nodiscard]] bool detailed() const { return options_ != nullptr && (options_->level & kEverything) != 0; }
  [[nodiscard]] bool statistics() const { return options_ != nullptr && (options_->level & kStatistics) != 0; }
  void add(std::string_view text);
  [[nodiscard]] std::size_t size() const { return options_ == nullptr ? 0 : options_->text->size(); }

  // Events of exploration.
  void functions(const Layout& layout);
  void live_registers(const Run& run);
  void begin_path(const Run& run, InsnIndex at);
  void instruction(const Run& run, InsnIndex at);
  /// What the instruction left; `at`: the number that stands before it when it cannot stand behind the instruction.
  void state_after(const Run& run, InsnIndex at);
  /// A path saved when the log had `position` bytes goes on: level 1 forgets the one that ended.
  void resume(std::size_t position);
  void from_to(const Run& run, InsnIndex from, InsnIndex to);
  void safe(InsnIndex from, InsnIndex to);
  void enter_function(const Run& run);
  void leave_function(const Run& run, InsnIndex to);  ///< Before the frame is dropped...
  void caller(const Run& run);                        ///< ...and after.
  void accepted();                                    ///< Level 1 has nothing to say of an accepted program.
  void infinite_loop(const Run& run, const State& old);
  void loop_done(const Run& run);  ///< bpf_loop has called back as often as it can.
  /// The loop (strongly connected component) `scc` is entered or left, in the function that `callsites` lead to.
  void loop(std::string_view what, std::span<const InsnIndex> callsites, std::uint32_t scc);
  void finish(const VerifyStats& stats, std::uint64_t step_limit);

  // What mark_precise walks over (level 2).
  struct PrecisionStep {
    std::uint32_t frame = 0;
    std::uint32_t regs = 0;
    std::uint64_t slots = 0;
    InsnIndex at = 0;
  };
  void propagating(const PrecisionStep& step);
  void precision_range(std::uint32_t frame, InsnIndex last, InsnIndex first, InsnIndex following);
  void precision(const Run& run, const PrecisionStep& step);
  void precision_parent(const Run& run, const State& parent, const PrecisionStep& step);

  void touch_regs(std::uint32_t regs) { touched_.regs |= regs; }
  void touch_slot(std::uint32_t slot) { touched_.slots |= std::uint64_t{1} << slot; }
  void touch_everything() { touched_ = Touched::everything(); }

 private:
  static constexpr std::uint32_t kPath = 1, kEverything = 2, kStatistics = 4;
  static constexpr std::size_t kStateColumn = 38;

  void source_line(const Run& run, InsnIndex at);
  static std::string state(const Run& run, const State& state, std::uint32_t frame, const Touched& what);

  const LogOptions* options_;
  std::size_t begin_ = 0;
  Touched touched_;
  std::size_t line_start_ = 0, insn_end_ = 0;  // Of the last instruction written; its end counts the line break.
  bool resumed_ = false;                       // The path at hand was saved earlier and has just been taken up.
  bool jumped_ = false;                        // The same, or a function has returned: where from is worth a line.
  const LineInfo* last_line_ = nullptr;
};

}  // namespace skep::verifier
