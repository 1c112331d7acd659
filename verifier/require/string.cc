// SPDX-License-Identifier: Apache-2.0
// Strings that are known when a program is verified.
#include "base/try.h"
#include "verifier/require/require.h"

namespace skep::verifier {

Check check_constant_string(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  const MapSpec& map = run.map_of(value);
  if (!map.frozen || (map.flags & map_flags::kReadOnlyProgram) == 0)
    return run.reject(DiagCode::kStringNotConstant, std::uint64_t{reg});
  if (!value.scalar.is_constant()) return run.reject(DiagCode::kStringVariable, std::uint64_t{reg});
  const std::int64_t start = std::int64_t{value.offset} + static_cast<std::int64_t>(value.scalar.value());
  TRY_OK(check_map_value(run, reg, 0, 1, AccessMode::kRead, ZeroSize::kRefused));
  for (auto i = static_cast<std::size_t>(start); i < map.initial.size(); ++i)
    if (map.initial[i] == std::byte{0}) return Check::ok();
  return run.reject(DiagCode::kStringNotTerminated, std::uint64_t{reg});
}

}  // namespace skep::verifier
