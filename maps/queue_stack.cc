// SPDX-License-Identifier: Apache-2.0
#include "maps/queue_stack.h"

#include <cstring>
#include <mutex>

#include "base/try.h"
#include "maps/check.h"
#include "maps/errors.h"

namespace skep::maps {

PushPopMap::PushPopMap(MapSpec spec, Memory values)
    : KeylessMap(std::move(spec)), values_(std::move(values)), stride_(round_up(spec_.value_size, 8)) {}

Result<Memory> PushPopMap::make_values(const MapSpec& spec) {
  TRY_OK(check_creation(spec, {.key_size = {0, 0},
                               .value_size = {1, kMaxElementBytes},
                               .max_entries = {1, 0xffffffff},
                               .allowed_flags = kAccessFlags | map_flags::kNumaNode}));
  return Memory::allocate(round_up(spec.value_size, 8) * spec.max_entries);
}

std::byte* PushPopMap::slot(std::uint64_t number) const {
  return values_.data() + (oldest_ + number) % spec_.max_entries * stride_;
}

MapResult PushPopMap::push(const void* value, std::uint64_t flags) {
  if (flags != 0 && flags != static_cast<std::uint64_t>(UpdateFlag::kExist)) return kInvalid;
  const std::lock_guard guard(lock_);
  if (count_ == spec_.max_entries) {
    if (flags == 0) return kTooBig;
    oldest_ = (oldest_ + 1) % spec_.max_entries;
    --count_;
  }
  std::memcpy(slot(count_), value, spec_.value_size);
  ++count_;
  return kOkResult;
}

MapResult PushPopMap::take(void* value, Take how) {
  const std::lock_guard guard(lock_);
  if (count_ == 0) {
    std::memset(value, 0, spec_.value_size);
    return kNoEntry;
  }
  const std::uint32_t number = next_of(count_);
  std::memcpy(value, slot(number), spec_.value_size);
  if (how == Take::kKeep) return kOkResult;
  if (number == 0) oldest_ = (oldest_ + 1) % spec_.max_entries;
  --count_;
  return kOkResult;
}

std::size_t PushPopMap::size() const {
  const std::lock_guard guard(lock_);
  return count_;
}

Result<std::shared_ptr<Map>> QueueMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY(Memory values, make_values(spec));
  return std::shared_ptr<Map>(std::make_shared<QueueMap>(spec, std::move(values)));
}

Result<std::shared_ptr<Map>> StackMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY(Memory values, make_values(spec));
  return std::shared_ptr<Map>(std::make_shared<StackMap>(spec, std::move(values)));
}

}  // namespace skep::maps
