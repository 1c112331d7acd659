// SPDX-License-Identifier: Apache-2.0
// Who may call which helper, and on which maps.
#include <array>
#include <string>

#include "base/unreachable.h"
#include "verifier/require/require.h"

namespace skep::verifier {

bool is_gpl_compatible(std::string_view license) {
  constexpr auto kCompatible = std::to_array<std::string_view>(
      {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"});
  for (const std::string_view name : kCompatible)
    if (name == license) return true;
  return false;
}

namespace {

bool is_element_helper(HelperId id) {
  return id == HelperId::map_lookup_elem || id == HelperId::map_update_elem || id == HelperId::map_delete_elem;
}

/// Maps that have helpers of their own, and whether others may take them.
bool map_fits(MapType type, HelperId id) {
  switch (type) {
    case MapType::kProgArray:
      return id == HelperId::tail_call;
    case MapType::kPerfEventArray:
      return id == HelperId::perf_event_output;
    case MapType::kStackTrace:
      return id == HelperId::get_stackid;
    case MapType::kRingBuf:
      return id == HelperId::ringbuf_output || id == HelperId::ringbuf_reserve || id == HelperId::ringbuf_query;
    case MapType::kArrayOfMaps:
    case MapType::kHashOfMaps:
      return id == HelperId::map_lookup_elem;
    case MapType::kPerCpuHash:
    case MapType::kPerCpuArray:
    case MapType::kLruPerCpuHash:
      return is_element_helper(id) || id == HelperId::for_each_map_elem || id == HelperId::map_lookup_percpu_elem;
    case MapType::kHash:
    case MapType::kArray:
    case MapType::kLruHash:
      return is_element_helper(id) || id == HelperId::for_each_map_elem;
    case MapType::kLpmTrie:
      return is_element_helper(id);
    case MapType::kDevMap:
    case MapType::kDevMapHash:
      return id == HelperId::redirect_map || id == HelperId::map_lookup_elem;
    case MapType::kCpuMap:
    case MapType::kXskMap:
      return id == HelperId::redirect_map;
    case MapType::kQueue:
    case MapType::kStack:
      return id == HelperId::map_push_elem || id == HelperId::map_pop_elem || id == HelperId::map_peek_elem;
    case MapType::kBloomFilter:
      return id == HelperId::map_push_elem || id == HelperId::map_peek_elem;
    case MapType::kCgroupArray:
    case MapType::kSockMap:
    case MapType::kSockHash:
    case MapType::kCgroupStorage:
    case MapType::kReuseportSockArray:
    case MapType::kPerCpuCgroupStorage:
    case MapType::kSkStorage:
    case MapType::kStructOps:
    case MapType::kInodeStorage:
    case MapType::kTaskStorage:
    case MapType::kUserRingBuf:
    case MapType::kCgrpStorage:
    case MapType::kArena:
    case MapType::kUnspec:
      return false;
  }
  unreachable();
}

}  // namespace

Check check_helper_available(Run& run, std::int32_t id, const HelperProto* proto) {
  if (proto == nullptr) return run.reject(DiagCode::kUnknownHelper, std::int64_t{id});
  if (!contains(proto->available, run.program.type, run.program.attach_type))
    return run.reject(DiagCode::kHelperNotAvailable, std::string(proto->name), std::int64_t{id});
  if (proto->has(kMightSleep) && !run.program.sleepable) return run.reject(DiagCode::kHelperMightSleep);
  if (proto->has(kGpl) && !is_gpl_compatible(run.program.license)) return run.reject(DiagCode::kHelperGplOnly);
  return Check::ok();
}

Check check_map_for_helper(Run& run, const MapSpec& map, const HelperProto& proto) {
  if (map_fits(map.type, static_cast<HelperId>(proto.id))) return Check::ok();
  return run.reject(DiagCode::kMapHelperMismatch, std::uint64_t{static_cast<std::uint8_t>(map.type)},
                    std::string(proto.name), std::int64_t{proto.id});
}

}  // namespace skep::verifier
