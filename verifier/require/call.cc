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

Check check_helper_available(Run& run, std::int32_t id, const HelperProto* proto) {
  if (proto == nullptr) return run.reject(DiagCode::kUnknownHelper, std::int64_t{id});
  const bool refused = run.traced && !run.traced->operations.empty() &&
                       !may_call(run.traced->operations, run.traced->function, proto->name);
  if (refused || !contains(proto->available, run.program.type, run.program.attach_type))
    return run.reject(DiagCode::kHelperNotAvailable, std::string(proto->name), std::int64_t{id});
  if (proto->has(kMightSleep)) TRY_OK(check_sleeping_helper(run, *proto));
  if (proto->has(kGpl) && !is_gpl_compatible(run.program.license)) return run.reject(DiagCode::kHelperGplOnly);
  return Check::ok();
}

}  // namespace skep::verifier
