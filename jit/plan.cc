// SPDX-License-Identifier: Apache-2.0
#include "jit/plan.h"

#include "base/inline_visit.h"
#include "jit/limits.h"
#include "lower/effects.h"
#include "skep/helper.h"

namespace skep::jit {
namespace {

/// Fills marks and one function's row, op by op.
class Survey {
 public:
  Survey(Plan& plan, const lower::Code& code) : plan_(plan), code_(code) {}

  void run(FunctionPlan& function) {
    function_ = &function;
    for (at_ = function.entry; at_ < function.end; ++at_) {
      const lower::Op& op = code_.ops[at_];
      const lower::Effects effects = lower::effects_of(op);
      function.regs = static_cast<lower::RegSet>(function.regs | effects.reads | effects.writes);
      if (const lower::Label* label = lower::target_of(op)) {
        target(*label);
        last_branch_ = at_;
      }
      inline_visit([this](const auto& any) { see(any); }, op);
    }
  }

 private:
  void target(lower::Label label) {
    Mark& mark = plan_.marks[label];
    if (label <= at_) {
      mark = label > last_branch_ ? Mark::kTightLoop : Mark::kLoopHead;
    } else if (mark == Mark::kNone) {
      mark = Mark::kTarget;
    }
  }
  void call_out() {
    function_->calls = true;
    plan_.uses_env = true;
  }

  void see(const lower::LoadEnv&) { plan_.uses_env = true; }
  void see(const lower::CallHelper& op) {
    call_out();
    if (may_trap(code_.helpers[op.index])) plan_.traps = plan_.invokes = true;
  }
  void see(const lower::CallLocal&) { function_->calls = true; }
  void see(const lower::TailCall& op) {
    plan_.uses_env = true;
    if (op.map == lower::kUnknownMap || plan_.options.harden.mask_speculation) function_->calls = true;
    // The program that takes this function's place may end the run, and may have callbacks.
    plan_.traps = plan_.invokes = true;
  }
  void see(const lower::Illegal&) {
    plan_.uses_env = true;
    plan_.traps = true;
  }
  template <class Other>
  void see(const Other&) {}

  Plan& plan_;
  const lower::Code& code_;
  FunctionPlan* function_ = nullptr;
  lower::Label at_ = 0;
  lower::Label last_branch_ = 0;  // Before at_.
};

}  // namespace

bool may_trap(std::int32_t helper) {
  for (const HelperProto& row : kHelpers) {
    if (row.id != helper) continue;
    for (const Arg& arg : row.args)
      if (arg.kind == ArgKind::Func) return true;
    return false;
  }
  return true;
}

Plan survey(const lower::Code& code, const CompileOptions& options) {
  Plan plan;
  plan.options = options;
  plan.marks.resize(code.ops.size());
  plan.functions.resize(code.functions.size());
  for (std::size_t i = 0; i < code.functions.size(); ++i) {
    FunctionPlan& function = plan.functions[i];
    function.entry = code.functions[i].entry;
    function.stack_bytes = code.functions[i].stack_bytes;
    function.end =
        i + 1 < code.functions.size() ? code.functions[i + 1].entry : static_cast<lower::Label>(code.ops.size());
  }
  Survey survey(plan, code);
  for (FunctionPlan& function : plan.functions) survey.run(function);
  if (options.limits.budget || options.limits.stop) {
    plan.charges = charges(code);
    plan.traps = true;
  }
  // Trapping needs the run, to set or to read its reason.
  plan.uses_env = plan.uses_env || plan.traps;
  return plan;
}

}  // namespace skep::jit
