// SPDX-License-Identifier: Apache-2.0
#include "verifier/btf/trust.h"

#include <algorithm>
#include <array>

namespace skep::verifier {
namespace {

struct List {
  std::string_view suffix;
  Trust trust{};
};
constexpr auto kLists = std::to_array<List>({{"__safe_rcu", Trust::kRcu},
                                             {"__safe_rcu_or_null", Trust::kRcuOrNull},
                                             {"__safe_trusted", Trust::kTrusted},
                                             {"__safe_trusted_or_null", Trust::kTrustedOrNull}});

bool lists(const Btf& kernel, std::string_view list, std::string_view field) {
  const auto* fields = kernel.find<btf::Composite>(kernel.find_by_name<btf::Composite>(list));
  return fields != nullptr && std::any_of(fields->members.begin(), fields->members.end(),
                                          [&](const btf::Member& member) { return member.name == field; });
}

}  // namespace

Trust trust_of(const Btf& kernel, TypeId structure, std::string_view field) {
  const std::string_view name = kernel.name(structure);
  std::array<char, 128> buffer{};
  for (const List& list : kLists) {
    if (name.empty() || name.size() + list.suffix.size() > buffer.size()) continue;
    const auto end =
        std::copy(list.suffix.begin(), list.suffix.end(), std::copy(name.begin(), name.end(), buffer.begin()));
    if (lists(kernel, {buffer.data(), static_cast<std::size_t>(end - buffer.begin())}, field)) return list.trust;
  }
  return Trust::kNone;
}

}  // namespace skep::verifier
