// SPDX-License-Identifier: Apache-2.0
// What every map type of map_types.def keeps, and what each kind of map keeps.
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <set>
#include <string>

#include "map_samples.h"
#include "maps/array.h"
#include "maps/keyless.h"
#include "maps/map_of_maps.h"
#include "maps/queue_stack.h"
#include "maps/ringbuf.h"
#include "skep/map.h"
#include "tests/bytes_less.h"

namespace skep::testing {
namespace {

constexpr std::uint32_t kCpus = 4;

std::shared_ptr<Map> make(const MapSpec& spec) {
  Result<std::shared_ptr<Map>> map = make_map(spec, kCpus);
  EXPECT_TRUE(map.has_value()) << map.error().message;
  return map.has_value() ? *map : nullptr;
}

std::string refusal(const MapSpec& spec) {
  const Result<std::shared_ptr<Map>> map = make_map(spec, kCpus);
  return map.has_value() ? "" : map.error().message;
}

class EveryMap : public ::testing::TestWithParam<MapTypeInfo> {
 protected:
  MapSpec spec_ = sample_spec(GetParam().type);
};

TEST_P(EveryMap, IsMadeByTheTable) {
  const auto map = make(spec_);
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->spec().type, GetParam().type);
  EXPECT_EQ(map->direct_value() != nullptr, GetParam().direct_value);
}

TEST_P(EveryMap, RefusalNamesMapFieldAndErrno) {
  spec_.max_entries = 0;
  if (spec_.type != MapType::kPerfEventArray) {
    const std::string message = refusal(spec_);
    EXPECT_NE(message.find("max_entries is 0"), std::string::npos) << message;
    EXPECT_NE(message.find("'sample' (" + std::string(GetParam().name) + ")"), std::string::npos) << message;
    EXPECT_NE(message.find("(EINVAL)"), std::string::npos) << message;
  }
  spec_ = sample_spec(GetParam().type);
  spec_.key_size = spec_.key_size == 0 ? 4 : 0;
  EXPECT_NE(refusal(spec_).find("key_size is "), std::string::npos) << refusal(spec_);
  spec_ = sample_spec(GetParam().type);
  spec_.flags |= 1u << 30;
  EXPECT_NE(refusal(spec_).find("map_flags has 0x40000000"), std::string::npos) << refusal(spec_);
}

TEST_P(EveryMap, ChecksSizesOfUserAccess) {
  const auto map = make(spec_);
  Bytes key(spec_.key_size + 1), value(map->user_value_size() + 1);
  EXPECT_LT(map->get(key, value), 0);
  EXPECT_LT(map->put(key, value, UpdateFlag::kAny), 0);
  EXPECT_EQ(map->remove(key), -EINVAL);
  EXPECT_LT(map->next_key(key, key), 0);
}

TEST_P(EveryMap, FreezesOnce) {
  const auto map = make(spec_);
  EXPECT_EQ(map->freeze(), 0);
  EXPECT_EQ(map->freeze(), -EBUSY);
  EXPECT_EQ(map->remove(Bytes(spec_.key_size)), -EPERM);
}

TEST_P(EveryMap, ContainsWhatItGave) {
  const auto map = make(spec_);
  int outside = 0;
  EXPECT_FALSE(map->contains(&outside, sizeof outside));
  if (GetParam().value != MapValueKind::Plain) return;
  const std::uint32_t key[2] = {1, 1};
  const std::uint64_t value = 1;
  ASSERT_EQ(map->update(key, &value, 0, 1), 0);
  const auto* found = static_cast<const std::byte*>(map->lookup(key, 1));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(std::memcmp(found, &value, sizeof value), 0);
  EXPECT_TRUE(map->contains(found, 8));
  EXPECT_TRUE(map->contains(found + 7, 1));
  EXPECT_FALSE(map->contains(found + 7, 2));
  EXPECT_FALSE(map->contains(found, 9));
  EXPECT_FALSE(map->contains(found - 1, 2));
}

TEST_P(EveryMap, UserAccessFollowsTheFlags) {
  if (GetParam().value != MapValueKind::Plain || spec_.type == MapType::kCpuMap) return;
  spec_.flags |= map_flags::kReadOnly;
  auto map = make(spec_);
  const Bytes key = [&] {
    Bytes bytes(spec_.key_size);
    bytes[0] = std::byte{1};
    return bytes;
  }();
  Bytes value(map->user_value_size());
  EXPECT_EQ(map->put(key, value, UpdateFlag::kAny), -EPERM);
  EXPECT_EQ(map->remove(key), -EPERM);
  spec_.flags = (spec_.flags & ~map_flags::kReadOnly) | map_flags::kWriteOnly;
  map = make(spec_);
  EXPECT_EQ(map->get(key, value), -EPERM);
  Bytes next(spec_.key_size);
  EXPECT_EQ(map->next_key({}, next), -EPERM);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryMap, ::testing::ValuesIn(kMapTypes),
                         [](const auto& row) { return std::string(row.param.name); });

/// Keys come and go: everything hash-like.
class KeyedMap : public ::testing::TestWithParam<MapType> {
 protected:
  MapSpec spec_ = sample_spec(GetParam());
  std::shared_ptr<Map> map_ = make(spec_);
  [[nodiscard]] Bytes key(std::uint32_t n) const {
    Bytes bytes(spec_.key_size);
    std::memcpy(bytes.data() + (spec_.type == MapType::kLpmTrie ? 4 : 0), &n, 4);
    if (spec_.type == MapType::kLpmTrie) bytes[0] = std::byte{32};
    return bytes;
  }
  [[nodiscard]] Bytes value(std::uint64_t n) const {
    Bytes bytes;
    for (std::size_t i = 0; i < map_->user_value_size() / 8; ++i)
      for (const std::byte b : bytes_of(n + i)) bytes.push_back(b);
    return bytes;
  }
  MapResult put(std::uint32_t k, std::uint64_t v, UpdateFlag flag = UpdateFlag::kAny) {
    return map_->put(key(k), value(v), flag);
  }
};

TEST_P(KeyedMap, InsertsUpdatesDeletes) {
  Bytes read(map_->user_value_size());
  EXPECT_EQ(map_->get(key(1), read), -ENOENT);
  EXPECT_EQ(put(1, 10, UpdateFlag::kExist), -ENOENT);
  EXPECT_EQ(put(1, 10, UpdateFlag::kNoExist), 0);
  EXPECT_EQ(put(1, 11, UpdateFlag::kNoExist), -EEXIST);
  EXPECT_EQ(map_->get(key(1), read), 0);
  EXPECT_EQ(read, value(10));
  EXPECT_EQ(put(1, 12, UpdateFlag::kExist), 0);
  EXPECT_EQ(put(1, 13), 0);
  EXPECT_EQ(map_->get(key(1), read), 0);
  EXPECT_EQ(read, value(13));
  EXPECT_EQ(map_->size(), 1u);
  EXPECT_EQ(map_->remove(key(1)), 0);
  EXPECT_EQ(map_->remove(key(1)), -ENOENT);
  EXPECT_EQ(map_->size(), 0u);
  EXPECT_EQ(map_->put(key(1), value(1), static_cast<UpdateFlag>(3)), -EINVAL);
  EXPECT_EQ(map_->put(key(1), value(1), static_cast<UpdateFlag>(4)), -EINVAL);  // BPF_F_LOCK without a lock
}

TEST_P(KeyedMap, HoldsExactlyMaxEntries) {
  for (std::uint32_t k = 1; k <= spec_.max_entries; ++k) ASSERT_EQ(put(k, k), 0);
  const bool lru = GetParam() == MapType::kLruHash || GetParam() == MapType::kLruPerCpuHash;
  const int full = GetParam() == MapType::kLpmTrie ? -ENOSPC : -E2BIG;
  EXPECT_EQ(put(100, 1), lru ? 0 : full);
  EXPECT_EQ(map_->size(), spec_.max_entries);
  // An element that is there can be updated, even in a full map, and a freed one is used again.
  for (int round = 0; round < 100; ++round) ASSERT_EQ(put(3, 30 + static_cast<std::uint64_t>(round)), 0);
  for (std::uint32_t round = 0; round < 100; ++round) {
    if (map_->remove(key(200 + round - 1)) != 0) {
      ASSERT_EQ(map_->remove(key(3)), 0);
    }
    ASSERT_EQ(put(200 + round, 1), 0);
    ASSERT_EQ(map_->size(), spec_.max_entries);
  }
}

TEST_P(KeyedMap, EnumeratesEachKeyOnce) {
  std::set<Bytes, test::BytesLess> wanted;
  for (std::uint32_t k = 1; k <= 7; ++k) {
    ASSERT_EQ(put(k * 1000, k), 0);
    wanted.insert(key(k * 1000));
  }
  std::set<Bytes, test::BytesLess> found;
  Bytes at, next(spec_.key_size);
  for (; map_->next_key(at, next) == 0; at = next) EXPECT_TRUE(found.insert(next).second);
  EXPECT_EQ(found, wanted);
  Bytes first(spec_.key_size);
  ASSERT_EQ(map_->next_key({}, first), 0);
  ASSERT_EQ(map_->next_key(key(99), next), 0);  // Not there: the first one.
  EXPECT_EQ(next, first);
}

INSTANTIATE_TEST_SUITE_P(Maps, KeyedMap,
                         ::testing::Values(MapType::kHash, MapType::kPerCpuHash, MapType::kLruHash,
                                           MapType::kLruPerCpuHash, MapType::kLpmTrie),
                         [](const auto& row) { return std::string(find_info(row.param)->name); });

TEST(HashMap, LookedUpValueStaysUntilItsElementIsReused) {
  const auto map = make(sample_spec(MapType::kHash));
  const std::uint32_t key = 1;
  std::uint64_t value = 5;
  ASSERT_EQ(map->update(&key, &value, 0, 0), 0);
  const auto* held = static_cast<const std::uint64_t*>(map->lookup(&key, 0));
  value = 6;
  ASSERT_EQ(map->update(&key, &value, 0, 0), 0);
  EXPECT_EQ(*held, 5u);  // As in Linux, an update puts a new element in the old one's place.
  EXPECT_EQ(*static_cast<const std::uint64_t*>(map->lookup(&key, 0)), 6u);
}

TEST(HashMap, KeysOfAllSizesAreToldApart) {
  for (std::uint32_t size = 1; size <= 70; ++size) {
    MapSpec spec = sample_spec(MapType::kHash);
    spec.key_size = size;
    spec.max_entries = 64;
    const auto map = make(spec);
    for (std::uint32_t at = 0; at < size && at < 64; ++at) {
      Bytes key(size);
      key[at] = std::byte{1};
      ASSERT_EQ(map->put(key, bytes_of(std::uint64_t{at}), UpdateFlag::kNoExist), 0);
    }
    for (std::uint32_t at = 0; at < size && at < 64; ++at) {
      Bytes key(size), value(8);
      key[at] = std::byte{1};
      ASSERT_EQ(map->get(key, value), 0);
      ASSERT_EQ(value_of<std::uint64_t>(value), at);
    }
  }
}

TEST(LruHashMap, KeepsWhatIsUsed) {
  MapSpec spec = sample_spec(MapType::kLruHash);
  spec.max_entries = 100;
  const auto map = make(spec);
  const std::uint64_t value = 1;
  for (std::uint32_t key = 0; key < 1000; ++key) {
    for (std::uint32_t hot = 0; hot < 10 && hot < key; ++hot) ASSERT_NE(map->lookup(&hot, 0), nullptr) << key;
    ASSERT_EQ(map->update(&key, &value, 0, 0), 0);
    ASSERT_LE(map->size(), 100u);
  }
  EXPECT_EQ(map->size(), 100u);
  std::uint32_t newest = 999, oldest = 10;
  EXPECT_NE(map->lookup(&newest, 0), nullptr);
  EXPECT_EQ(map->lookup(&oldest, 0), nullptr);
}

TEST(ArrayMap, IndexesDirectly) {
  MapSpec spec = sample_spec(MapType::kArray);
  spec.value_size = 12;
  const auto map = make(spec);
  for (std::uint32_t index = 0; index < spec.max_entries; ++index)
    EXPECT_EQ(map->lookup(&index, 0), map->direct_value() + std::size_t{index} * 16);
  const std::uint32_t beyond = spec.max_entries;
  Bytes value(12);
  EXPECT_EQ(map->lookup(&beyond, 0), nullptr);
  EXPECT_EQ(map->get(bytes_of(beyond), value), -ENOENT);
  EXPECT_EQ(map->put(bytes_of(beyond), value, UpdateFlag::kAny), -E2BIG);
  EXPECT_EQ(map->put(bytes_of(0u), value, UpdateFlag::kNoExist), -EEXIST);
  EXPECT_EQ(map->remove(bytes_of(0u)), -EINVAL);
}

TEST(ArrayMap, HoldsInitialContentsAndIsFrozen) {
  MapSpec spec = sample_spec(MapType::kArray);
  spec.max_entries = 1;
  spec.value_size = 5;
  spec.initial = Bytes(5, std::byte{7});
  spec.frozen = true;
  const auto map = make(spec);
  Bytes value(5);
  EXPECT_EQ(map->get(bytes_of(0u), value), 0);
  EXPECT_EQ(value, spec.initial);
  EXPECT_EQ(map->put(bytes_of(0u), value, UpdateFlag::kAny), -EPERM);
}

TEST(PerCpuArrayMap, KeepsCpusApart) {
  MapSpec spec = sample_spec(MapType::kPerCpuArray);
  spec.value_size = 4;
  const auto map = make(spec);
  EXPECT_EQ(map->user_value_size(), 8u * kCpus);
  const std::uint32_t key = 2;
  for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) {
    const std::uint32_t value = cpu + 1;
    ASSERT_EQ(map->update(&key, &value, 0, cpu), 0);
  }
  Bytes values(map->user_value_size());
  ASSERT_EQ(map->get(bytes_of(key), values), 0);
  for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu)
    EXPECT_EQ(std::to_integer<int>(values[std::size_t{cpu} * 8]), int(cpu + 1));
}

