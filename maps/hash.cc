// SPDX-License-Identifier: Apache-2.0
#include "maps/hash.h"

#include "base/try.h"
#include "maps/errors.h"
#include "maps/hash_rules.h"
#include "maps/seed.h"

namespace skep::maps {

Status check_hash(const MapSpec& spec, HashKind kind) {
  const bool lru = kind == HashKind::kLru || kind == HashKind::kLruPerCpu;
  const bool per_cpu = kind == HashKind::kPerCpu || kind == HashKind::kLruPerCpu;
  if (lru && (spec.flags & map_flags::kNoPrealloc) != 0)
    return creation_error(spec, Errc::kUnsupported, "map_flags has BPF_F_NO_PREALLOC, not allowed for LRU maps",
                          "ENOTSUPP");
  const CreationRules rules{
      .key_size = {1, kMaxElementBytes},
      .value_size = {1, kMaxElementBytes},
      .max_entries = {1, 1u << 31},
      .allowed_flags = kAccessFlags | map_flags::kNumaNode | map_flags::kZeroSeed |
                       (lru ? map_flags::kNoCommonLru : map_flags::kNoPrealloc),
  };
  TRY_OK(check_creation(spec, rules));
  // Linux allocates an element (header, key, value) at once; its header takes 48 bytes.
  constexpr std::uint64_t kKernelHeader = 48;
  if (std::uint64_t{spec.key_size} + spec.value_size >= kMaxElementBytes - kKernelHeader)
    return creation_error(spec, Errc::kOutOfRange,
                          "key_size + value_size is " + std::to_string(std::uint64_t{spec.key_size} + spec.value_size) +
                              ", expected less than " + std::to_string(kMaxElementBytes - kKernelHeader),
                          "E2BIG");
  if (per_cpu && round_up(spec.value_size, 8) > kMaxPerCpuValueBytes)
    return creation_error(spec, Errc::kOutOfRange,
                          "value_size is " + std::to_string(spec.value_size) + ", expected at most " +
                              std::to_string(kMaxPerCpuValueBytes),
                          "E2BIG");
  return kOk;
}

Result<HashTable> PlainHash::make_table(const MapSpec& spec, std::uint32_t cpus, Eviction eviction) {
  return HashTable::make({
      .key_size = spec.key_size,
      .slot_size = spec.value_size,
      .max_entries = spec.max_entries,
      .spare = cpus,
      .eviction = eviction,
      .replacement = Replacement::kSwap,
      .seed = seed_for(spec),
  });
}

MapResult PlainHash::update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) {
  return update_as<0>(key, value, flags, cpu);
}

MapResult PlainHash::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  const bool found = table_.read(
      key.data(), [&](HashTable::Index index) { copy_from_slot(value.data(), table_.value(index), spec_.value_size); });
  return found ? kOkResult : kNoEntry;
}

MapResult PlainHash::put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  return PlainHash::update(key.data(), value.data(), static_cast<std::uint64_t>(flag), 0);
}

MapResult PlainHash::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if ((!key.empty() && key.size() != spec_.key_size) || next.size() != spec_.key_size) return kInvalid;
  return table_.next_key(key.empty() ? nullptr : key.data(), next.data());
}

std::int64_t PlainHash::for_each(Visitor visit, void* state, std::uint32_t /*cpu*/) {
  return table_.for_each([&](HashTable::Index index) { return visit(state, table_.key(index), table_.value(index)); });
}

Result<std::shared_ptr<Map>> HashMap::make(const MapSpec& spec, std::uint32_t cpus) {
  TRY_OK(check_hash(spec, HashKind::kPlain));
  TRY(HashTable table, make_table(spec, cpus, Eviction::kNone));
  return std::shared_ptr<Map>(std::make_shared<HashMap>(spec, std::move(table)));
}

Result<std::shared_ptr<Map>> LruHashMap::make(const MapSpec& spec, std::uint32_t cpus) {
  TRY_OK(check_hash(spec, HashKind::kLru));
  TRY(HashTable table, make_table(spec, cpus, Eviction::kLeastRecentlyUsed));
  return std::shared_ptr<Map>(std::make_shared<LruHashMap>(spec, std::move(table)));
}

}  // namespace skep::maps
