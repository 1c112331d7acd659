// SPDX-License-Identifier: Apache-2.0
// Who may call which helper.
#include <array>
#include <string>

#include "base/try.h"
#include "verifier/btf/operations.h"
#include "verifier/require/require.h"
#include "verifier/require/sections.h"

namespace skep::verifier {

bool is_gpl_compatible(std::string_view license) {
  constexpr auto kCompatible = std::to_array<std::string_view>(
      {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"});
  for (const std::string_view name : kCompatible)
    if (name == license) return true;
  return false;
}

namespace {

/// Iterators over sockets, whose programs may use socket options.
bool is_socket_iterator(std::string_view target) { return target == "tcp" || target == "unix"; }

/// Where availability depends on what the program is attached to.
bool offers(const Run& run, HelperId id, std::string_view name) {
  constexpr std::uint32_t kTraceIter = 28;
  const Program& program = run.program;
  if (run.traced && !run.traced->operations.empty())
    return may_call(run.traced->operations, run.traced->function, name);
  if (program.type != ProgramType::kTracing || program.attach_type != kTraceIter) return true;
  const bool socket_option = id == HelperId::setsockopt || id == HelperId::getsockopt;
  return !socket_option || is_socket_iterator(program.attach_target);
}

}  // namespace

Check check_helper_available(Run& run, std::int32_t id, const HelperProto* proto) {
  if (proto == nullptr) return run.reject(DiagCode::kUnknownHelper, std::int64_t{id});
  const bool available = contains(proto->available, run.program.type, run.program.attach_type) &&
                         offers(run, static_cast<HelperId>(proto->id), proto->name);
  if (!available) return run.reject(DiagCode::kHelperNotAvailable, std::string(proto->name), std::int64_t{id});
  if (proto->has(kMightSleep)) TRY_OK(check_sleeping_helper(run, *proto));
  if (proto->has(kGpl) && !is_gpl_compatible(run.program.license)) return run.reject(DiagCode::kHelperGplOnly);
  return Check::ok();
}

}  // namespace skep::verifier
