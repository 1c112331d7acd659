// SPDX-License-Identifier: Apache-2.0
// One verification in progress: the program and what is known of it, the live state, and the services that rules and
// transfer functions need of the engine (reject, branch, remember, ask for precision).
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skep/platform.h"
#include "skep/verify.h"
#include "verifier/btf/prototype.h"
#include "verifier/btf/traced.h"
#include "verifier/domain/special_field.h"
#include "verifier/domain/state.h"
#include "verifier/engine/check.h"
#include "verifier/engine/layout.h"
#include "verifier/engine/log.h"
#include "verifier/engine/pool.h"
#include "verifier/engine/stack_liveness.h"

namespace skep::verifier {

/// A state waiting to be explored.
struct Pending {
  State* state = nullptr;
  std::size_t size = 0;
  std::size_t log_size = 0;  ///< Of the log when it was saved.
};

/// A checkpoint: a state that was seen at an instruction.
struct Checkpoint {
  State* state = nullptr;
  std::size_t size = 0;
  std::uint32_t hits = 0, misses = 0;
};

/// A path that came back into a loop and was found equal to a state whose own exploration had not ended.
struct BackEdge {
  State* state = nullptr;
  std::size_t size = 0;
  State* equal = nullptr;
};
/// One entry into a loop (strongly connected component) along one call chain.
struct LoopVisit {
  std::array<InsnIndex, kMaxFrames> callsites{};
  std::uint32_t frames = 0;
  std::uint32_t scc = 0;
  State* entry = nullptr;
  std::vector<BackEdge> back_edges;
};

/// For tests of soundness.
struct Watch {
  /// Sees the state before each instruction.
  std::function<void(const State&, InsnIndex)> before;
};

class Run {
 public:
  Run(const Program& program, const Platform& platform, const VerifyOptions& options, Layout layout);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Explores every path from the entry. Afterwards facts, stats and rejection tell the result.
  Check explore();

  // What rules and transfer functions read.
  const Program& program;
  const Platform& platform;
  const VerifyOptions options;  ///< All decided: no default remains.
  Layout layout;
  std::optional<Traced> traced{};     ///< The context is the arguments of a kernel function.
  std::vector<const MapSpec*> maps;   ///< The program's, then inner maps.
  std::vector<ValueKind> base_kinds;  ///< Of each load and store: what its base was when last seen.
  // Fields that the kernel manages, of the values of maps and of the program's types that were asked for.
  std::map<const MapSpec*, FieldRecord> map_fields{};
  std::map<TypeId, FieldRecord> type_fields{};
  std::map<std::uint32_t, Prototype> prototypes{};  ///< Of the global functions that were asked for, by subprogram.

  /// Not null: somebody looks on, and a path ends at an earlier state only when that covers its own in every range,
  /// whether it mattered or not, and in every slot. So what a run finds lies in one of the states seen.
  const Watch* watch = nullptr;

  // Where exploration stands. Transfer functions set `next` and `path_ends`.
  LiveState live;
  State& state;
  InsnIndex at = 0;
  InsnIndex previous = kNoInsn;
  InsnIndex next = 0;
  bool path_ends = false;

  // Results.
  Facts facts;
  VerifyStats stats;
  std::optional<Diagnostic> rejection;
  StackLiveness stack_liveness;
  Log log;

  [[nodiscard]] Frame& frame() { return state.frame(); }
  [[nodiscard]] Value& reg(isa::Reg reg) { return state.frame().regs[reg.index]; }
  [[nodiscard]] Value& reg(std::uint32_t index) { return state.frame().regs[index]; }
  [[nodiscard]] const MapSpec& map_of(const Value& value) const { return *maps[value.target]; }
  std::uint32_t new_id() { return ++last_id_; }
  [[nodiscard]] const InsnPlan& plan(InsnIndex insn) const { return layout.insns[insn]; }

  /// A line of the log that goes before a rejection's own.
  template <class... Parts>
  void explain(const Parts&... parts) {
    if (log.on()) log.add((... + std::string(parts)) + "\n");
  }

  /// Records why the program is rejected, with registers and path. Only the first reason counts.
  template <class... Args>
  Check reject(DiagCode code, Args... args) {
    return record(code, {DiagArg{std::move(args)}...});
  }

  /// Saves a copy of the live state to be explored later from `target`; nullptr: the limit was hit and recorded.
  State* push_branch(InsnIndex target);
  /// Saves a copy of `fresh`, which descends from no other state, to be explored later from `target`.
  bool push_fresh(const State& fresh, InsnIndex target);
  /// Notes that this instruction spilled to or filled from a slot / has linked registers, for precision.
  void remember(const HistoryEntry& entry);
  /// The exact value of the register mattered: marks what it came from as precise, back along the path.
  void mark_precise(std::uint32_t reg);
  /// The same of the number spilled to that slot of that frame.
  void mark_slot_precise(std::uint32_t frame, std::uint32_t slot);
  /// A callback returned to the helper at `insn`: numbers that changed since the last time there and that nothing
  /// relied on are forgotten, so that the iterations converge.
  void widen(State& returning, InsnIndex insn, std::uint32_t below_depth);

 private:
  struct Marks;  // Registers and slots whose precision is wanted (precision.cc).

  Check record(DiagCode code, std::vector<DiagArg> args);
  [[nodiscard]] std::vector<InsnIndex> path() const;
  [[nodiscard]] std::vector<Cause> causes(const Diagnostic& reason) const;  // causes.cc

  // explore.cc
  Check explore_all();
  void enter(std::uint32_t subprogram);
  Check explore_from(std::uint32_t subprogram);
  Check explore_global_functions();
  void forget_checkpoints();
  Check explore_path();
  void log_insn();
  bool next_pending();
  bool too_many_pending();
  void end_path();
  State* save(std::size_t& size);

  // visited.cc
  enum class Seen : std::uint8_t { kNew, kEqual, kRejected };
  Seen visit();
  Seen compare_with_unfinished(const Checkpoint& old, bool& add, bool force, bool& hit, bool& loop);
  void clean_checkpoints(std::vector<Checkpoint>& list);
  void clean(State& saved);
  void hit(Checkpoint& old, bool loop);
  void add_checkpoint(std::vector<Checkpoint>& list);
  [[nodiscard]] bool same_calls(const State& a, const State& b) const;

  // loops.cc
  LoopVisit* find_loop(const State& of, bool create);
  [[nodiscard]] bool marks_incomplete(const State& saved);
  void leave_loop(State& ended);
  void release(State* saved, std::size_t size);
  void evict(State& saved, std::size_t size);

  // precision.cc
  void propagate_precision(const State& from, State& to, bool is_live, bool* changed);
  void backtrack(State& start, Marks& marks, InsnIndex last, bool* changed);
  enum class Step : std::uint8_t { kDone, kLost };
  Step undo(InsnIndex insn, InsnIndex following, const HistoryEntry* entry, Marks& marks);
  void mark_everything_precise(State& start);

  StatePool pool_;
  std::vector<Pending> pending_;
  std::vector<std::vector<Checkpoint>> seen_;  // By instruction; newest last.
  std::vector<LoopVisit> loops_;
  std::vector<Pending> evicted_;  // No longer compared with, but a loop may still mark what is in them.
  std::uint32_t last_id_ = 0;
  bool remembered_ = false;  // An entry of `history` belongs to the instruction at hand.
  std::uint64_t kept_states_ = 0;
  std::uint64_t jumps_ = 0, jumps_before_ = 0, processed_before_ = 0;
};

}  // namespace skep::verifier
