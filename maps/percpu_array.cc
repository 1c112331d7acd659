// SPDX-License-Identifier: Apache-2.0
#include "maps/percpu_array.h"

#include <cassert>

#include "base/try.h"
#include "maps/check.h"
#include "maps/errors.h"

namespace skep::maps {
namespace {

MapResult check_update(std::uint32_t index, std::uint32_t max_entries, std::uint64_t flags) {
  if (flags > static_cast<std::uint64_t>(UpdateFlag::kExist)) return kInvalid;
  if (index >= max_entries) return kTooBig;
  return flags == static_cast<std::uint64_t>(UpdateFlag::kNoExist) ? kExists : kOkResult;
}

}  // namespace

Result<std::shared_ptr<Map>> PerCpuArrayMap::make(const MapSpec& spec, std::uint32_t cpus) {
  TRY_OK(check_creation(spec, {.key_size = {4, 4},
                               .value_size = {1, kMaxPerCpuValueBytes},
                               .max_entries = {1, 0xffffffff},
                               .allowed_flags = kAccessFlags}));
  TRY(PerCpuValues values, PerCpuValues::make(spec.max_entries, spec.value_size, cpus));
  assert(values.slot(1, 0) == values.slot(0, 0) + value_stride(spec));
  assert(values.slot(0, 1) == values.slot(0, 0) + cpu_stride(spec));
  return std::shared_ptr<Map>(std::make_shared<PerCpuArrayMap>(spec, std::move(values)));
}

MapResult PerCpuArrayMap::update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) {
  const std::uint32_t index = ArrayMap::index_of(key);
  if (const MapResult wrong = check_update(index, spec_.max_entries, flags); wrong != 0) return wrong;
  values_.set(index, cpu, static_cast<const std::byte*>(value));
  return kOkResult;
}

MapResult PerCpuArrayMap::erase(const void* /*key*/) { return kInvalid; }

MapResult PerCpuArrayMap::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != user_value_size()) return kInvalid;
  const std::uint32_t index = ArrayMap::index_of(key.data());
  if (index >= spec_.max_entries) return kNoEntry;
  values_.get_all(index, value);
  return kOkResult;
}

MapResult PerCpuArrayMap::put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) {
  if (const MapResult denied = user_may_write(); denied != 0) return denied;
  if (key.size() != spec_.key_size || value.size() != user_value_size()) return kInvalid;
  const std::uint32_t index = ArrayMap::index_of(key.data());
  if (const MapResult wrong = check_update(index, spec_.max_entries, static_cast<std::uint64_t>(flag)); wrong != 0)
    return wrong;
  values_.set_all(index, value);
  return kOkResult;
}

MapResult PerCpuArrayMap::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (const MapResult denied = user_may_read(); denied != 0) return denied;
  return ArrayMap::next_index(key, next, spec_.max_entries);
}

std::int64_t PerCpuArrayMap::for_each(Visitor visit, void* state, std::uint32_t cpu) {
  for (std::uint32_t index = 0; index < spec_.max_entries; ++index) {
    std::uint32_t key = index;
    if (visit(state, &key, values_.slot(index, cpu)) != 0) return std::int64_t{index} + 1;
  }
  return spec_.max_entries;
}

}  // namespace skep::maps
