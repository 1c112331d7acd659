// SPDX-License-Identifier: Apache-2.0
// Kernel functions that programs may call (kfuncs): their flags and who may call them. Their prototypes are the
// kernel's own, in its BTF (Program::target_btf), and so is what the names of their parameters say
// (docs.kernel.org/bpf/kfuncs.html).
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "skep/program_type.h"

namespace skep {

/// Names follow the kernel's KF_ flags.
enum class KfuncFlag : std::uint16_t {
  kAcquire = 1 << 0,       ///< The result must be released.
  kRelease = 1 << 1,       ///< Takes the reference of one argument.
  kRetNull = 1 << 2,       ///< The result may be null.
  kTrustedArgs = 1 << 3,   ///< Pointers must be valid, and not null.
  kRcu = 1 << 4,           ///< Pointers must be valid, if only until the RCU read-side section ends.
  kRcuProtected = 1 << 5,  ///< To be called inside an RCU read-side section; what it gives is valid there only.
  kSleepable = 1 << 6,
  kDestructive = 1 << 7,
  kIterNew = 1 << 8,
  kIterNext = 1 << 9,
  kIterDestroy = 1 << 10,
  kFastcall = 1 << 11,       ///< Clobbers no register but r0.
  kChangesPacket = 1 << 12,  ///< Pointers into the packet may be wrong afterwards.
};

/// A row for each function that the kernel's BTF tags as "bpf_kfunc".
enum class KfuncId : std::uint16_t {
#define KFUNC(name, ...) name,
#include "skep/tables/kfuncs.def"
};

struct KfuncProto {
  KfuncId id{};
  std::string_view name;
  std::uint16_t flags = 0;  ///< Of KfuncFlag.
  ProgramTypeSet available = kNoTypes;
  [[nodiscard]] constexpr bool has(KfuncFlag flag) const { return (flags & static_cast<std::uint16_t>(flag)) != 0; }
};

/// Sets of program types for which the kernel registers functions together.
inline constexpr ProgramTypeSet kTracingKfuncTypes =
    set_of(ProgramType::kTracing, ProgramType::kTracepoint, ProgramType::kPerfEvent, ProgramType::kLsm);
inline constexpr ProgramTypeSet kCgroupTypes =
    set_of(ProgramType::kCgroupSkb, ProgramType::kCgroupSock, ProgramType::kSockOps, ProgramType::kCgroupDevice,
           ProgramType::kCgroupSockAddr, ProgramType::kCgroupSysctl, ProgramType::kCgroupSockopt);
inline constexpr ProgramTypeSet kObjectTypes =
    kTracingKfuncTypes | kCgroupTypes |
    set_of(ProgramType::kSchedCls, ProgramType::kXdp, ProgramType::kStructOps, ProgramType::kSyscall);
inline constexpr ProgramTypeSet kCpumaskTypes =
    kTracingKfuncTypes | set_of(ProgramType::kStructOps, ProgramType::kSyscall);
inline constexpr ProgramTypeSet kTestTypes = kTracingKfuncTypes | set_of(ProgramType::kSchedCls, ProgramType::kSyscall);
inline constexpr ProgramTypeSet kSkbDynptrTypes =
    kTracingKfuncTypes | kCgroupTypes | kSkbTypes | set_of(ProgramType::kNetfilter);

namespace detail {
constexpr auto make_kfunc_table() {
  using enum ProgramType;
  constexpr auto kBits = [](auto... flags) {
    return static_cast<std::uint16_t>((static_cast<unsigned>(flags) | ... | 0u));
  };
  using enum KfuncFlag;
  return std::to_array<KfuncProto>({
#define KFUNC(name, flags, available) {KfuncId::name, #name, kBits flags, available},
#include "skep/tables/kfuncs.def"
  });
}
}  // namespace detail
inline constexpr auto kKfuncs = detail::make_kfunc_table();

/// nullptr: no kernel function that a program may call has that name.
constexpr const KfuncProto* find_kfunc(std::string_view name) {
  for (const KfuncProto& row : kKfuncs)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace skep
