// SPDX-License-Identifier: Apache-2.0
#include "maps/stack_trace.h"

#include "base/try.h"
#include "maps/array.h"
#include "maps/check.h"
#include "maps/errors.h"

namespace skep::maps {

Result<std::shared_ptr<Map>> StackTraceMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  constexpr std::uint32_t kMaxDepth = 127, kBuildId = 1u << 5, kBuildIdEntry = 32;
  const std::uint32_t entry = (spec.flags & kBuildId) != 0 ? kBuildIdEntry : 8;
  TRY_OK(check_creation(
      spec, {.key_size = {4, 4},
             .value_size = {8, ~std::uint64_t{0}},
             .max_entries = {1, 0xffffffff},
             .allowed_flags = map_flags::kNumaNode | map_flags::kReadOnly | map_flags::kWriteOnly | kBuildId}));
  if (spec.value_size % entry != 0 || spec.value_size / entry > kMaxDepth)
    return creation_error(spec, Errc::kOutOfRange,
                          "value_size is " + std::to_string(spec.value_size) + ", expected a multiple of " +
                              std::to_string(entry) + " of at most " + std::to_string(entry * kMaxDepth),
                          "EINVAL");
  return std::shared_ptr<Map>(std::make_shared<StackTraceMap>(spec));
}

// get_stackid collects no stacks here (see helpers/trace.cc), so that every slot is empty.
void* StackTraceMap::lookup(const void* /*key*/, std::uint32_t /*cpu*/) { return nullptr; }
MapResult StackTraceMap::update(const void* /*key*/, const void* /*value*/, std::uint64_t /*flags*/,
                                std::uint32_t /*cpu*/) {
  return kInvalid;
}
MapResult StackTraceMap::erase(const void* key) {
  return ArrayMap::index_of(key) >= spec_.max_entries ? kTooBig : kNoEntry;
}
MapResult StackTraceMap::get(std::span<const std::byte> key, std::span<std::byte> value) {
  return key.size() != spec_.key_size || value.size() != spec_.value_size ? kInvalid : kNoEntry;
}
MapResult StackTraceMap::put(std::span<const std::byte> /*key*/, std::span<const std::byte> /*value*/,
                             UpdateFlag /*flag*/) {
  return kInvalid;
}
MapResult StackTraceMap::next_key(std::span<const std::byte> /*key*/, std::span<std::byte> /*next*/) {
  return kNoEntry;
}

}  // namespace skep::maps
