// SPDX-License-Identifier: Apache-2.0
// Calls: of helpers by index, of functions by label; tail_call is an operation of its own.
#include <string>

#include "base/unreachable.h"
#include "lower/internal_helpers.h"
#include "lower/rewrite.h"

namespace skep::lower {
namespace {

/// What cannot be called is an error in a verified program, and a trap where nobody looked before.
Status not_callable(Builder& builder, const Source& source, InsnIndex at, const std::string& what) {
  if (source.verified()) return Error{Errc::kNotFound, "instruction " + std::to_string(at) + ": call of " + what};
  builder.emit_helper(kMissingHelper);
  return kOk;
}

}  // namespace

Status lower_call(Builder& builder, const Source& source, InsnIndex at, const isa::Call& insn) {
  switch (insn.kind) {
    case isa::CallKind::kHelper:
      if (source.platform.helper(insn.imm) == nullptr)
        return not_callable(builder, source, at, "helper " + std::to_string(insn.imm) + ", which the platform lacks");
      if (insn.imm == static_cast<std::int32_t>(HelperId::tail_call)) {
        builder.emit(TailCall{});
      } else {
        builder.emit_helper(insn.imm);
      }
      return kOk;
    case isa::CallKind::kLocal:
      builder.emit_to_slot(CallLocal{}, static_cast<InsnIndex>(successors(source.program.insns, at).callee));
      return kOk;
    case isa::CallKind::kKfunc:
      return not_callable(builder, source, at, "kernel function " + std::to_string(insn.imm) + ", which skep lacks");
  }
  unreachable();
}

}  // namespace skep::lower
