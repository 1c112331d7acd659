// SPDX-License-Identifier: Apache-2.0
// Maps under several threads at once: nothing is lost, nothing is found that was never there, values are never
// mixtures. The thread sanitizer watches the same runs.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "map_samples.h"
#include "maps/ringbuf.h"

namespace skep::testing {
namespace {

constexpr std::uint32_t kThreads = 4;
constexpr std::uint32_t kRounds = 20000;

void run(const std::function<void(std::uint32_t)>& body) {
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) threads.emplace_back(body, t);
  for (std::thread& thread : threads) thread.join();
}

std::shared_ptr<Map> make(const MapSpec& spec) { return make_map(spec, kThreads).value(); }

struct Value {
  std::uint64_t key = 0, round = 0, check = 0;
  static Value of(std::uint64_t key, std::uint64_t round) { return {key, round, key * 31 + round}; }
  [[nodiscard]] bool whole() const { return check == key * 31 + round; }
};

class SharedHash : public ::testing::TestWithParam<MapType> {};

TEST_P(SharedHash, FindsOnlyWholeValuesOfTheRightKey) {
  MapSpec spec = sample_spec(GetParam());
  spec.value_size = sizeof(Value);
  spec.max_entries = 24;  // Few: elements are reused all the time.
  const auto map = make(spec);
  std::atomic<std::uint64_t> wrong = 0, failed = 0;
  run([&](std::uint32_t thread) {
    std::uint64_t random = thread + 1;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      random = random * 6364136223846793005 + 1442695040888963407;
      const auto key = static_cast<std::uint32_t>(random >> 33) % 16;
      const Bytes name = bytes_of(key);
      switch (random >> 61) {
        case 0:
          map->remove(name);
          break;
        case 1:
        case 2: {
          const int result = map->put(name, bytes_of(Value::of(key, round)), UpdateFlag::kAny);
          if (result != 0) ++failed;
          break;
        }
        default: {
          Bytes bytes(sizeof(Value));
          if (map->get(name, bytes) != 0) break;
          const Value value = value_of<Value>(bytes);
          if (value.key != key || !value.whole()) ++wrong;
        }
      }
    }
  });
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(failed, 0u);
  std::size_t count = 0;
  Bytes at, next(4);
  for (; map->next_key(at, next) == 0; at = next) ++count;
  EXPECT_EQ(count, map->size());
}

INSTANTIATE_TEST_SUITE_P(Maps, SharedHash, ::testing::Values(MapType::kHash, MapType::kLruHash),
                         [](const auto& row) { return std::string(find_info(row.param)->name); });

TEST(SharedHash, KeysThatStayAreAlwaysFound) {
  MapSpec spec = sample_spec(MapType::kHash);
  spec.max_entries = 64;
  const auto map = make(spec);
  constexpr std::uint32_t kStable = 16;
  for (std::uint32_t key = 0; key < kStable; ++key)
    ASSERT_EQ(map->put(bytes_of(key), bytes_of(std::uint64_t{key}), UpdateFlag::kAny), 0);
  std::atomic<std::uint64_t> missed = 0;
  run([&](std::uint32_t thread) {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      if (thread % 2 == 0) {  // Others come, go, and replace the stable ones' values in the same buckets.
        const std::uint32_t key = kStable + round % 32 + thread * 16;
        const std::uint64_t value = key;
        map->update(&key, &value, 0, 0);
        const std::uint32_t stable = round % kStable;
        const std::uint64_t same = stable;
        map->update(&stable, &same, 0, 0);
        map->erase(&key);
      } else {
        const std::uint32_t key = round % kStable;
        if (map->lookup(&key, 0) == nullptr) ++missed;
      }
    }
  });
  EXPECT_EQ(missed, 0u);
  EXPECT_EQ(map->size(), kStable);
}