TEST(PerCpuHashMap, InsertionByProgramZeroesOtherCpus) {
  const auto map = make(sample_spec(MapType::kPerCpuHash));
  const std::uint32_t key = 2;
  std::uint64_t value = 9;
  ASSERT_EQ(map->put(bytes_of(key), Bytes(map->user_value_size(), std::byte{1}), UpdateFlag::kAny), 0);
  ASSERT_EQ(map->remove(bytes_of(key)), 0);
  ASSERT_EQ(map->update(&key, &value, 0, 1), 0);
  EXPECT_EQ(*static_cast<std::uint64_t*>(map->lookup(&key, 0)), 0u);
  EXPECT_EQ(*static_cast<std::uint64_t*>(map->lookup(&key, 1)), 9u);
}

TEST(MapOfMaps, GivesInnerMapsAndRefusesOthers) {
  for (const MapType type : {MapType::kArrayOfMaps, MapType::kHashOfMaps}) {
    const auto outer = make(sample_spec(type));
    auto& maps = static_cast<maps::MapOfMaps&>(*outer);
    const auto inner = make(sample_spec(MapType::kHash));
    const std::uint32_t key = 3;
    EXPECT_EQ(outer->lookup(&key, 0), nullptr);
    ASSERT_EQ(maps.set_inner(bytes_of(key), inner, UpdateFlag::kAny), 0);
    EXPECT_EQ(outer->lookup(&key, 0), inner.get());
    EXPECT_EQ(maps.inner(bytes_of(key)), inner);
    Bytes number(4);
    EXPECT_EQ(outer->get(bytes_of(key), number), 0);
    EXPECT_EQ(value_of<std::uint32_t>(number), 1u);
    EXPECT_EQ(maps.set_inner(bytes_of(key), make(sample_spec(MapType::kArray)), UpdateFlag::kAny), -EINVAL);
    EXPECT_EQ(outer->remove(bytes_of(key)), 0);
    EXPECT_EQ(outer->lookup(&key, 0), nullptr);
    EXPECT_EQ(outer->remove(bytes_of(key)), -ENOENT);
  }
}

