// SPDX-License-Identifier: Apache-2.0
#include "maps/array.h"

#include <algorithm>
#include <cstring>

#include "base/try.h"
#include "maps/check.h"
#include "maps/errors.h"
#include "maps/words.h"

namespace skep::maps {

Result<std::shared_ptr<Map>> ArrayMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY_OK(check_creation(
      spec, {.key_size = {4, 4},
             .value_size = {1, 0x7fffffff},
             .max_entries = {1, 0xffffffff},
             .allowed_flags = kAccessFlags | map_flags::kNumaNode | map_flags::kMmapable | map_flags::kInnerMap}));
  const std::uint64_t stride = value_stride(spec);
  if (spec.initial.size() > stride * spec.max_entries)
    return creation_error(spec, Errc::kOutOfRange,
                          "has " + std::to_string(spec.initial.size()) +
                              " bytes of initial contents, expected at most " +
                              std::to_string(stride * spec.max_entries),
                          "EINVAL");
  TRY(Memory values, Memory::allocate(stride * spec.max_entries));
  return std::shared_ptr<Map>(std::make_shared<ArrayMap>(spec, std::move(values)));
}

ArrayMap::ArrayMap(MapSpec spec, Memory values)
    : Map(std::move(spec)), values_(std::move(values)), stride_(value_stride(spec_)) {
  if (!spec_.initial.empty()) std::memcpy(values_.data(), spec_.initial.data(), spec_.initial.size());
  frozen_ = spec_.frozen;
}

MapResult ArrayMap::update(const void* key, const void* value, std::uint64_t flags, std::uint32_t /*cpu*/) {
  if (flags > static_cast<std::uint64_t>(UpdateFlag::kExist)) return kInvalid;
  const std::uint32_t index = index_of(key);
  if (index >= spec_.max_entries) return kTooBig;
  if (flags == static_cast<std::uint64_t>(UpdateFlag::kNoExist)) return kExists;
  copy_to_slot(slot(index), static_cast<const std::byte*>(value), spec_.value_size);
  return kOkResult;
}

MapResult ArrayMap::erase(const void* /*key*/) { return kInvalid; }

MapResult ArrayMap::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  const std::uint32_t index = index_of(key.data());
  if (index >= spec_.max_entries) return kNoEntry;
  copy_from_slot(value.data(), slot(index), spec_.value_size);
  return kOkResult;
}

MapResult ArrayMap::put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return kInvalid;
  return ArrayMap::update(key.data(), value.data(), static_cast<std::uint64_t>(flag), 0);
}

MapResult ArrayMap::next_index(std::span<const std::byte> key, std::span<std::byte> next, std::uint32_t max_entries) {
  if ((!key.empty() && key.size() != sizeof(std::uint32_t)) || next.size() != sizeof(std::uint32_t)) return kInvalid;
  std::uint32_t index = 0;
  if (!key.empty()) {
    const std::uint32_t before = index_of(key.data());
    if (before == max_entries - 1) return kNoEntry;
    index = before < max_entries ? before + 1 : 0;
  }
  std::memcpy(next.data(), &index, sizeof index);
  return kOkResult;
}

MapResult ArrayMap::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  return next_index(key, next, spec_.max_entries);
}

bool ArrayMap::contains(const void* address, std::size_t size) const {
  const std::uint64_t begin = address_of(values_.data());
  const std::uint64_t at = address_of(address);
  if (at < begin || at >= begin + values_.size()) return false;
  const std::uint64_t inside = (at - begin) % stride_;
  return inside <= spec_.value_size && size <= spec_.value_size - inside;
}

std::int64_t ArrayMap::for_each(Visitor visit, void* state, std::uint32_t /*cpu*/) {
  for (std::uint32_t index = 0; index < spec_.max_entries; ++index) {
    std::uint32_t key = index;
    if (visit(state, &key, slot(index)) != 0) return std::int64_t{index} + 1;
  }
  return spec_.max_entries;
}

}  // namespace skep::maps
