// SPDX-License-Identifier: Apache-2.0
#include "maps/lpm_trie.h"

#include <bit>
#include <cstring>

#include "base/try.h"
#include "maps/array.h"
#include "maps/check.h"
#include "maps/errors.h"
#include "maps/seed.h"

namespace skep::maps {

Result<std::shared_ptr<Map>> LpmTrieMap::make(const MapSpec& spec, std::uint32_t cpus) {
  // Linux counts its node (48 bytes) and the largest key into what one allocation holds.
  TRY_OK(check_creation(spec, {.key_size = {5, kMaxKeyBytes},
                               .value_size = {1, kMaxElementBytes - kMaxDataBytes - 48},
                               .max_entries = {1, 0xffffffff},
                               .allowed_flags = kAccessFlags | map_flags::kNoPrealloc | map_flags::kNumaNode,
                               .required_flags = map_flags::kNoPrealloc,
                               .too_big = "EINVAL"}));
  TRY(HashTable table,
      HashTable::make({.key_size = spec.key_size,
                       .slot_size = static_cast<std::uint32_t>(round_up(spec.value_size, 8)) + spec.key_size,
                       .max_entries = spec.max_entries,
                       .spare = cpus,
                       .eviction = Eviction::kNone,
                       .replacement = Replacement::kSwap,
                       .seed = seed_for(spec)}));
  return std::shared_ptr<Map>(std::make_shared<LpmTrieMap>(spec, std::move(table)));
}

LpmTrieMap::LpmTrieMap(MapSpec spec, HashTable table)
    : Map(std::move(spec)), table_(std::move(table)), counts_(max_length() + 1) {}

void LpmTrieMap::mask(Key& key, std::uint32_t length) const {
  std::memcpy(key.data(), &length, sizeof length);
  std::size_t at = 4 + length / 8;
  if (length % 8 != 0) key[at++] &= static_cast<std::byte>(0xff00u >> (length % 8));
  if (at < spec_.key_size) std::memset(key.data() + at, 0, spec_.key_size - at);
}

std::int32_t LpmTrieMap::longest_length(std::int32_t limit) const {
  for (std::int32_t word = limit / 64; word >= 0 && limit >= 0; --word, limit = word * 64 + 63) {
    const std::uint64_t below = ~std::uint64_t{0} >> (63 - limit % 64);
    const std::uint64_t used = lengths_[static_cast<std::size_t>(word)].load(std::memory_order_acquire) & below;
    if (used != 0) return word * 64 + 63 - std::countl_zero(used);
  }
  return -1;
}

void LpmTrieMap::count_length(std::uint32_t length) {
  if (counts_[length]++ == 0)
    lengths_[length / 64].fetch_or(std::uint64_t{1} << (length % 64), std::memory_order_release);
}
void LpmTrieMap::discount_length(std::uint32_t length) {
  if (--counts_[length] == 0)
    lengths_[length / 64].fetch_and(~(std::uint64_t{1} << (length % 64)), std::memory_order_release);
}

void* LpmTrieMap::lookup(const void* key, std::uint32_t /*cpu*/) {
  Key masked;
  std::memcpy(masked.data(), key, spec_.key_size);
  const std::uint32_t limit = ArrayMap::index_of(key);
  if (limit > max_length()) return nullptr;
  for (std::int32_t length = longest_length(static_cast<std::int32_t>(limit)); length >= 0;
       length = longest_length(length - 1)) {
    mask(masked, static_cast<std::uint32_t>(length));
    if (const HashTable::Index found = table_.find(masked.data()); found != HashTable::kNone)
      return table_.value(found);
  }
  return nullptr;
}

MapResult LpmTrieMap::update(const void* key, const void* value, std::uint64_t flags, std::uint32_t /*cpu*/) {
  if (flags > static_cast<std::uint64_t>(UpdateFlag::kExist)) return kInvalid;
  const std::uint32_t length = ArrayMap::index_of(key);
  if (length > max_length()) return kInvalid;
  Key masked;
  std::memcpy(masked.data(), key, spec_.key_size);
  mask(masked, length);
  const auto* bytes = static_cast<const std::byte*>(value);
  const std::lock_guard guard(mutex_);
  const bool added = table_.find(masked.data()) == HashTable::kNone;
  const MapResult result = table_.update(masked.data(), flags, [&](HashTable::Index index, Slot) {
    copy_to_slot(table_.value(index), bytes, spec_.value_size);
    copy_to_slot(written_key(index), static_cast<const std::byte*>(key), spec_.key_size);
  });
  if (result == 0 && added) count_length(length);
  return result == kTooBig ? kNoSpace : result;
}

MapResult LpmTrieMap::erase(const void* key) {
  const std::uint32_t length = ArrayMap::index_of(key);
  if (length > max_length()) return kInvalid;
  Key masked;
  std::memcpy(masked.data(), key, spec_.key_size);
  mask(masked, length);
  const std::lock_guard guard(mutex_);
  const MapResult result = table_.erase(masked.data());
  if (result == 0) discount_length(length);
  return result;
}

MapResult LpmTrieMap::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  const auto* slot = static_cast<const std::byte*>(LpmTrieMap::lookup(key.data(), 0));
  if (slot == nullptr) return kNoEntry;
  copy_from_slot(value.data(), slot, spec_.value_size);
  return kOkResult;
}

MapResult LpmTrieMap::put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  return LpmTrieMap::update(key.data(), value.data(), static_cast<std::uint64_t>(flag), 0);
}

MapResult LpmTrieMap::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if ((!key.empty() && key.size() != spec_.key_size) || next.size() != spec_.key_size) return kInvalid;
  Key masked;
  const std::byte* before = nullptr;
  if (!key.empty() && ArrayMap::index_of(key.data()) <= max_length()) {
    std::memcpy(masked.data(), key.data(), spec_.key_size);
    mask(masked, ArrayMap::index_of(key.data()));
    before = masked.data();
  }
  const HashTable::Index following = table_.next_element(before);
  if (following == HashTable::kNone) return kNoEntry;
  copy_from_slot(next.data(), written_key(following), spec_.key_size);
  return kOkResult;
}

bool LpmTrieMap::contains(const void* address, std::size_t size) const {
  const HashTable::Index found = table_.element_at(address, size);
  if (found == HashTable::kNone) return false;
  return address_of(address) + size <= address_of(table_.value(found)) + spec_.value_size;
}

}  // namespace skep::maps