TEST(MapOfMaps, InnerMapOutlivesItsRemoval) {
  const auto outer = make(sample_spec(MapType::kArrayOfMaps));
  auto& maps = static_cast<maps::MapOfMaps&>(*outer);
  std::weak_ptr<Map> watched;
  {
    const auto inner = make(sample_spec(MapType::kHash));
    watched = inner;
    ASSERT_EQ(maps.set_inner(bytes_of(0u), inner, UpdateFlag::kAny), 0);
  }
  ASSERT_EQ(outer->remove(bytes_of(0u)), 0);
  EXPECT_FALSE(watched.expired());  // A running program may still hold it.
}

TEST(LpmTrie, FindsTheLongestPrefix) {
  MapSpec spec = sample_spec(MapType::kLpmTrie);
  spec.max_entries = 32;
  const auto map = make(spec);
  const auto key = [](std::uint32_t length, std::array<std::uint8_t, 4> address) {
    Bytes bytes = bytes_of(length);
    for (const std::uint8_t b : address) bytes.push_back(std::byte{b});
    return bytes;
  };
  const auto put = [&](std::uint32_t length, std::array<std::uint8_t, 4> address, std::uint64_t value) {
    return map->put(key(length, address), bytes_of(value), UpdateFlag::kAny);
  };
  ASSERT_EQ(put(0, {0, 0, 0, 0}, 1), 0);
  ASSERT_EQ(put(8, {10, 0, 0, 0}, 2), 0);
  ASSERT_EQ(put(12, {10, 16, 0, 0}, 3), 0);
  ASSERT_EQ(put(24, {10, 16, 1, 77}, 4), 0);  // Bits after the prefix do not count.
  ASSERT_EQ(put(32, {10, 16, 1, 5}, 5), 0);
  EXPECT_EQ(put(33, {1, 1, 1, 1}, 1), -EINVAL);
  const auto find = [&](std::uint32_t length, std::array<std::uint8_t, 4> address) -> std::uint64_t {
    const void* found = map->lookup(key(length, address).data(), 0);
    return found != nullptr ? *static_cast<const std::uint64_t*>(found) : 0;
  };
  EXPECT_EQ(find(32, {10, 16, 1, 5}), 5u);
  EXPECT_EQ(find(31, {10, 16, 1, 5}), 4u);
  EXPECT_EQ(find(32, {10, 16, 1, 6}), 4u);
  EXPECT_EQ(find(32, {10, 31, 9, 9}), 3u);
  EXPECT_EQ(find(32, {10, 32, 9, 9}), 2u);
  EXPECT_EQ(find(32, {11, 0, 0, 0}), 1u);
  EXPECT_EQ(find(33, {11, 0, 0, 0}), 0u);
  EXPECT_EQ(map->remove(key(24, {10, 16, 1, 0})), 0);
  EXPECT_EQ(find(32, {10, 16, 1, 6}), 3u);
  EXPECT_EQ(map->remove(key(24, {10, 16, 1, 0})), -ENOENT);
}

