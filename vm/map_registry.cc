// SPDX-License-Identifier: Apache-2.0
#include "vm/map_registry.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/try.h"
#include "maps/map_of_maps.h"

namespace skep {
namespace {

bool same_shape(const MapSpec& a, const MapSpec& b) {
  return a.type == b.type && a.key_size == b.key_size && a.value_size == b.value_size &&
         a.max_entries == b.max_entries && a.flags == b.flags && a.initial == b.initial;
}

std::string shape(const MapSpec& spec) {
  const MapTypeInfo* row = find_info(spec.type);
  return std::string(row == nullptr ? "unknown type" : row->name) + ", key " + std::to_string(spec.key_size) +
         ", value " + std::to_string(spec.value_size) + ", max_entries " + std::to_string(spec.max_entries) +
         ", flags " + std::to_string(spec.flags) +
         (spec.initial.empty() ? "" : ", " + std::to_string(spec.initial.size()) + " bytes of contents");
}

bool holds_maps(const MapSpec& spec) {
  const MapTypeInfo* row = find_info(spec.type);
  return row != nullptr && row->value == MapValueKind::Map;
}

}  // namespace

Result<std::shared_ptr<Map>> MapRegistry::find_or_make(const std::shared_ptr<const MapSpec>& spec) {
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    if (specs_[i] == spec) return maps_[i];
    if (spec->name.empty() || specs_[i]->name != spec->name) continue;
    if (same_shape(*specs_[i], *spec)) return maps_[i];
    return Error{Errc::kInvalid, "map " + spec->name + " (" + shape(*spec) + ") is already there as another map (" +
                                     shape(*specs_[i]) + "); use another Vm or another name"};
  }
  TRY(std::shared_ptr<Map> map, make_map(*spec, cpus_));
  maps_.push_back(map);
  specs_.push_back(spec);
  for (const MapSpec::Slot& slot : spec->slots) pending_.push_back({.map = map, .slot = slot});
  TRY_OK(fill_slots());
  return map;
}

std::shared_ptr<Map> MapRegistry::find(std::string_view name) const {
  const auto found = std::ranges::find_if(maps_, [&](const auto& map) { return map->spec().name == name; });
  return found == maps_.end() ? nullptr : *found;
}

std::shared_ptr<Map> MapRegistry::find(const Map& map) const {
  const auto found = std::ranges::find_if(maps_, [&](const auto& own) { return own.get() == &map; });
  return found == maps_.end() ? nullptr : *found;
}

// Slots of maps whose inner map is made later wait until then.
Status MapRegistry::fill_slots() {
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    const auto inner = holds_maps(pending->map->spec()) ? find(pending->slot.target) : nullptr;
    if (inner == nullptr) {
      ++pending;
      continue;
    }
    // Keys of declared slots are indices (libbpf does the same for hash_of_maps with 4-byte keys).
    const std::uint32_t index = pending->slot.index;
    std::vector<std::byte> key(pending->map->spec().key_size);
    std::memcpy(key.data(), &index, std::min(key.size(), sizeof(index)));
    auto& outer = static_cast<maps::MapOfMaps&>(*pending->map);
    if (const MapResult result = outer.set_inner(key, inner, UpdateFlag::kAny); result != 0)
      return Error{Errc::kInvalid, "map " + outer.spec().name + ", slot " + std::to_string(index) + ": map " +
                                       inner->spec().name + " does not fit (" + std::strerror(-result) + ")"};
    pending = pending_.erase(pending);
  }
  return kOk;
}

std::vector<MapRegistry::ProgramSlot> MapRegistry::take_slots_of(std::string_view program) {
  std::vector<ProgramSlot> slots;
  std::erase_if(pending_, [&](const Pending& pending) {
    if (pending.map->spec().type != MapType::kProgArray || pending.slot.target != program) return false;
    slots.push_back({.map = pending.map, .index = pending.slot.index});
    return true;
  });
  return slots;
}

}  // namespace skep
