// SPDX-License-Identifier: Apache-2.0
#include "maps/redirect_targets.h"

#include <cstring>

#include "base/try.h"
#include "maps/array.h"
#include "maps/check.h"
#include "maps/errors.h"
#include "maps/seed.h"
#include "maps/words.h"

namespace skep::maps {
namespace {

constexpr std::size_t kSlotHeader = 8;

/// Creates the slots of a map whose values have 4 or 8 bytes.
Result<Memory> make_slots(const MapSpec& spec, Range value_size, std::uint32_t flags) {
  TRY_OK(check_creation(
      spec, {.key_size = {4, 4}, .value_size = value_size, .max_entries = {1, 0xffffffff}, .allowed_flags = flags}));
  if (spec.value_size != 4 && spec.value_size != 8)
    return creation_error(spec, Errc::kOutOfRange,
                          "value_size is " + std::to_string(spec.value_size) + ", expected 4 or 8", "EINVAL");
  return Memory::allocate((kSlotHeader + 8) * std::size_t{spec.max_entries});
}

constexpr std::uint32_t kDevFlags = map_flags::kNumaNode | map_flags::kReadOnly | map_flags::kWriteOnly;

}  // namespace

SlotMap::SlotMap(MapSpec spec, Memory slots)
    : Map(std::move(spec)), slots_(std::move(slots)), stride_(kSlotHeader + 8) {}

void* SlotMap::lookup(const void* key, std::uint32_t /*cpu*/) {
  const std::uint32_t index = ArrayMap::index_of(key);
  if (index >= spec_.max_entries || load_word(slot(index)) == 0) return nullptr;
  return slot(index) + kSlotHeader;
}

MapResult SlotMap::update(const void* key, const void* value, std::uint64_t flags, std::uint32_t /*cpu*/) {
  if (flags > static_cast<std::uint64_t>(UpdateFlag::kExist)) return kInvalid;
  const std::uint32_t index = ArrayMap::index_of(key);
  if (index >= spec_.max_entries) return kTooBig;
  if (flags == static_cast<std::uint64_t>(UpdateFlag::kNoExist)) return kExists;
  const Judgement judgement = judge(index, ArrayMap::index_of(value));
  if (judgement.result != 0) return judgement.result;
  if (judgement.meaning == Meaning::kClear) {
    store_word(slot(index), 0);
    return kOkResult;
  }
  copy_to_slot(slot(index) + kSlotHeader, static_cast<const std::byte*>(value), spec_.value_size);
  std::atomic_ref<std::uint64_t>(object_at<std::uint64_t>(slot(index), 0)).store(1, std::memory_order_release);
  return kOkResult;
}

MapResult SlotMap::erase(const void* key) {
  const std::uint32_t index = ArrayMap::index_of(key);
  if (index >= spec_.max_entries) return kInvalid;
  store_word(slot(index), 0);
  return kOkResult;
}

MapResult SlotMap::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  const auto* found = static_cast<const std::byte*>(SlotMap::lookup(key.data(), 0));
  if (found == nullptr) return kNoEntry;
  copy_from_slot(value.data(), found, spec_.value_size);
  return kOkResult;
}

MapResult SlotMap::put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  return SlotMap::update(key.data(), value.data(), static_cast<std::uint64_t>(flag), 0);
}

MapResult SlotMap::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  return ArrayMap::next_index(key, next, spec_.max_entries);
}

bool SlotMap::contains(const void* address, std::size_t size) const {
  const std::uint64_t begin = address_of(slots_.data());
  const std::uint64_t at = address_of(address);
  if (at < begin || at >= begin + slots_.size()) return false;
  const std::uint64_t offset = (at - begin) % stride_;
  if (offset < kSlotHeader) return false;
  const std::uint64_t inside = offset - kSlotHeader;
  return inside <= spec_.value_size && size <= spec_.value_size - inside;
}

Result<std::shared_ptr<Map>> DevMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY(Memory slots, make_slots(spec, {}, kDevFlags));
  return std::shared_ptr<Map>(std::make_shared<DevMap>(spec, std::move(slots)));
}
SlotMap::Judgement DevMap::judge(std::uint32_t /*index*/, std::uint32_t ifindex) const {
  return {.result = kOkResult, .meaning = ifindex != 0 ? Meaning::kSet : Meaning::kClear};
}