TEST(QueueAndStack, KeepTheirOrder) {
  for (const MapType type : {MapType::kQueue, MapType::kStack}) {
    const auto map = make(sample_spec(type));
    auto& ring = static_cast<maps::PushPopMap&>(*map);
    std::uint64_t out = 1;
    EXPECT_EQ(ring.pop(&out), -ENOENT);
    EXPECT_EQ(out, 0u);
    for (std::uint64_t n = 1; n <= 8; ++n) ASSERT_EQ(ring.push(&n, 0), 0);
    const std::uint64_t nine = 9;
    EXPECT_EQ(ring.push(&nine, 0), -E2BIG);
    EXPECT_EQ(ring.push(&nine, 1), -EINVAL);
    EXPECT_EQ(ring.push(&nine, 2), 0);  // BPF_EXIST drops the oldest, 1.
    const bool queue = type == MapType::kQueue;
    EXPECT_EQ(ring.peek(&out), 0);
    EXPECT_EQ(out, queue ? 2u : 9u);
    for (std::uint64_t n = 0; n < 8; ++n) {
      ASSERT_EQ(ring.pop(&out), 0);
      EXPECT_EQ(out, queue ? n + 2 : 9 - n);
    }
    EXPECT_EQ(ring.pop(&out), -ENOENT);
  }
}

