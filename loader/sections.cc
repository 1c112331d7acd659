// SPDX-License-Identifier: Apache-2.0
#include "loader/sections.h"

#include <array>

#include "skep/program.h"

namespace skep::loader {

namespace {

enum class Match : std::uint8_t { Exact, Slash };
struct Row {
  std::string_view name;
  Match match{};
  ProgramType type{};
  std::uint32_t attach_type = 0;
  bool sleepable = false;
};
constexpr auto kRows = std::to_array<Row>({
#define SECTION(name, match, type, attach, sleepable) {name, Match::match, ProgramType::k##type, attach, sleepable},
#include "skep/tables/sections.def"
});

std::optional<SectionMeaning> find_row(std::string_view name) {
  for (const Row& row : kRows) {
    const bool whole = name == row.name;
    const bool prefix =
        row.match == Match::Slash && name.starts_with(row.name) && name.substr(row.name.size()).starts_with('/');
    if (!whole && !prefix) continue;
    const bool fragments = row.name.starts_with("xdp.frags");
    return SectionMeaning{.type = row.type,
                          .attach_type = row.attach_type,
                          .target = prefix ? name.substr(row.name.size() + 1) : std::string_view{},
                          .sleepable = row.sleepable,
                          .flags = fragments ? program_flags::kXdpHasFrags : 0};
  }
  return std::nullopt;
}

}  // namespace

std::optional<SectionMeaning> classify_section(std::string_view name) {
  if (name.starts_with('?')) name.remove_prefix(1);
  if (auto found = find_row(name)) return found;
  // libbpf before 1.0 took the name as a prefix, and much code has `xdp_pass`, `classifier/in`, `socket1`.
  for (const std::string_view loose : {"xdp", "tc", "classifier", "action", "socket", "cgroup/skb"})
    if (name.starts_with(loose)) {
      const char next = name[loose.size()];
      if (next == '_' || next == '/' || next == '-' || (next >= '0' && next <= '9')) return find_row(loose);
    }
  return std::nullopt;
}

}  // namespace skep::loader
