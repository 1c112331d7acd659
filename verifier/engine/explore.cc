// SPDX-License-Identifier: Apache-2.0
// Depth-first exploration of every path, in the order in which Linux explores, so that the number of processed
// instructions is comparable: the branch not taken first, the other one saved for later.
#include <algorithm>

#include "base/cpus.h"
#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/engine/run.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

namespace {
VerifyOptions decided(VerifyOptions options) {
  if (options.cpus == 0) options.cpus = possible_cpus();
  return options;
}
}  // namespace

Run::Run(const Program& the_program, const Platform& the_platform, const VerifyOptions& the_options, Layout the_layout)
    : program(the_program),
      platform(the_platform),
      options(decided(the_options)),
      layout(std::move(the_layout)),
      state(live.state()),
      stack_liveness(program.insns, layout),
      log(the_options.log),
      seen_(program.insns.size()) {
  for (const auto& map : program.maps) maps.push_back(map.get());
  facts.insns.resize(program.insns.size());
  base_kinds.resize(program.insns.size());
}

Check Run::record(DiagCode code, std::vector<DiagArg> args) {
  Diagnostic made{.code = code, .at = at, .args = std::move(args)};
  if (log.on()) log.add(message(made) + "\n");
  if (!rejection) {
    made.path = path();
    made.registers = print_registers(*this);
    made.causes = causes(made);
    rejection = std::move(made);
  }
  return Check::rejected();
}

std::vector<InsnIndex> Run::path() const {
  std::vector<const State*> states;
  for (const State* s = &state; s != nullptr; s = s->parent) states.push_back(s);
  std::vector<InsnIndex> result;
  for (auto s = states.rbegin(); s != states.rend(); ++s)
    for (std::uint32_t i = 0; i < (*s)->history_count; ++i)
      if (const InsnIndex jump = (*s)->history[i].previous; jump != kNoInsn && layout.insns[(*s)->history[i].at].jump)
        result.push_back(jump);
  return result;
}

State* Run::save(std::size_t& size) {
  const Packing packing(state);
  size = packing.bytes();
  return packing.copy_to(pool_.allocate(size));
}

bool Run::too_many_pending() {
  constexpr std::size_t kMaxPending = 8192;
  if (pending_.size() < kMaxPending) return false;
  static_cast<void>(reject(DiagCode::kTooManyJumps, std::uint64_t{pending_.size() + 1}));
  return true;
}

State* Run::push_branch(InsnIndex target) {
  if (too_many_pending()) return nullptr;
  Pending saved{.log_size = log.size()};
  saved.state = save(saved.size);
  saved.state->insn = target;
  saved.state->last = at;
  if (saved.state->parent != nullptr) ++saved.state->parent->branches;
  pending_.push_back(saved);
  return saved.state;
}

bool Run::push_fresh(const State& fresh, InsnIndex target) {
  if (too_many_pending()) return false;
  Pending saved{.log_size = log.size()};
  const Packing packing(fresh);
  saved.size = packing.bytes();
  saved.state = packing.copy_to(pool_.allocate(saved.size));
  saved.state->insn = saved.state->first = target;
  pending_.push_back(saved);
  return true;
}

bool Run::next_pending() {
  if (pending_.empty()) return false;
  const Pending taken = pending_.back();
  pending_.pop_back();
  live.restore(*taken.state);
  release(taken.state, taken.size);
  next = state.insn;
  at = state.last;
  log.resume(taken.log_size);
  return true;
}

void Run::release(State* saved, std::size_t size) {
  pool_.release(static_cast<std::byte*>(static_cast<void*>(saved)), size);
}

/// Frees a state that nobody compares with any more, now or when its last path has ended.
void Run::evict(State& saved, std::size_t size) {
  if (saved.branches != 0) {
    saved.evicted_size = static_cast<std::uint32_t>(size);
  } else if (marks_incomplete(saved)) {
    evicted_.push_back({.state = &saved, .size = size});
  } else {
    --kept_states_;
    release(&saved, size);
  }
}