TEST(BloomFilter, NeverDeniesWhatWasPushed) {
  MapSpec spec = sample_spec(MapType::kBloomFilter);
  spec.max_entries = 1000;
  const auto map = make(spec);
  auto& filter = static_cast<maps::KeylessMap&>(*map);
  std::uint32_t affirmed = 0;
  for (std::uint64_t n = 0; n < 1000; ++n) {
    std::uint64_t other = n + 1'000'000;
    affirmed += filter.peek(&n) == 0;
    ASSERT_EQ(filter.push(&n, 0), 0);
    ASSERT_EQ(filter.peek(&n), 0);
    affirmed += filter.peek(&other) == 0;
  }
  EXPECT_LT(affirmed, 100u);  // 5 functions and 8 bits a value: fewer than 3 in 100.
  std::uint64_t value = 1;
  EXPECT_EQ(filter.pop(&value), -EOPNOTSUPP);
  EXPECT_EQ(filter.push(&value, 1), -EINVAL);
  spec.map_extra = 16;
  EXPECT_NE(refusal(spec).find("map_extra is 16"), std::string::npos) << refusal(spec);
}

TEST(KernelMaps, AreRefusedByName) {
  for (const MapTypeInfo& row : kKernelMapTypes) {
    const std::string message = refusal({.name = "sample", .type = row.type, .key_size = 4, .value_size = 8});
    EXPECT_NE(message.find("'sample' (" + std::string(row.name) + ")"), std::string::npos) << message;
    EXPECT_NE(message.find("only the kernel"), std::string::npos) << message;
  }
}

