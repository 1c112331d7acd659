// SPDX-License-Identifier: Apache-2.0
#include "maps/percpu_hash.h"

#include "base/try.h"
#include "maps/errors.h"
#include "maps/hash_rules.h"
#include "maps/seed.h"

namespace skep::maps {
namespace {

template <class T>
Result<std::shared_ptr<Map>> make_per_cpu(const MapSpec& spec, std::uint32_t cpus, HashKind kind, Eviction eviction) {
  TRY_OK(check_hash(spec, kind));
  TRY(HashTable table, HashTable::make({
                           .key_size = spec.key_size,
                           .slot_size = 0,
                           .max_entries = spec.max_entries,
                           .spare = 0,
                           .eviction = eviction,
                           .replacement = Replacement::kInPlace,
                           .seed = seed_for(spec),
                       }));
  TRY(PerCpuValues values, PerCpuValues::make(table.index_limit(), spec.value_size, cpus));
  return std::shared_ptr<Map>(std::make_shared<T>(spec, std::move(table), std::move(values)));
}

}  // namespace

MapResult PerCpuHash::update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) {
  return update_as<0>(key, value, flags, cpu);
}

MapResult PerCpuHash::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != user_value_size()) return kInvalid;
  const bool found = table_.read(key.data(), [&](HashTable::Index index) { values_.get_all(index, value); });
  return found ? kOkResult : kNoEntry;
}

MapResult PerCpuHash::put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != user_value_size()) return kInvalid;
  return table_.update(key.data(), static_cast<std::uint64_t>(flag),
                       [&](HashTable::Index index, Slot) { values_.set_all(index, value); });
}

MapResult PerCpuHash::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if ((!key.empty() && key.size() != spec_.key_size) || next.size() != spec_.key_size) return kInvalid;
  return table_.next_key(key.empty() ? nullptr : key.data(), next.data());
}

std::int64_t PerCpuHash::for_each(Visitor visit, void* state, std::uint32_t cpu) {
  return table_.for_each(
      [&](HashTable::Index index) { return visit(state, table_.key(index), values_.slot(index, cpu)); });
}

Result<std::shared_ptr<Map>> PerCpuHashMap::make(const MapSpec& spec, std::uint32_t cpus) {
  return make_per_cpu<PerCpuHashMap>(spec, cpus, HashKind::kPerCpu, Eviction::kNone);
}

Result<std::shared_ptr<Map>> LruPerCpuHashMap::make(const MapSpec& spec, std::uint32_t cpus) {
  return make_per_cpu<LruPerCpuHashMap>(spec, cpus, HashKind::kLruPerCpu, Eviction::kLeastRecentlyUsed);
}

}  // namespace skep::maps
