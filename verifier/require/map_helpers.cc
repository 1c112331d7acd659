// SPDX-License-Identifier: Apache-2.0
// Which maps a helper takes.
#include <array>
#include <string>

#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

/// Maps of these types may be passed by programs of these hooks.
struct MapRow {
  HelperId helper{};
  HookSet hooks = kAllTypes;
  std::uint64_t maps = 0;  // Bit n is the type with UAPI number n.
};

constexpr HookSet kSocketMapWriters =
    set_of(ProgramType::kSocketFilter, ProgramType::kSchedCls, ProgramType::kSchedAct, ProgramType::kXdp,
           ProgramType::kSkReuseport, ProgramType::kFlowDissector, ProgramType::kSkLookup);
constexpr HookSet kSockOps = set_of(ProgramType::kSockOps);
constexpr HookSet kIterators{ProgramType::kTracing, attach_set(28)};

template <class... Types>
constexpr std::uint64_t maps_of(Types... types) {
  return ((std::uint64_t{1} << static_cast<unsigned>(types)) | ...);
}

constexpr auto make_rows() {
  using enum MapType;
  return std::to_array<MapRow>({
#define MAP_HELPER(helper, ...) {HelperId::helper, kAllTypes, maps_of(__VA_ARGS__)},
#define MAP_HELPER_IN(hooks, helper, ...) {HelperId::helper, hooks, maps_of(__VA_ARGS__)},
#include "verifier/require/map_helpers.def"
  });
}
constexpr auto kRows = make_rows();

}  // namespace

Check check_map_for_helper(Run& run, const MapSpec& map, const HelperProto& proto) {
  bool restricted = false;
  for (const MapRow& row : kRows) {
    if (static_cast<std::int32_t>(row.helper) != proto.id) continue;
    restricted = true;
    if ((row.maps >> static_cast<unsigned>(map.type) & 1) != 0 &&
        contains(row.hooks, run.program.type, run.program.attach_type))
      return Check::ok();
  }
  if (!restricted) return Check::ok();
  if (proto.id == static_cast<std::int32_t>(HelperId::for_each_map_elem)) return run.reject(DiagCode::kNoMapCallback);
  return run.reject(DiagCode::kMapHelperMismatch, std::uint64_t{static_cast<std::uint8_t>(map.type)},
                    std::string(proto.name), std::int64_t{proto.id});
}

}  // namespace skep::verifier
