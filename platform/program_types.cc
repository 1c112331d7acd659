// SPDX-License-Identifier: Apache-2.0
// What the hooks of tables/program_types.def take back.
#include <array>

#include "skep/program_type.h"

namespace skep {
namespace {

constexpr auto kLeast = Hook::kLeast, kMost = Hook::kMost;
constexpr auto kHooks = std::to_array<Hook>({
#define HOOK(type, attach, low, high) {ProgramType::k##type, attach, low, high},
#include "skep/tables/program_types.def"
});

}  // namespace

std::optional<Hook> find_hook(ProgramType type, std::uint32_t attach_type) {
  bool restricted = false;
  for (const Hook& row : kHooks) {
    if (row.type != type) continue;
    if (contains(row.attach, attach_type)) return row;
    restricted = true;
  }
  if (restricted) return std::nullopt;
  return Hook{.type = type, .low = kLeast, .high = kMost};
}

}  // namespace skep
