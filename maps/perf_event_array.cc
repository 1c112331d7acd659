// SPDX-License-Identifier: Apache-2.0
#include "maps/perf_event_array.h"

#include "base/try.h"
#include "maps/array.h"
#include "maps/check.h"
#include "maps/errors.h"

namespace skep::maps {

Result<std::shared_ptr<Map>> PerfEventArray::make(const MapSpec& spec, std::uint32_t cpus) {
  MapSpec sized = spec;
  if (sized.max_entries == 0) sized.max_entries = cpus;
  TRY_OK(check_creation(sized, {.key_size = {4, 4},
                                .value_size = {4, 4},
                                .max_entries = {1, 0xffffffff},
                                .allowed_flags = map_flags::kNumaNode | map_flags::kReadOnly | map_flags::kWriteOnly |
                                                 map_flags::kPreserveElems}));
  return std::shared_ptr<Map>(std::make_shared<PerfEventArray>(std::move(sized)));
}

void* PerfEventArray::lookup(const void* /*key*/, std::uint32_t /*cpu*/) { return nullptr; }
MapResult PerfEventArray::update(const void* /*key*/, const void* /*value*/, std::uint64_t /*flags*/,
                                 std::uint32_t /*cpu*/) {
  return kInvalid;
}
MapResult PerfEventArray::erase(const void* key) {
  return ArrayMap::index_of(key) < spec_.max_entries ? kNoEntry : kTooBig;
}
MapResult PerfEventArray::get(std::span<const std::byte> /*key*/, std::span<std::byte> /*value*/) {
  return kNotSupported;
}
// A value would be the descriptor of a perf event, and there is none here.
MapResult PerfEventArray::put(std::span<const std::byte> /*key*/, std::span<const std::byte> /*value*/,
                              UpdateFlag /*flag*/) {
  return -EBADF;
}
MapResult PerfEventArray::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  return ArrayMap::next_index(key, next, spec_.max_entries);
}

}  // namespace skep::maps
