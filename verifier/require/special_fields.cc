// SPDX-License-Identifier: Apache-2.0
// Fields of map values that the kernel manages, by the names of their types and by type tags, as BTF has them.
#include <array>

#include "base/overloaded.h"
#include "skep/btf.h"
#include "verifier/require/require.h"

namespace skep::verifier {
namespace {

constexpr auto kManaged =
    std::to_array<std::string_view>({"bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer", "bpf_wq", "bpf_task_work",
                                     "bpf_list_head", "bpf_list_node", "bpf_rb_root", "bpf_rb_node", "bpf_refcount"});
constexpr auto kPointerTags = std::to_array<std::string_view>({"kptr", "kptr_untrusted", "percpu_kptr", "uptr"});

template <class Names>
bool is_one_of(const Names& names, std::string_view name) {
  for (const std::string_view one : names)
    if (one == name) return true;
  return false;
}

bool is_special(const Btf& types, TypeId id, std::uint32_t depth) {
  if (depth > Btf::kMaxDepth || id >= types.size()) return false;
  return std::visit(Overloaded{
                        [&](const btf::Composite& type) {
                          if (is_one_of(kManaged, type.name)) return true;
                          for (const btf::Member& member : type.members)
                            if (is_special(types, member.type, depth + 1)) return true;
                          return false;
                        },
                        [&](const btf::Array& type) { return is_special(types, type.element, depth + 1); },
                        [&](const btf::Typedef& type) { return is_special(types, type.target, depth + 1); },
                        [&](const btf::Qualifier& type) { return is_special(types, type.target, depth + 1); },
                        [&](const btf::Var& type) { return is_special(types, type.type, depth + 1); },
                        [&](const btf::DataSec& type) {
                          for (const btf::SectionVar& var : type.vars)
                            if (is_special(types, var.var, depth + 1)) return true;
                          return false;
                        },
                        [&](const btf::Pointer& type) {
                          TypeId target = type.target;
                          for (std::uint32_t i = 0; i < Btf::kMaxDepth; ++i) {
                            const auto* tag = types.find<btf::TypeTag>(target);
                            if (tag == nullptr) return false;
                            if (is_one_of(kPointerTags, tag->value)) return true;
                            target = tag->target;
                          }
                          return false;
                        },
                        [](const auto&) { return false; },
                    },
                    types.type(id));
}

}  // namespace

bool has_special_fields(Run& run, std::uint32_t map) {
  constexpr std::uint8_t kPlain = 1, kSpecial = 2;
  run.special_maps.resize(run.maps.size());
  std::uint8_t& known = run.special_maps[map];
  if (known == 0) {
    const MapSpec& spec = *run.maps[map];
    const bool special = spec.btf != nullptr && spec.value_type_id != 0 && is_special(*spec.btf, spec.value_type_id, 0);
    known = special ? kSpecial : kPlain;
  }
  return known == kSpecial;
}

}  // namespace skep::verifier
