// SPDX-License-Identifier: Apache-2.0
// Strings that are known when a program is verified.
#include <string_view>

#include "base/byte_reader.h"
#include "base/try.h"
#include "platform/format.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

/// What the value holds from where the register points to on, up to a NUL; nothing: there is none.
std::optional<std::string_view> string_at(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  const std::vector<std::byte>& contents = run.map_of(value).initial;
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(contents.data())), contents.size());
  return text_at(text, static_cast<std::uint64_t>(value.offset) + value.scalar.value());
}

}  // namespace

bool is_constant(const Run& run, const Value& map_value) {
  const MapSpec& map = run.map_of(map_value);
  return map_value.target < run.program.maps.size() && map.frozen && (map.flags & map_flags::kReadOnlyProgram) != 0;
}

Check check_constant_string(Run& run, std::uint32_t reg) {
  const Value& value = run.reg(reg);
  const MapSpec& map = run.map_of(value);
  if (!is_constant(run, value)) return run.reject(DiagCode::kStringNotConstant, std::uint64_t{reg});
  if (!value.scalar.is_constant()) return run.reject(DiagCode::kStringVariable, std::uint64_t{reg});
  if (!find_info(map.type)->direct_value) return run.reject(DiagCode::kStringNoDirectValue);
  TRY_OK(check_map_value(run, reg, 0, 1, AccessMode::kRead, ZeroSize::kRefused));
  if (map.max_entries != 1) return run.reject(DiagCode::kStringSeveralValues);
  return string_at(run, reg) ? Check::ok() : run.reject(DiagCode::kStringNotTerminated, std::uint64_t{reg});
}

// Linux counts the arguments by those bits of the size that are known to be set.
Check check_format(Run& run, std::uint32_t format, std::uint32_t data_size) {
  constexpr std::uint64_t kArgumentBytes = 8;
  const std::uint64_t size = run.reg(data_size).scalar.bits.value;
  if (size % kArgumentBytes != 0) return run.reject(DiagCode::kFormatDataSize, size);
  if (is_format(*string_at(run, format), size / kArgumentBytes)) return Check::ok();
  return run.reject(DiagCode::kFormatString);
}

}  // namespace skep::verifier
