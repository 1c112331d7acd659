// SPDX-License-Identifier: Apache-2.0
// Calls: of helpers by index, of functions by label; tail_call is an operation of its own.
#include <algorithm>
#include <array>
#include <string>

#include "base/unreachable.h"
#include "lower/inline/inline.h"
#include "lower/internal_helpers.h"
#include "lower/rewrite.h"

namespace skep::lower {
namespace {

/// What cannot be called is an error in a verified program, and a trap where nobody looked before.
Result<Lowered> not_callable(Builder& builder, const Source& source, InsnIndex at, const std::string& what) {
  if (source.verified()) return Error{Errc::kNotFound, "instruction " + std::to_string(at) + ": call of " + what};
  builder.emit_helper(kMissingHelper);
  return Lowered::kCall;
}

/// Helpers look into contexts that the VM makes; what other contexts lie behind is the kernel's.
bool needs_kernel_context(const Source& source, const HelperProto& proto) {
  constexpr auto kLookAtNothing =
      std::to_array({HelperId::tail_call, HelperId::perf_event_output, HelperId::get_stackid, HelperId::get_stack});
  const ContextKind kind = info(source.program.type).context;
  const bool made = kind == ContextKind::kXdp || kind == ContextKind::kSkBuff;
  const bool given = std::ranges::any_of(proto.args, [](const Arg& arg) { return arg.kind == ArgKind::Ctx; });
  return given && !made && source.platform.own_function(proto.id) == nullptr &&
         std::ranges::find(kLookAtNothing, static_cast<HelperId>(proto.id)) == kLookAtNothing.end();
}

KnownMap known_map(const Source& source, InsnIndex at) {
  if (!source.verified() || !source.inline_helpers) return {};
  const InsnFacts& facts = source.facts.insns[at];
  if (const auto own = facts.map.get()) return {.index = *own, .inner = false};
  if (const auto outer = facts.outer_map.get()) return {.index = *outer, .inner = true};
  return {};
}

TailCall tail_call(const Source& source, KnownMap map) {
  if (map.index == kUnknownMap || map.inner) return {};
  return {.map = map.index, .entries = source.program.maps[map.index]->max_entries};
}

Result<Lowered> lower_helper(Builder& builder, const Source& source, InsnIndex at, std::int32_t id) {
  const HelperProto* const proto = source.platform.helper(id);
  if (proto == nullptr)
    return not_callable(builder, source, at, "helper " + std::to_string(id) + ", which the platform lacks");
  if (!proto->has_function && source.platform.own_function(id) == nullptr)
    return not_callable(builder, source, at, "helper " + std::string(proto->name) + ", which has no function here");
  if (source.verified() && needs_kernel_context(source, *proto))
    return not_callable(builder, source, at,
                        "helper " + std::string(proto->name) + ", which needs a context of type " +
                            std::string(info(source.program.type).name) + " that only the kernel has");
  const KnownMap map = known_map(source, at);
  if (id == static_cast<std::int32_t>(HelperId::tail_call)) {
    builder.emit(tail_call(source, map));
    return Lowered::kCall;
  }
  const bool own = source.platform.own_function(id) != nullptr;
  if (source.verified() && source.inline_helpers && !own)
    if (const auto inlined = inline_helper(builder, source, at, static_cast<HelperId>(id))) return *inlined;
  builder.emit_helper(id, map);
  return Lowered::kCall;
}

}  // namespace

Result<Lowered> lower_call(Builder& builder, const Source& source, InsnIndex at, const isa::Call& insn) {
  switch (insn.kind) {
    case isa::CallKind::kHelper:
      return lower_helper(builder, source, at, insn.imm);
    case isa::CallKind::kLocal:
      builder.emit_to_slot(CallLocal{}, static_cast<InsnIndex>(successors(source.program.insns, at).callee));
      return Lowered::kCall;
    case isa::CallKind::kKfunc:
      return not_callable(builder, source, at, "kernel function " + std::to_string(insn.imm) + ", which skep lacks");
  }
  unreachable();
}

}  // namespace skep::lower
