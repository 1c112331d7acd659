// SPDX-License-Identifier: Apache-2.0
#include "maps/check.h"

#include <string>

#include "base/try.h"

namespace skep::maps {
namespace {

Status check_field(const MapSpec& spec, std::string_view field, std::uint64_t found, Range allowed,
                   std::string_view too_big_errno) {
  if (found >= allowed.low && found <= allowed.high) return kOk;
  std::string what(field);
  what += " is " + std::to_string(found) + ", expected ";
  if (allowed.low == allowed.high) {
    what += std::to_string(allowed.low);
  } else if (found < allowed.low) {
    what += "at least " + std::to_string(allowed.low);
  } else {
    what += "at most " + std::to_string(allowed.high);
  }
  // Linux answers EINVAL where a field has one meaning only or is zero, E2BIG where it is more than it can hold.
  const bool too_big = found > allowed.high && allowed.low != allowed.high && allowed.high != 0;
  return creation_error(spec, Errc::kOutOfRange, what, too_big ? too_big_errno : "EINVAL");
}

std::string hex(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + text;
}

Status check_flags(const MapSpec& spec, const CreationRules& rules) {
  if (const std::uint32_t unknown = spec.flags & ~rules.allowed_flags; unknown != 0)
    return creation_error(spec, Errc::kInvalid,
                          "map_flags has " + hex(unknown) + ", allowed are " + hex(rules.allowed_flags), "EINVAL");
  if (const std::uint32_t missing = rules.required_flags & ~spec.flags; missing != 0)
    return creation_error(spec, Errc::kInvalid, "map_flags lacks " + hex(missing), "EINVAL");
  constexpr std::uint32_t kUser = map_flags::kReadOnly | map_flags::kWriteOnly;
  constexpr std::uint32_t kProgram = map_flags::kReadOnlyProgram | map_flags::kWriteOnlyProgram;
  if ((spec.flags & kUser) == kUser || (spec.flags & kProgram) == kProgram)
    return creation_error(spec, Errc::kInvalid, "map_flags makes it both read-only and write-only", "EINVAL");
  return kOk;
}

}  // namespace

Error creation_error(const MapSpec& spec, Errc code, std::string_view what, std::string_view errno_name) {
  const MapTypeInfo* info = find_info(spec.type);
  std::string message = "map '" + spec.name + "' (";
  message += info != nullptr ? info->name : std::string_view("unknown type");
  message += "): ";
  message += what;
  message += " (";
  message += errno_name;
  message += ")";
  return {code, std::move(message)};
}

Status check_creation(const MapSpec& spec, const CreationRules& rules) {
  TRY_OK(check_flags(spec, rules));
  TRY_OK(check_field(spec, "max_entries", spec.max_entries, rules.max_entries, rules.too_big));
  TRY_OK(check_field(spec, "key_size", spec.key_size, rules.key_size, rules.too_big));
  TRY_OK(check_field(spec, "value_size", spec.value_size, rules.value_size, rules.too_big));
  return kOk;
}

}  // namespace skep::maps