TEST(RingBuf, RecordsArriveInOrderAndWrap) {
  const auto map = make(sample_spec(MapType::kRingBuf));
  auto& ring = static_cast<maps::RingBufMap&>(*map);
  std::uint64_t sent = 0, received = 0;
  for (int round = 0; round < 1000; ++round) {
    for (int i = 0; i < 5; ++i) {
      auto* record = static_cast<std::uint64_t*>(ring.reserve(24 + static_cast<std::uint64_t>(i) * 13));
      ASSERT_NE(record, nullptr);
      *record = sent++;
      maps::RingBufMap::commit(record, maps::RingBufMap::Outcome::kSubmit, 0);
    }
    EXPECT_EQ(ring.size(), 5u);
    const std::size_t got = ring.consume([&](std::span<const std::byte> record) {
      std::uint64_t number = 0;
      std::memcpy(&number, record.data(), sizeof number);
      EXPECT_EQ(number, received++);
    });
    EXPECT_EQ(got, 5u);
  }
}

TEST(RingBuf, AccountsAsLinuxDoes) {
  const auto map = make(sample_spec(MapType::kRingBuf));
  auto& ring = static_cast<maps::RingBufMap&>(*map);
  EXPECT_EQ(ring.query(1), 4096u);
  EXPECT_EQ(ring.reserve(4096), nullptr);      // Header does not fit.
  EXPECT_EQ(ring.reserve(4096 - 8), nullptr);  // One byte must stay free.
  void* first = ring.reserve(8);
  void* second = ring.reserve(100);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(ring.query(0), 16u + 112u);
  EXPECT_EQ(ring.query(3), 16u + 112u);
  EXPECT_EQ(ring.query(7), 0u);
  maps::RingBufMap::commit(second, maps::RingBufMap::Outcome::kSubmit, 0);
  const auto ignore = [](std::span<const std::byte>) {};
  EXPECT_EQ(ring.consume(ignore), 0u);  // The first is not complete.
  maps::RingBufMap::commit(first, maps::RingBufMap::Outcome::kDiscard, 0);
  EXPECT_EQ(ring.consume(ignore), 1u);
  EXPECT_EQ(ring.query(2), 128u);
  EXPECT_EQ(ring.output(nullptr, 0, 4), -EINVAL);
  const Bytes large(4000);
  EXPECT_EQ(ring.output(large.data(), large.size(), 0), 0);
  EXPECT_EQ(ring.output(large.data(), large.size(), 0), -EAGAIN);
}

