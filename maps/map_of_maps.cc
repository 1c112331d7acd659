// SPDX-License-Identifier: Apache-2.0
#include "maps/map_of_maps.h"

#include <algorithm>
#include <cstring>

#include "base/address.h"
#include "base/try.h"
#include "maps/array.h"
#include "maps/check.h"
#include "maps/errors.h"
#include "maps/hash_rules.h"
#include "maps/seed.h"

namespace skep::maps {
namespace {

bool is_alike(const MapSpec& wanted, const MapSpec& found) {
  if (wanted.type != found.type || wanted.key_size != found.key_size || wanted.value_size != found.value_size ||
      wanted.flags != found.flags)
    return false;
  // Linux lets the number of elements differ, but where lookups in arrays are inlined by it.
  return wanted.type != MapType::kArray || (wanted.flags & map_flags::kInnerMap) != 0 ||
         wanted.max_entries == found.max_entries;
}

}  // namespace

Status MapOfMaps::check_inner(const MapSpec& spec) {
  if (spec.inner == nullptr)
    return creation_error(spec, Errc::kInvalid, "has no inner map, expected the description of one", "EBADF");
  const MapType type = spec.inner->type;
  if (type == MapType::kArrayOfMaps || type == MapType::kHashOfMaps)
    return creation_error(spec, Errc::kInvalid, "has an inner map that is itself a map of maps, one level is allowed",
                          "EINVAL");
  if (type == MapType::kProgArray)
    return creation_error(spec, Errc::kUnsupported, "has an inner map of type prog_array, which is not allowed",
                          "ENOTSUPP");
  return kOk;
}

MapResult MapOfMaps::set_inner(std::span<const std::byte> key, const std::shared_ptr<Map>& inner, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size || inner == nullptr || !is_alike(*spec_.inner, inner->spec())) return kInvalid;
  const std::lock_guard guard(mutex_);
  if (const MapResult result = store(key.data(), inner.get(), flag); result != 0) return result;
  const auto number = static_cast<std::uint32_t>(held_.size() + 1);
  if (numbers_.try_emplace(inner.get(), number).second) held_.push_back(inner);
  return kOkResult;
}

const Map* MapOfMaps::find_held(std::uint64_t address) const {
  const std::lock_guard lock(mutex_);
  for (const auto& map : held_)
    if (address_of(map.get()) == address) return map.get();
  return nullptr;
}

bool MapOfMaps::contains(const void* address, std::size_t size) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(held_, [&](const auto& map) { return map->contains(address, size); });
}

std::shared_ptr<Map> MapOfMaps::inner(std::span<const std::byte> key) {
  if (key.size() != spec_.key_size) return nullptr;
  const std::lock_guard guard(mutex_);
  const auto found = numbers_.find(static_cast<const Map*>(lookup(key.data(), 0)));
  return found != numbers_.end() ? held_[found->second - 1] : nullptr;
}

MapResult MapOfMaps::update(const void* /*key*/, const void* /*value*/, std::uint64_t /*flags*/,
                            std::uint32_t /*cpu*/) {
  return kInvalid;
}

MapResult MapOfMaps::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  const std::lock_guard guard(mutex_);
  const auto found = numbers_.find(static_cast<const Map*>(lookup(key.data(), 0)));
  if (found == numbers_.end()) return kNoEntry;
  std::memcpy(value.data(), &found->second, sizeof found->second);
  return kOkResult;
}

MapResult MapOfMaps::put(std::span<const std::byte> /*key*/, std::span<const std::byte> /*value*/,
                         UpdateFlag /*flag*/) {
  return -EBADF;
}

Result<std::shared_ptr<Map>> ArrayOfMaps::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY_OK(check_creation(spec, {.key_size = {4, 4},
                               .value_size = {4, 4},
                               .max_entries = {1, 0xffffffff},
                               .allowed_flags = map_flags::kReadOnly | map_flags::kWriteOnly | map_flags::kNumaNode}));
  TRY_OK(check_inner(spec));
  return std::shared_ptr<Map>(std::make_shared<ArrayOfMaps>(spec));
}

void* ArrayOfMaps::lookup(const void* key, std::uint32_t /*cpu*/) {
  const std::uint32_t index = ArrayMap::index_of(key);
  return index < slots_.size() ? slots_[index].load(std::memory_order_acquire) : nullptr;
}

MapResult ArrayOfMaps::erase(const void* key) {
  const std::uint32_t index = ArrayMap::index_of(key);
  if (index >= slots_.size()) return kTooBig;
  return slots_[index].exchange(nullptr) != nullptr ? kOkResult : kNoEntry;
}

MapResult ArrayOfMaps::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  return ArrayMap::next_index(key, next, spec_.max_entries);
}

MapResult ArrayOfMaps::store(const std::byte* key, Map* inner, UpdateFlag flag) {
  if (flag != UpdateFlag::kAny) return kInvalid;
  const std::uint32_t index = ArrayMap::index_of(key);
  if (index >= slots_.size()) return kTooBig;
  slots_[index].store(inner, std::memory_order_release);
  return kOkResult;
}

Result<std::shared_ptr<Map>> HashOfMaps::make(const MapSpec& spec, std::uint32_t cpus) {
  if (spec.value_size != 4)
    return creation_error(spec, Errc::kOutOfRange, "value_size is " + std::to_string(spec.value_size) + ", expected 4",
                          "EINVAL");
  TRY_OK(check_hash(spec, HashKind::kPlain));
  TRY_OK(check_inner(spec));
  TRY(HashTable table, HashTable::make({.key_size = spec.key_size,
                                        .slot_size = sizeof(std::uint64_t),
                                        .max_entries = spec.max_entries,
                                        .spare = cpus,
                                        .eviction = Eviction::kNone,
                                        .replacement = Replacement::kSwap,
                                        .seed = seed_for(spec)}));
  return std::shared_ptr<Map>(std::make_shared<HashOfMaps>(spec, std::move(table)));
}

void* HashOfMaps::lookup(const void* key, std::uint32_t /*cpu*/) {
  std::uint64_t address = 0;
  table_.read(key, [&](HashTable::Index index) { address = load_word(table_.value(index)); });
  return from_address<void>(address);
}

MapResult HashOfMaps::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if ((!key.empty() && key.size() != spec_.key_size) || next.size() != spec_.key_size) return kInvalid;
  return table_.next_key(key.empty() ? nullptr : key.data(), next.data());
}

MapResult HashOfMaps::store(const std::byte* key, Map* inner, UpdateFlag flag) {
  return table_.update(key, static_cast<std::uint64_t>(flag),
                       [&](HashTable::Index index, Slot) { store_word(table_.value(index), address_of(inner)); });
}

}  // namespace skep::maps
