// SPDX-License-Identifier: Apache-2.0
#include "tools/run/verdict_name.h"

#include <array>
#include <string_view>

namespace skep::tools {
namespace {

struct Verdict {
  std::int64_t value = 0;
  std::string_view name;
  bool through = false;
};

// UAPI enum xdp_action.
constexpr std::array<Verdict, 5> kXdp = {{{0, "XDP_ABORTED", false},
                                          {1, "XDP_DROP", false},
                                          {2, "XDP_PASS", true},
                                          {3, "XDP_TX", true},
                                          {4, "XDP_REDIRECT", true}}};
// UAPI linux/pkt_cls.h.
constexpr std::array<Verdict, 10> kTc = {{{-1, "TC_ACT_UNSPEC", true},
                                          {0, "TC_ACT_OK", true},
                                          {1, "TC_ACT_RECLASSIFY", true},
                                          {2, "TC_ACT_SHOT", false},
                                          {3, "TC_ACT_PIPE", true},
                                          {4, "TC_ACT_STOLEN", false},
                                          {5, "TC_ACT_QUEUED", false},
                                          {6, "TC_ACT_REPEAT", true},
                                          {7, "TC_ACT_REDIRECT", true},
                                          {8, "TC_ACT_TRAP", false}}};
// bpf(2) of cgroup egress: bit 0 lets the packet out, bit 1 tells the sender of congestion.
constexpr std::array<Verdict, 4> kCgroup = {
    {{0, "drop", false}, {1, "allow", true}, {2, "drop, congestion", false}, {3, "allow, congestion", true}}};

const Verdict* find(ProgramType type, std::uint64_t r0) {
  // Callers look at the low 32 bits: the program's type is int.
  const std::int64_t value = static_cast<std::int32_t>(static_cast<std::uint32_t>(r0));
  const auto search = [value](const auto& rows) -> const Verdict* {
    for (const Verdict& row : rows)
      if (row.value == value) return &row;
    return nullptr;
  };
  if (type == ProgramType::kXdp) return search(kXdp);
  if (contains(kTcTypes, type)) return search(kTc);
  if (type == ProgramType::kCgroupSkb) return search(kCgroup);
  return nullptr;
}

}  // namespace

std::string verdict_name(ProgramType type, std::uint64_t r0) {
  if (type == ProgramType::kSocketFilter) return static_cast<std::uint32_t>(r0) == 0 ? "drop" : "keep";
  if (const Verdict* row = find(type, r0)) return std::string(row->name);
  return std::to_string(r0);
}

bool lets_through(ProgramType type, std::uint64_t r0) {
  if (type == ProgramType::kSocketFilter) return static_cast<std::uint32_t>(r0) != 0;
  const Verdict* row = find(type, r0);
  return row != nullptr && row->through;
}

}  // namespace skep::tools
