// SPDX-License-Identifier: Apache-2.0
// Depth-first exploration of every path, in the order in which Linux explores, so that the number of processed
// instructions is comparable: the branch not taken first, the other one saved for later.
#include <algorithm>

#include "base/try.h"
#include "verifier/domain/print.h"
#include "verifier/engine/run.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {

Run::Run(const Program& the_program, const Platform& the_platform, const VerifyOptions& the_options, Layout the_layout)
    : program(the_program),
      platform(the_platform),
      options(the_options),
      layout(std::move(the_layout)),
      state(live.state()),
      stack_liveness(program.insns, layout),
      seen_(program.insns.size()) {
  for (const auto& map : program.maps) maps.push_back(map.get());
  facts.insns.resize(program.insns.size());
}

Check Run::record(DiagCode code, std::vector<DiagArg> args) {
  if (!rejection)
    rejection = Diagnostic{
        .code = code, .at = at, .args = std::move(args), .path = path(), .registers = print_registers(*this)};
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
  size = packed_size(state);
  return pack(state, pool_.allocate(size));
}

State* Run::push_branch(InsnIndex target) {
  constexpr std::size_t kMaxPending = 8192;
  if (pending_.size() >= kMaxPending) {
    static_cast<void>(reject(DiagCode::kTooManyJumps, std::uint64_t{pending_.size() + 1}));
    return nullptr;
  }
  Pending saved;
  saved.state = save(saved.size);
  saved.state->insn = target;
  saved.state->last = at;
  if (saved.state->parent != nullptr) ++saved.state->parent->branches;
  pending_.push_back(saved);
  return saved.state;
}

bool Run::next_pending() {
  if (pending_.empty()) return false;
  const Pending taken = pending_.back();
  pending_.pop_back();
  live.restore(*taken.state);
  release(taken.state, taken.size);
  next = state.insn;
  at = state.last;
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

void Run::enter_program() {
  Frame& entry = state.frame();
  entry.regs[1] = pointer(ValueKind::kContext);
  entry.regs[10] = stack_pointer(0);
  next = 0;
  at = kNoInsn;
}

Check Run::explore() {
  enter_program();
  do {
    TRY_OK(explore_path());
    end_path();
  } while (next_pending());
  return check_stack_depth(*this);
}

Check Run::explore_path() {
  path_ends = false;
  while (!path_ends) {
    previous = at;
    at = next;
    remembered_ = false;
    if (++stats.processed > options.step_limit) return reject(DiagCode::kTooManySteps, stats.processed);
    state.last = previous;
    state.insn = at;
    const InsnPlan& here = layout.insns[at];
    if (here.prune) {
      const Seen seen = visit();
      if (seen == Seen::kRejected) return Check::rejected();
      if (seen == Seen::kEqual) return Check::ok();
    }
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
