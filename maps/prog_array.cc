// SPDX-License-Identifier: Apache-2.0
#include "maps/prog_array.h"

#include <cerrno>
#include <cstring>

#include "base/try.h"
#include "maps/check.h"

namespace skep {
namespace {

std::uint32_t index_of(const void* key) {
  std::uint32_t index = 0;
  std::memcpy(&index, key, sizeof(index));
  return index;
}

}  // namespace

Result<std::shared_ptr<Map>> ProgArrayMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY_OK(maps::check_creation(spec,
                              {.key_size = {4, 4},
                               .value_size = {4, 4},
                               .max_entries = {1, 0xffffffff},
                               .allowed_flags = map_flags::kNumaNode | map_flags::kReadOnly | map_flags::kWriteOnly}));
  return std::shared_ptr<Map>(std::make_shared<ProgArrayMap>(spec));
}

ProgArrayMap::ProgArrayMap(MapSpec spec) : Map(std::move(spec)), slots_(spec_.max_entries) {}

MapResult ProgArrayMap::set(std::uint32_t index, const TailTarget* target) {
  if (index >= slots_.size()) return -E2BIG;
  slots_[index].store(target, std::memory_order_seq_cst);
  return 0;
}

bool ProgArrayMap::holds(const TailTarget* target) const {
  for (const auto& slot : slots_)
    if (slot.load(std::memory_order_seq_cst) == target) return true;
  return false;
}

// Programs neither read nor write a prog_array (the verifier lets them use tail_call only).
void* ProgArrayMap::lookup(const void*, std::uint32_t) { return nullptr; }
MapResult ProgArrayMap::update(const void*, const void*, std::uint64_t, std::uint32_t) { return -EINVAL; }

MapResult ProgArrayMap::erase(const void* key) {
  const std::uint32_t index = index_of(key);
  if (index >= slots_.size()) return -E2BIG;
  return slots_[index].exchange(nullptr) == nullptr ? -ENOENT : 0;
}

// A program has no number that could be read or written: Vm::set_tail_call is the way in.
MapResult ProgArrayMap::get(std::span<const std::byte> key, std::span<std::byte> value) {
  if (key.size() != spec_.key_size || value.size() != spec_.value_size) return -EINVAL;
  return target(index_of(key.data())) == nullptr ? -ENOENT : -EOPNOTSUPP;
}
MapResult ProgArrayMap::put(std::span<const std::byte>, std::span<const std::byte>, UpdateFlag) { return -EBADF; }

MapResult ProgArrayMap::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (next.size() != sizeof(std::uint32_t) || (!key.empty() && key.size() != next.size())) return -EINVAL;
  const std::uint32_t last = spec_.max_entries - 1;
  std::uint32_t index = 0;
  if (!key.empty()) {
    const std::uint32_t now = index_of(key.data());
    if (now == last) return -ENOENT;
    index = now < last ? now + 1 : 0;
  }
  std::memcpy(next.data(), &index, sizeof(index));
  return 0;
}

}  // namespace skep
