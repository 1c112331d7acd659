// SPDX-License-Identifier: Apache-2.0
// Loads from contexts that are the arguments of a kernel function.
#include "base/unreachable.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

constexpr std::uint32_t kArgumentBytes = 8;

/// The argument that an access to the context is to; nullptr: it is to none, or not to the whole of a pointer.
const TracedArgument* find_argument(const Traced& traced, const Access& access) {
  if (access.offset < 0 || access.offset % static_cast<std::int32_t>(kArgumentBytes) != 0) return nullptr;
  const std::size_t index = static_cast<std::uint32_t>(access.offset) / kArgumentBytes;
  if (index >= traced.arguments.size()) return nullptr;
  const TracedArgument& argument = traced.arguments[index];
  if (argument.kind == ArgumentKind::kUnreadable) return nullptr;
  return argument.kind == ArgumentKind::kScalar || access.bytes() == kArgumentBytes ? &argument : nullptr;
}

Value value_of(Run& run, const TracedArgument& argument) {
  if (argument.kind == ArgumentKind::kScalar || argument.kind == ArgumentKind::kUnreadable) return unknown_scalar();
  Value value = pointer(argument.kind == ArgumentKind::kStruct ? ValueKind::kBtf : ValueKind::kBuffer);
  value.target = argument.type;
  value.read_only = argument.read_only;
  value.maybe_null = argument.maybe_null;
  if (argument.trusted) value.set(PointerFlag::kTrusted);
  if (value.maybe_null) value.id = run.new_id();
  return value;
}

}  // namespace

Check load_traced(Run& run, const Access& access, std::uint32_t dst) {
  const TracedArgument* const argument = find_argument(*run.traced, access);
  if (argument == nullptr)
    return run.reject(DiagCode::kInvalidContextAccess, std::int64_t{access.offset}, std::uint64_t{access.bytes()});
  run.reg(dst) = value_of(run, *argument);
  if (run.reg(dst).kind == ValueKind::kBtf)
    run.explain("func '", run.traced->function, "' arg", std::to_string(access.offset / 8), " has btf_id ",
                std::to_string(argument->type), " type STRUCT '", run.program.target_btf->name(argument->type), "'");
  return Check::ok();
}

}  // namespace skep::verifier