TEST(SharedLru, NeverHoldsMoreThanItsSize) {
  MapSpec spec = sample_spec(MapType::kLruHash);
  spec.max_entries = 50;
  const auto map = make(spec);
  std::atomic<std::uint64_t> failed = 0;
  run([&](std::uint32_t thread) {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const std::uint32_t key = thread * kRounds + round;
      const std::uint64_t value = key;
      if (map->update(&key, &value, 0, 0) != 0) ++failed;
      map->lookup(&key, 0);
    }
  });
  EXPECT_EQ(failed, 0u);
  EXPECT_LE(map->size(), 50u);
}

TEST(SharedPerCpuHash, CountsWithoutLoss) {
  MapSpec spec = sample_spec(MapType::kPerCpuHash);
  const auto map = make(spec);
  run([&](std::uint32_t cpu) {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const std::uint32_t key = round % 4;
      if (auto* found = static_cast<std::uint64_t*>(map->lookup(&key, cpu)); found != nullptr) {
        ++*found;
        continue;
      }
      const std::uint64_t one = 1;
      if (map->update(&key, &one, static_cast<std::uint64_t>(UpdateFlag::kNoExist), cpu) != 0) {
        ++*static_cast<std::uint64_t*>(map->lookup(&key, cpu));  // Another CPU was first; ours is zero.
      }
    }
  });
  std::uint64_t sum = 0;
  for (std::uint32_t key = 0; key < 4; ++key)
    for (std::uint32_t cpu = 0; cpu < kThreads; ++cpu) sum += *static_cast<std::uint64_t*>(map->lookup(&key, cpu));
  EXPECT_EQ(sum, std::uint64_t{kThreads} * kRounds);
}

TEST(SharedLpm, StablePrefixIsAlwaysFound) {
  MapSpec spec = sample_spec(MapType::kLpmTrie);
  spec.max_entries = 64;
  const auto map = make(spec);
  const std::uint32_t stable[2] = {8, 0x0000000a};
  const std::uint64_t value = 1;
  ASSERT_EQ(map->update(stable, &value, 0, 0), 0);
  std::atomic<std::uint64_t> missed = 0;
  run([&](std::uint32_t thread) {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const std::uint32_t prefix[2] = {9 + (round + thread) % 20, 0x0000000a | thread << 8};
      if (thread % 2 == 0) {
        map->update(prefix, &value, 0, 0);
        map->erase(prefix);
      } else {
        const std::uint32_t full[2] = {32, 0x0403020a};
        if (map->lookup(full, 0) == nullptr) ++missed;
      }
    }
  });
  EXPECT_EQ(missed, 0u);
}

TEST(SharedRingBuf, EveryRecordArrivesOnce) {
  MapSpec spec = sample_spec(MapType::kRingBuf);
  const auto map = make(spec);
  auto& ring = static_cast<maps::RingBufMap&>(*map);
  std::atomic<std::uint32_t> producing = kThreads;
  std::vector<std::uint64_t> next(kThreads);
  std::uint64_t wrong = 0, received = 0;
  std::thread consumer([&] {
    const auto take = [&](std::span<const std::byte> record) {
      std::uint64_t word = 0;
      std::memcpy(&word, record.data(), sizeof word);
      if (next[word >> 32]++ != (word & 0xffffffff)) ++wrong;
      ++received;
    };
    while (producing.load() != 0) ring.consume(take);
    ring.consume(take);
  });
  run([&](std::uint32_t thread) {
    for (std::uint64_t round = 0; round < kRounds / 4; ++round) {
      void* record = nullptr;
      while (record == nullptr) {
        record = ring.reserve(8 + (round * 7 + thread) % 60);
        if (record == nullptr) std::this_thread::yield();
      }
      const std::uint64_t word = std::uint64_t{thread} << 32 | round;
      std::memcpy(record, &word, sizeof word);
      maps::RingBufMap::commit(record, maps::RingBufMap::Outcome::kSubmit, 0);
    }
    --producing;
  });
  consumer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(received, std::uint64_t{kThreads} * (kRounds / 4));
}

}  // namespace
}  // namespace skep::testing
