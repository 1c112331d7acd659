// SPDX-License-Identifier: Apache-2.0
#include "verifier/require/program.h"

#include <algorithm>
#include <string>
#include <vector>

namespace skep::verifier {
namespace {

/// A map and the first instruction that names it.
struct NamedMap {
  InsnIndex at = 0;
  const MapSpec* map = nullptr;
};

std::vector<NamedMap> named_maps(const Program& program) {
  std::vector<NamedMap> named;
  for (std::size_t at = 0; at < program.insns.size(); ++at) {
    const auto* load = std::get_if<isa::LoadImm64>(&program.insns[at]);
    const bool names_map =
        load != nullptr && (load->kind == isa::Imm64Kind::kMapIndex || load->kind == isa::Imm64Kind::kMapValueIndex);
    if (!names_map || static_cast<std::size_t>(load->low) >= program.maps.size()) continue;
    const MapSpec* const map = program.maps[static_cast<std::size_t>(load->low)].get();
    if (std::ranges::find(named, map, &NamedMap::map) == named.end())
      named.push_back({.at = static_cast<InsnIndex>(at), .map = map});
  }
  return named;
}

/// Types of which a program may name one map.
std::optional<DiagCode> only_one(MapType type) {
  if (type == MapType::kArena) return DiagCode::kSeveralArenas;
  if (type == MapType::kCgroupStorage || type == MapType::kPerCpuCgroupStorage) return DiagCode::kSeveralCgroupStorages;
  return std::nullopt;
}

}  // namespace

std::optional<Diagnostic> check_hook(const Program& program) {
  const Sleeps sleeps = info(program.type).sleeps;
  if (!find_hook(program.type, program.attach_type))
    return Diagnostic{.code = DiagCode::kAttachType,
                      .args = {std::uint64_t{program.attach_type}, std::string(info(program.type).name)}};
  if (sleeps == Sleeps::Must && !program.sleepable) return Diagnostic{.code = DiagCode::kSyscallNotSleepable};
  if (sleeps == Sleeps::Never && program.sleepable) return Diagnostic{.code = DiagCode::kNotSleepable};
  return std::nullopt;
}

std::optional<Diagnostic> check_maps(const Program& program) {
  constexpr std::uint64_t kMaxMaps = 64;
  const std::vector<NamedMap> named = named_maps(program);
  for (std::size_t i = 0; i < named.size(); ++i) {
    const InsnIndex at = named[i].at;
    const MapSpec* const map = named[i].map;  // No structured binding: clang 14 lets no lambda capture one.
    const MapTypeInfo* const type = find_info(map->type);
    if (program.sleepable && type != nullptr && !type->sleepable)
      return Diagnostic{.code = DiagCode::kSleepableMap, .at = at};
    if (map->type == MapType::kStructOps)
      return Diagnostic{
          .code = DiagCode::kUnsupported, .at = at, .args = {std::string("a struct_ops map as an operand")}};
    if (i == kMaxMaps) return Diagnostic{.code = DiagCode::kTooManyMaps, .at = at, .args = {kMaxMaps}};
    const auto code = only_one(map->type);
    const auto same_type = [&](const NamedMap& other) { return other.map->type == map->type; };
    if (code && std::any_of(named.begin(), named.begin() + static_cast<std::ptrdiff_t>(i), same_type))
      return Diagnostic{.code = *code, .at = at};
  }
  return std::nullopt;
}

}  // namespace skep::verifier
