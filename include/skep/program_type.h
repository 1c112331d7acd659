// SPDX-License-Identifier: Apache-2.0
// Program types, sets of them, and the kinds of context.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
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

/// Whether programs of a type may be sleepable.
enum class Sleeps : std::uint8_t { Never, May, Must };

struct ProgramTypeInfo {
  ProgramType type{};
  std::string_view name;  ///< As bpftool prints it.
  ContextKind context{};
  Sleeps sleeps{};
};
inline constexpr auto kProgramTypes = std::to_array<ProgramTypeInfo>({
#define PROGRAM_TYPE(id, name, text, context, sleeps) \
  {ProgramType::k##name, text, ContextKind::k##context, Sleeps::sleeps},
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
    kTcTypes | kLwtTypes |
    set_of(ProgramType::kSocketFilter, ProgramType::kCgroupSkb, ProgramType::kLwtSeg6local, ProgramType::kSkSkb);

/// A set of expected attach types: bit n is the UAPI bpf_attach_type n.
using AttachTypeSet = std::uint64_t;
inline constexpr AttachTypeSet kAllAttachTypes = ~AttachTypeSet{0};
template <class... Numbers>
constexpr AttachTypeSet attach_set(Numbers... numbers) {
  return ((AttachTypeSet{1} << static_cast<unsigned>(numbers)) | ...);
}

/// Hooks: where programs run. Programs of one of the types, loaded for one of the attach types.
struct HookSet {
  ProgramTypeSet types = kNoTypes;
  AttachTypeSet attach = kAllAttachTypes;

  // Implicit: a set of types is the set of all their hooks.
  constexpr HookSet(ProgramTypeSet all_of) : types(all_of) {}  // NOLINT(google-explicit-constructor)
  constexpr HookSet(ProgramTypeSet all_of, AttachTypeSet only) : types(all_of), attach(only) {}
  constexpr HookSet(ProgramType type, AttachTypeSet only) : types(set_of(type)), attach(only) {}
};
constexpr bool contains(AttachTypeSet set, std::uint32_t attach_type) {
  return set == kAllAttachTypes || (attach_type < 64 && (set >> attach_type & 1) != 0);
}
constexpr bool contains(const HookSet& set, ProgramType type, std::uint32_t attach_type) {
  return contains(set.types, type) && contains(set.attach, attach_type);
}

/// What programs of one hook may return.
struct Hook {
  ProgramType type{};
  AttachTypeSet attach = kAllAttachTypes;
  std::int64_t low = 0, high = 0;

  static constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  [[nodiscard]] constexpr bool returns_anything() const { return low == kLeast && high == kMost; }
};
/// nullopt: the type cannot be loaded for this attach type.
std::optional<Hook> find_hook(ProgramType type, std::uint32_t attach_type);

}  // namespace skep
