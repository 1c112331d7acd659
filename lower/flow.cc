// SPDX-License-Identifier: Apache-2.0
#include "lower/flow.h"

#include <algorithm>
#include <string>

#include "base/try.h"

namespace skep::lower {
namespace {

Error malformed(InsnIndex at, const std::string& what) {
  return {Errc::kMalformed, "instruction " + std::to_string(at) + ": " + what};
}

bool is_insn(const isa::Insns& insns, std::int64_t slot) {
  return slot >= 0 && slot < static_cast<std::int64_t>(insns.size()) &&
         !std::holds_alternative<isa::Continuation>(insns[static_cast<std::size_t>(slot)]);
}

/// `to` is not an instruction.
Error bad_edge(const isa::Insns& insns, InsnIndex at, std::int64_t to, const char* what) {
  if (to < 0 || to >= static_cast<std::int64_t>(insns.size()))
    return malformed(at, std::string(what) + " leads to " + std::to_string(to) + ", outside of the program (0 to " +
                             std::to_string(insns.size() - 1) + ")");
  return malformed(
      at, std::string(what) + " leads into the middle of the 16-byte instruction at " + std::to_string(to - 1));
}

/// Collects edges from what can run, one straight line after the other.
class Explorer {
 public:
  explicit Explorer(const VerifiedProgram& program)
      : insns_(program.program().insns), facts_(program.facts().insns), flow_() {
    flow_.reachable.assign(insns_.size(), 0);
    flow_.jumped_to.assign(insns_.size(), 0);
  }

  Result<Flow> run() {
    if (insns_.empty()) return Error{Errc::kMalformed, "the program has no instructions"};
    if (!facts_.empty() && facts_.size() != insns_.size())
      return Error{Errc::kInvalid, "facts for " + std::to_string(facts_.size()) + " of " +
                                       std::to_string(insns_.size()) + " instructions"};
    flow_.entries.push_back(0);
    push(0);
    while (!work_.empty()) {
      const InsnIndex at = work_.back();
      work_.pop_back();
      TRY_OK(follow(at));
    }
    std::ranges::sort(flow_.entries);
    flow_.entries.erase(std::unique(flow_.entries.begin(), flow_.entries.end()), flow_.entries.end());
    assign_functions();
    if (calls_) TRY_OK(check_functions());
    return std::move(flow_);
  }

 private:
  /// False: known, or dead: what the verifier never saw running is dead, even where an edge leads to it.
  bool reach(InsnIndex at) {
    if (flow_.reachable[at] != 0 || (!facts_.empty() && !facts_[at].reachable)) return false;
    flow_.reachable[at] = 1;
    return true;
  }
  void push(InsnIndex at) {
    if (reach(at)) work_.push_back(at);
  }

  /// From `at` on, until what comes next is known, or nothing does.
  Status follow(InsnIndex at) {
    for (;;) {
      if (const auto* illegal = std::get_if<isa::Illegal>(&insns_[at]))
        return malformed(at, "not an instruction (opcode " + std::to_string(illegal->raw.opcode) + ")");
      if (std::holds_alternative<isa::Continuation>(insns_[at]))
        return malformed(at, "second half of a 16-byte instruction without its first half");
      const Successors to = successors(insns_, at);
      if (to.jumps) TRY_OK(see_jump(at, to));
      if (to.calls) TRY_OK(see_call(at, to.callee));
      if (to.next < 0) return kOk;
      if (!is_insn(insns_, to.next)) return bad_edge(insns_, at, to.next, "falling through");
      at = static_cast<InsnIndex>(to.next);
      if (!reach(at)) return kOk;
    }
  }

  Status see_jump(InsnIndex at, const Successors& to) {
    if (!is_insn(insns_, to.target)) return bad_edge(insns_, at, to.target, "jump");
    flow_.jumped_to[static_cast<std::size_t>(to.target)] = 1;
    flow_.counts_loops |= std::holds_alternative<isa::MayGoto>(insns_[at]);
    push(static_cast<InsnIndex>(to.target));
    return kOk;
  }

  Status see_call(InsnIndex at, std::int64_t callee) {
    if (!is_insn(insns_, callee)) return bad_edge(insns_, at, callee, "call");
    flow_.entries.push_back(static_cast<InsnIndex>(callee));
    calls_ = true;
    push(static_cast<InsnIndex>(callee));
    return kOk;
  }

  void assign_functions() {
    flow_.function_of.resize(insns_.size());
    std::uint32_t function = 0;
    for (InsnIndex at = 0; at < insns_.size(); ++at) {
      if (function + 1 < flow_.entries.size() && flow_.entries[function + 1] == at) ++function;
      flow_.function_of[at] = function;
    }
  }

  Status check_functions() {
    callees_.resize(flow_.entries.size());
    for (InsnIndex at = 0; at < insns_.size(); ++at) {
      if (flow_.reachable[at] == 0) continue;
      const Successors to = successors(insns_, at);
      const std::uint32_t here = flow_.function_of[at];
      for (const std::int64_t edge : {to.next, to.jumps ? to.target : -1}) {
        if (edge < 0 || flow_.function_of[static_cast<std::size_t>(edge)] == here) continue;
        if (!facts_.empty() && !facts_[static_cast<std::size_t>(edge)].reachable) continue;
        return malformed(at, "continues at " + std::to_string(edge) + ", in another function, without a call");
      }
      if (to.calls) callees_[here].push_back({at, flow_.function_of[static_cast<std::size_t>(to.callee)]});
    }
    heights_.assign(flow_.entries.size(), 0);
    return measure(0, 1);
  }

  /// Sets the height of `function` (frames of the deepest chain that begins with it), called as frame `depth`. The
  /// recursion is at most kMaxFrames deep, because a deeper chain, hence also a cycle, is an error.
  Status measure(std::uint32_t function, std::uint32_t depth) {
    std::uint32_t height = 1;
    for (const Call& call : callees_[function]) {
      if (depth == kMaxFrames) return too_deep(call.at);
      if (heights_[call.callee] == 0) TRY_OK(measure(call.callee, depth + 1));
      if (depth + heights_[call.callee] > kMaxFrames) return too_deep(call.at);
      height = std::max(height, heights_[call.callee] + 1);
    }
    heights_[function] = height;
    return kOk;
  }
  static Error too_deep(InsnIndex at) {
    return {Errc::kLimit, "instruction " + std::to_string(at) + ": recursion, or a call chain of more than " +
                              std::to_string(kMaxFrames) + " functions"};
  }

  struct Call {
    InsnIndex at = 0;
    std::uint32_t callee = 0;
  };
  const isa::Insns& insns_;
  const std::vector<InsnFacts>& facts_;
  Flow flow_;
  bool calls_ = false;
  std::vector<InsnIndex> work_;
  std::vector<std::vector<Call>> callees_;
  std::vector<std::uint32_t> heights_;  // 0: not measured yet.
};

}  // namespace

Result<Flow> find_flow(const VerifiedProgram& program) { return Explorer(program).run(); }

}  // namespace skep::lower
