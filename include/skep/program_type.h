// SPDX-License-Identifier: Apache-2.0
// Program types, sets of them, and the kinds of context.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skep {

enum class ProgramType : std::uint8_t {
#define PROGRAM_TYPE(id, name, ...) k##name = id,
#include "skep/tables/program_types.def"
};
enum class ContextKind : std::uint8_t {
#define CONTEXT(name, ...) k##name,
#include "skep/tables/contexts.def"
};

struct ProgramTypeInfo {
  ProgramType type{};
  std::string_view name;  ///< As bpftool prints it.
  ContextKind context{};
};
inline constexpr auto kProgramTypes = std::to_array<ProgramTypeInfo>({
#define PROGRAM_TYPE(id, name, text, context) {ProgramType::k##name, text, ContextKind::k##context},
#include "skep/tables/program_types.def"
});
constexpr const ProgramTypeInfo& info(ProgramType type) { return kProgramTypes[static_cast<std::size_t>(type)]; }

/// A set of program types: bit n is the type with UAPI number n.
using ProgramTypeSet = std::uint64_t;
template <class... Types>
constexpr ProgramTypeSet set_of(Types... types) {
  return ((std::uint64_t{1} << static_cast<unsigned>(types)) | ...);
}
constexpr bool contains(ProgramTypeSet set, ProgramType type) { return (set >> static_cast<unsigned>(type) & 1) != 0; }

inline constexpr ProgramTypeSet kNoTypes = 0;
inline constexpr ProgramTypeSet kAllTypes = ~ProgramTypeSet{0};
inline constexpr ProgramTypeSet kTcTypes = set_of(ProgramType::kSchedCls, ProgramType::kSchedAct);
inline constexpr ProgramTypeSet kTracingTypes =
    set_of(ProgramType::kKprobe, ProgramType::kTracepoint, ProgramType::kPerfEvent, ProgramType::kRawTracepoint,
           ProgramType::kRawTracepointWritable, ProgramType::kTracing);
inline constexpr ProgramTypeSet kLwtTypes = set_of(ProgramType::kLwtIn, ProgramType::kLwtOut, ProgramType::kLwtXmit);
inline constexpr ProgramTypeSet kSkbTypes =
    kTcTypes | set_of(ProgramType::kSocketFilter, ProgramType::kCgroupSkb, ProgramType::kLwtIn, ProgramType::kLwtOut,
                      ProgramType::kLwtXmit, ProgramType::kLwtSeg6local, ProgramType::kSkSkb);
inline constexpr ProgramTypeSet kSkbDataTypes = kSkbTypes & ~set_of(ProgramType::kSocketFilter);
inline constexpr ProgramTypeSet kSkbMarkTypes = kSkbDataTypes & ~set_of(ProgramType::kSkSkb);
inline constexpr ProgramTypeSet kSkbMarkReaders = kAllTypes & ~set_of(ProgramType::kSkSkb);
inline constexpr ProgramTypeSet kSkbPriorityTypes =
    kTcTypes | set_of(ProgramType::kCgroupSkb, ProgramType::kLwtXmit, ProgramType::kSkSkb);
inline constexpr ProgramTypeSet kSkbCbTypes = kSkbTypes & ~set_of(ProgramType::kSkSkb);
inline constexpr ProgramTypeSet kSkbTstampTypes = kTcTypes | set_of(ProgramType::kCgroupSkb);

}  // namespace skep