void Run::end_path() {
  State* parent = state.parent;
  if (--state.branches != 0) return;
  while (parent != nullptr) {
    State& ended = *parent;
    if (--ended.branches != 0) return;
    leave_loop(ended);
    parent = ended.parent;
    if (ended.evicted_size != 0) evict(ended, ended.evicted_size);
  }
}

void Run::enter(std::uint32_t subprogram) {
  live.reset();
  Frame& entry = state.frame();
  entry.subprogram = static_cast<std::uint16_t>(subprogram);
  state.sleepable = program.sleepable;
  entry.regs[1] = pointer(ValueKind::kContext);
  entry.regs[10] = stack_pointer(0);
  next = layout.subprograms[subprogram].first;
  state.first = next;
  at = kNoInsn;
}

Check Run::explore_from(std::uint32_t subprogram) {
  enter(subprogram);
  if (subprogram == layout.exception_callback) {
    TRY_OK(enter_exception_callback(*this));
  } else if (subprogram != 0) {
    TRY_OK(enter_global(*this, subprogram));
  }
  log.begin_path(*this, next);
  do {
    TRY_OK(explore_path());
    end_path();
  } while (next_pending());
  return Check::ok();
}

/// States of one function say nothing of another.
void Run::forget_checkpoints() {
  for (std::vector<Checkpoint>& list : seen_) {
    for (const Checkpoint& old : list) release(old.state, old.size);
    list.clear();
  }
  loops_.clear();
}

/// Judges every global function that a call was found of; that may find calls of more.
Check Run::explore_global_functions() {
  if (layout.exception_callback) layout.subprograms[*layout.exception_callback].called = true;
  for (bool again = true; again;) {
    again = false;
    for (std::uint32_t i = 1; i < layout.subprograms.size(); ++i) {
      Subprogram& sub = layout.subprograms[i];
      if (!sub.global || !sub.called || sub.verified) continue;
      sub.verified = again = true;
      forget_checkpoints();
      TRY_OK(explore_from(i));
    }
  }
  return Check::ok();
}

Check Run::explore() {
  log.live_registers(*this);
  const Check paths = explore_all();
  for (const Subprogram& sub : layout.subprograms)
    stats.subprogram_stacks += (stats.subprogram_stacks.empty() ? "" : "+") + std::to_string(sub.stack_bytes);
  return paths;
}

Check Run::explore_all() {
  TRY_OK(check_fields_fit_program(*this));
  TRY_OK(explore_from(0));
  TRY_OK(explore_global_functions());
  return check_stack_depth(*this);
}

/// The state that the last instruction left, and the instruction at hand.
void Run::log_insn() {
  if (!log.on()) return;
  log.from_to(*this, previous, at);
  log.state_after(*this, at);
  log.instruction(*this, at);
  log.touch_regs(touched_registers(program.insns[at], program, platform, layout));
}

Check Run::explore_path() {
  path_ends = false;
  while (!path_ends) {
    previous = at;
    at = next;
    remembered_ = false;
    if (++stats.processed > options.step_limit) return reject(DiagCode::kTooManySteps, stats.processed);
    if (pool_.bytes() > options.memory_limit)
      return reject(DiagCode::kTooMuchMemory, std::uint64_t{options.memory_limit >> 20});
    state.last = previous;
    state.insn = at;
    const InsnPlan& here = layout.insns[at];
    if (here.prune) {
      const Seen seen = visit();
      if (seen == Seen::kRejected) return Check::rejected();
      if (seen == Seen::kEqual) {
        log.safe(previous, at);
        return Check::ok();
      }
    }
    if (watch != nullptr) watch->before(state, at);
    log_insn();
    if (here.jump) remember({});
    facts.insns[at].reachable = true;
    next = at + 1;
    if (is_jump(program.insns[at])) ++jumps_;
    stack_liveness.begin(state, at);
    TRY_OK(step(*this));
    stack_liveness.commit();
  }
  return Check::ok();
}

}  // namespace skep::verifier
