// SPDX-License-Identifier: Apache-2.0
// Exceptions: bpf_throw ends the program from any depth of calls. The result is its argument, or what the callback
// makes of it that the entry function names.
#include <string>

#include "base/try.h"
#include "verifier/require/prototype.h"
#include "verifier/require/sections.h"
#include "verifier/transfer/call_kfunc.h"

namespace skep::verifier {

Check throw_exception(Run& run, const KfuncCall& /*call*/) {
  TRY_OK(check_nothing_held(run, DiagCode::kThrowReference, "bpf_throw"));
  if (!run.layout.exception_callback) TRY_OK(check_result(run, 1));
  run.path_ends = true;
  return Check::ok();
}

Check enter_exception_callback(Run& run) {
  const Subprogram& sub = run.layout.subprograms[*run.layout.exception_callback];
  const Prototype& prototype = prototype_of(run, *run.layout.exception_callback);
  if (prototype.returns_other) return run.reject(DiagCode::kGlobalReturn, std::string(function_name(run.program, sub)));
  const bool number = prototype.fault.empty() && prototype.unsupported.empty() && prototype.parameters.size() == 1 &&
                      prototype.parameters.front().kind == ParameterKind::kScalar;
  if (!number) return run.reject(DiagCode::kExceptionCallbackParameters);
  run.frame().role = FrameRole::kExceptionCallback;
  run.reg(1) = unknown_scalar();
  return Check::ok();
}

}  // namespace skep::verifier