Result<std::shared_ptr<Map>> CpuMap::make(const MapSpec& spec, std::uint32_t cpus) {
  TRY(Memory slots, make_slots(spec, {}, map_flags::kNumaNode));
  return std::shared_ptr<Map>(std::make_shared<CpuMap>(spec, std::move(slots), cpus));
}
SlotMap::Judgement CpuMap::judge(std::uint32_t index, std::uint32_t queue_size) const {
  constexpr std::uint32_t kMaxQueue = 16384;
  if (queue_size > kMaxQueue) return {.result = kOverflow, .meaning = Meaning::kSet};
  if (index >= cpus_) return {.result = kNoDevice, .meaning = Meaning::kSet};
  return {.result = kOkResult, .meaning = queue_size != 0 ? Meaning::kSet : Meaning::kClear};
}

Result<std::shared_ptr<Map>> XskMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY(Memory slots, make_slots(spec, {4, 4}, kDevFlags));
  return std::shared_ptr<Map>(std::make_shared<XskMap>(spec, std::move(slots)));
}
// Linux lets nobody read sockets and cgroups back.
MapResult XskMap::get(std::span<const std::byte> /*key*/, std::span<std::byte> /*value*/) { return kOpNotSupported; }
SlotMap::Judgement XskMap::judge(std::uint32_t /*index*/, std::uint32_t /*socket*/) const {
  return {.result = kOkResult, .meaning = Meaning::kSet};
}

Result<std::shared_ptr<Map>> CgroupArrayMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY(Memory slots, make_slots(spec, {4, 4}, kDevFlags));
  return std::shared_ptr<Map>(std::make_shared<CgroupArrayMap>(spec, std::move(slots)));
}
MapResult CgroupArrayMap::get(std::span<const std::byte> /*key*/, std::span<std::byte> /*value*/) {
  return kNotSupported;
}
MapResult CgroupArrayMap::erase(const void* key) {
  if (ArrayMap::index_of(key) >= spec_.max_entries) return kTooBig;
  return lookup(key, 0) != nullptr ? SlotMap::erase(key) : kNoEntry;
}
SlotMap::Judgement CgroupArrayMap::judge(std::uint32_t /*index*/, std::uint32_t /*cgroup*/) const {
  return {.result = kOkResult, .meaning = Meaning::kSet};
}

Result<std::shared_ptr<Map>> DevMapHash::make(const MapSpec& spec, std::uint32_t cpus) {
  TRY_OK(check_creation(
      spec, {.key_size = {4, 4}, .value_size = {}, .max_entries = {1, 1u << 31}, .allowed_flags = kDevFlags}));
  if (spec.value_size != 4 && spec.value_size != 8)
    return creation_error(spec, Errc::kOutOfRange,
                          "value_size is " + std::to_string(spec.value_size) + ", expected 4 or 8", "EINVAL");
  TRY(HashTable table, HashTable::make({.key_size = 4,
                                        .slot_size = spec.value_size,
                                        .max_entries = spec.max_entries,
                                        .spare = cpus,
                                        .eviction = Eviction::kNone,
                                        .replacement = Replacement::kSwap,
                                        .seed = seed_for(spec)}));
  return std::shared_ptr<Map>(std::make_shared<DevMapHash>(spec, std::move(table)));
}

void* DevMapHash::lookup(const void* key, std::uint32_t /*cpu*/) {
  const HashTable::Index found = table_.find(key);
  return found != HashTable::kNone ? table_.value(found) : nullptr;
}

MapResult DevMapHash::update(const void* key, const void* value, std::uint64_t flags, std::uint32_t /*cpu*/) {
  if (flags > static_cast<std::uint64_t>(UpdateFlag::kExist) || ArrayMap::index_of(value) == 0) return kInvalid;
  const auto* bytes = static_cast<const std::byte*>(value);
  return table_.update(
      key, flags, [&](HashTable::Index index, Slot) { copy_to_slot(table_.value(index), bytes, spec_.value_size); });
}

MapResult DevMapHash::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  const bool found = table_.read(
      key.data(), [&](HashTable::Index index) { copy_from_slot(value.data(), table_.value(index), spec_.value_size); });
  return found ? kOkResult : kNoEntry;
}

MapResult DevMapHash::put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  return DevMapHash::update(key.data(), value.data(), static_cast<std::uint64_t>(flag), 0);
}

MapResult DevMapHash::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if ((!key.empty() && key.size() != spec_.key_size) || next.size() != spec_.key_size) return kInvalid;
  return table_.next_key(key.empty() ? nullptr : key.data(), next.data());
}

}  // namespace skep::maps