TEST(RingBuf, WakesTheConsumerThatHasReadEverything) {
  const auto map = make(sample_spec(MapType::kRingBuf));
  auto& ring = static_cast<maps::RingBufMap&>(*map);
  int wakeups = 0;
  ring.set_wakeup([&] { ++wakeups; });
  const std::uint64_t value = 1;
  constexpr std::uint64_t kNoWakeup = 1, kForceWakeup = 2;
  EXPECT_EQ(ring.output(&value, 8, 0), 0);
  EXPECT_EQ(wakeups, 1);
  EXPECT_EQ(ring.output(&value, 8, 0), 0);  // The consumer has yet to read the first.
  EXPECT_EQ(wakeups, 1);
  EXPECT_EQ(ring.output(&value, 8, kForceWakeup), 0);
  EXPECT_EQ(wakeups, 2);
  ring.consume([](std::span<const std::byte>) {});
  EXPECT_EQ(ring.output(&value, 8, kNoWakeup), 0);
  EXPECT_EQ(wakeups, 2);
}

TEST(RingBuf, LayoutIsThatOfLinux) {
  const auto map = make(sample_spec(MapType::kRingBuf));
  auto& ring = static_cast<maps::RingBufMap&>(*map);
  const std::uint64_t value = 0x1122334455667788;
  ASSERT_EQ(ring.output(&value, 8, 0), 0);
  void* discarded = ring.reserve(3);
  maps::RingBufMap::commit(discarded, maps::RingBufMap::Outcome::kDiscard, 0);
  ring.reserve(5);
  const auto memory = ring.shared_memory();
  const auto word = [&](std::size_t at) {
    std::uint64_t w = 0;
    std::memcpy(&w, memory.data() + at, sizeof w);
    return w;
  };
  EXPECT_EQ(word(0), 0u);                // consumer position
  EXPECT_EQ(word(4096), 16u + 16 + 16);  // producer position
  EXPECT_EQ(static_cast<std::uint32_t>(word(8192)), 8u);
  EXPECT_EQ(word(8192 + 8), value);
  EXPECT_EQ(static_cast<std::uint32_t>(word(8192 + 16)), 3u | 1u << 30);
  EXPECT_EQ(static_cast<std::uint32_t>(word(8192 + 32)), 5u | 1u << 31);
  EXPECT_EQ(word(8192 + 4096 + 8), value);  // The data appears twice.
}

}  // namespace
}  // namespace skep::testing
