// SPDX-License-Identifier: Apache-2.0
// Fields that the kernel manages, inside map values and allocated objects: locks, timers, pointers to objects, lists
// and trees. Only the functions made for them may touch them.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "skep/btf.h"

namespace skep::verifier {

enum class SpecialKind : std::uint8_t {
  kSpinLock,
  kResilientSpinLock,
  kTimer,
  kWorkQueue,
  kTaskWork,
  kUntrustedKptr,
  kKptr,  ///< Owns a reference to its object.
  kPerCpuKptr,
  kUserPointer,
  kListHead,
  kListNode,
  kTreeRoot,
  kTreeNode,
  kRefCount,
};
struct SpecialKindInfo {
  std::string_view name;    ///< As the log has it.
  std::string_view tag;     ///< Pointers: the type tag that makes one; empty: the field is a structure of that name.
  bool in_values = false;   ///< Map values may have such fields.
  bool in_objects = false;  ///< Allocated objects may.
};
// clang-format off
inline constexpr auto kSpecialKinds = std::to_array<SpecialKindInfo>({
    {"bpf_spin_lock",     "",               true,  true},
    {"bpf_res_spin_lock", "",               true,  false},
    {"bpf_timer",         "",               true,  false},
    {"bpf_wq",            "",               true,  false},
    {"bpf_task_work",     "",               true,  false},
    {"kptr",              "kptr_untrusted", true,  true},
    {"kptr",              "kptr",           true,  true},
    {"percpu_kptr",       "percpu_kptr",    true,  true},
    {"uptr",              "uptr",           true,  false},
    {"bpf_list_head",     "",               true,  true},
    {"bpf_list_node",     "",               false, true},
    {"bpf_rb_root",       "",               true,  true},
    {"bpf_rb_node",       "",               false, true},
    {"bpf_refcount",      "",               true,  true},
});
// clang-format on
constexpr const SpecialKindInfo& info(SpecialKind kind) { return kSpecialKinds[static_cast<std::size_t>(kind)]; }
constexpr bool is_kptr(SpecialKind kind) {
  return kind >= SpecialKind::kUntrustedKptr && kind <= SpecialKind::kPerCpuKptr;
}
constexpr bool is_pointer_field(SpecialKind kind) { return is_kptr(kind) || kind == SpecialKind::kUserPointer; }

struct SpecialField {
  SpecialKind kind{};
  std::uint32_t offset = 0, size = 0;
  TypeId type = 0;                ///< Pointers: what they point to. Lists and trees: the structure that they contain.
  bool kernel_type = false;       ///< `type` is one of the kernel's, else of the program's.
  std::uint32_t node_offset = 0;  ///< Lists and trees: where the node lies in `type`.
};

/// The fields of one type, by offset.
struct FieldRecord {
  std::vector<SpecialField> fields;
  bool unresolved = false;  ///< Which types are named is not known.

  [[nodiscard]] const SpecialField* first(SpecialKind kind) const {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.kind == kind; });
    return found == fields.end() ? nullptr : &*found;
  }
  [[nodiscard]] const SpecialField* at(std::int64_t offset) const {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return std::int64_t{f.offset} == offset; });
    return found == fields.end() ? nullptr : &*found;
  }
  [[nodiscard]] bool has(SpecialKind kind) const { return first(kind) != nullptr; }
};

/// Some of the fields name the map that they lie in, so that it matters which map it is.
inline bool is_tied_to_map(const FieldRecord& record) {
  return record.has(SpecialKind::kTimer) || record.has(SpecialKind::kWorkQueue) || record.has(SpecialKind::kTaskWork);
}

}  // namespace skep::verifier
