// SPDX-License-Identifier: Apache-2.0
#include "maps/bloom_filter.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "base/try.h"
#include "maps/check.h"
#include "maps/errors.h"
#include "maps/hash_function.h"
#include "maps/seed.h"

namespace skep::maps {
namespace {

constexpr std::uint64_t kMaxFunctions = 15;

/// Number of hash functions: the lowest four bits of map_extra (UAPI), or five.
std::uint32_t functions_of(const MapSpec& spec) {
  constexpr std::uint32_t kDefault = 5;
  return spec.map_extra == 0 ? kDefault : static_cast<std::uint32_t>(spec.map_extra);
}

/// Bits that make false answers rarest: functions * entries / ln 2 (Bloom 1970), as a power of two.
std::uint64_t bits_for(const MapSpec& spec) {
  constexpr std::uint64_t kFewest = 64, kMost = std::uint64_t{1} << 32;
  const std::uint64_t best = std::uint64_t{spec.max_entries} * functions_of(spec) / 7 * 10;
  return std::clamp(std::bit_ceil(best), kFewest, kMost);
}

std::atomic_ref<std::uint64_t> atomic(std::byte* word) {
  return std::atomic_ref(*static_cast<std::uint64_t*>(static_cast<void*>(word)));
}

}  // namespace

BloomFilterMap::BloomFilterMap(MapSpec spec, Memory bits)
    : KeylessMap(std::move(spec)),
      bits_(std::move(bits)),
      mask_(bits_.size() * 8 - 1),
      functions_(functions_of(spec_)),
      seed_(seed_for(spec_)) {}

Result<std::shared_ptr<Map>> BloomFilterMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY_OK(check_creation(spec, {.key_size = {0, 0},
                               .value_size = {1, kMaxElementBytes},
                               .max_entries = {1, 0xffffffff},
                               .allowed_flags = kAccessFlags | map_flags::kNumaNode | map_flags::kZeroSeed}));
  if (spec.map_extra > kMaxFunctions)
    return creation_error(spec, Errc::kOutOfRange,
                          "map_extra is " + std::to_string(spec.map_extra) + ", expected at most 15 hash functions",
                          "EINVAL");
  TRY(Memory bits, Memory::allocate(bits_for(spec) / 8));
  return std::shared_ptr<Map>(std::make_shared<BloomFilterMap>(spec, std::move(bits)));
}

/// Two hashes make all functions: h1 + i * h2 is as good as independent ones (Kirsch and Mitzenmacher 2006).
struct BloomFilterMap::Hashes {
  std::uint64_t first = 0, step = 0;
};
BloomFilterMap::Hashes BloomFilterMap::hashes(const void* value) const {
  const std::uint64_t hash = hash_bytes(static_cast<const std::byte*>(value), spec_.value_size, seed_);
  return {.first = hash & 0xffffffff, .step = hash >> 32 | 1};
}

BloomFilterMap::Place BloomFilterMap::place(const Hashes& of, std::uint32_t function) const {
  const std::uint64_t bit = (of.first + function * of.step) & mask_;
  return {.word = bits_.data() + bit / 64 * 8, .bit = std::uint64_t{1} << bit % 64};
}

MapResult BloomFilterMap::push(const void* value, std::uint64_t flags) {
  if (flags != static_cast<std::uint64_t>(UpdateFlag::kAny)) return kInvalid;
  const Hashes of = hashes(value);
  for (std::uint32_t function = 0; function < functions_; ++function) {
    const Place at = place(of, function);
    atomic(at.word).fetch_or(at.bit, std::memory_order_relaxed);
  }
  return kOkResult;
}

MapResult BloomFilterMap::pop(void* /*value*/) { return kOpNotSupported; }

MapResult BloomFilterMap::peek(void* value) {
  const Hashes of = hashes(value);
  for (std::uint32_t function = 0; function < functions_; ++function) {
    const Place at = place(of, function);
    if ((atomic(at.word).load(std::memory_order_relaxed) & at.bit) == 0) return kNoEntry;
  }
  return kOkResult;
}

}  // namespace skep::maps
