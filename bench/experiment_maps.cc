// SPDX-License-Identifier: Apache-2.0
// map/OPERATION/PEER: one operation of a program on a map of 10,000 entries that is half full, beside
// std::unordered_map.
#include <cstring>
#include <memory>
#include <unordered_map>

#include "bench/experiments.h"
#include "skep/map.h"

namespace skep::bench {
namespace {

constexpr std::uint32_t kEntries = 10'000;
constexpr std::uint32_t kPresent = kEntries / 2;
constexpr std::uint64_t kBatch = 1024;

/// Keys in an order that no prefetcher guesses; the same for all peers.
std::uint32_t key_at(std::uint64_t i) { return static_cast<std::uint32_t>(i * 2654435761u >> 7) % kPresent; }

template <class Operation>
Series series(const std::string& name, Operation operation) {
  return {.name = name,
          .items = kBatch,
          .work =
              [operation, at = std::uint64_t{0}]() mutable {
                for (std::uint64_t i = 0; i < kBatch; ++i) operation(key_at(at++));
              },
          .timed = {}};
}

void add_map(MapType type, const std::string& item, Plan& plan) {
  const MapSpec spec{.name = item, .type = type, .key_size = 4, .value_size = 8, .max_entries = kEntries};
  auto made = make_map(spec, 2);
  if (!made) {
    plan.left_out.push_back("map/" + item + "/skep: " + made.error().message);
    return;
  }
  const std::shared_ptr<Map> map = *made;
  const std::uint64_t value = 1;
  for (std::uint32_t key = 0; key < kPresent; ++key) map->update(&key, &value, 0, 0);
  plan.series.push_back(series("map/" + item + "-lookup/skep", [map](std::uint32_t key) {
    auto* found = static_cast<volatile std::uint64_t*>(map->lookup(&key, 0));
    if (found != nullptr) *found = *found + 1;
  }));
  plan.series.push_back(series("map/" + item + "-update/skep", [map](std::uint32_t key) {
    const std::uint64_t fresh = key;
    map->update(&key, &fresh, 0, 0);
  }));
  if (type == MapType::kArray || type == MapType::kPerCpuArray) return;
  plan.series.push_back(series("map/" + item + "-delete-insert/skep", [map](std::uint32_t key) {
    const std::uint64_t fresh = key;
    map->erase(&key);
    map->update(&key, &fresh, 0, 0);
  }));
}

void add_standard(Plan& plan) {
  const auto map = std::make_shared<std::unordered_map<std::uint32_t, std::uint64_t>>();
  map->reserve(kEntries);
  for (std::uint32_t key = 0; key < kPresent; ++key) (*map)[key] = 1;
  plan.series.push_back(series("map/hash-lookup/unordered_map", [map](std::uint32_t key) {
    const auto found = map->find(key);
    if (found != map->end()) ++found->second;
  }));
  plan.series.push_back(
      series("map/hash-update/unordered_map", [map](std::uint32_t key) { map->insert_or_assign(key, key); }));
  plan.series.push_back(series("map/hash-delete-insert/unordered_map", [map](std::uint32_t key) {
    map->erase(key);
    map->emplace(key, key);
  }));
}

}  // namespace

void plan_maps(Plan& plan) {
  add_map(MapType::kArray, "array", plan);
  add_map(MapType::kPerCpuArray, "percpu_array", plan);
  add_map(MapType::kHash, "hash", plan);
  add_map(MapType::kPerCpuHash, "percpu_hash", plan);
  add_map(MapType::kLruHash, "lru_hash", plan);
  add_standard(plan);
}

}  // namespace skep::bench
