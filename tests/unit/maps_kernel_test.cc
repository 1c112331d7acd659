// SPDX-License-Identifier: Apache-2.0
// Maps beside the running kernel's: the same descriptions are refused with the same errno, and the same random
// operations give the same results, errors and contents. Skipped where bpf(2) does not work.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>

#include "kernel/bpf.h"
#include "map_samples.h"
#include "tests/bytes_less.h"

namespace skep::testing {
namespace {

#define SKIP_WITHOUT_BPF() \
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << "bpf(2) does not work here: " << *why

/// As many as the kernel's per-CPU values have: the last number of a list such as "0-3".
std::uint32_t possible_cpus() {
  std::ifstream file("/sys/devices/system/cpu/possible");
  std::string text;
  std::getline(file, text);
  const std::size_t last = text.find_last_of("-,");
  return static_cast<std::uint32_t>(std::stoul(text.substr(last == std::string::npos ? 0 : last + 1))) + 1;
}

/// The errno that an Error of either side names; "" for none.
std::string errno_in(const std::string& message) {
  const std::array<std::pair<std::string_view, std::string_view>, 12> names{{{"EINVAL", "EINVAL"},
                                                                             {"E2BIG", "E2BIG"},
                                                                             {"ENOTSUPP", "ENOTSUPP"},
                                                                             {"ENOMEM", "ENOMEM"},
                                                                             {"EBADF", "EBADF"},
                                                                             {"Invalid argument", "EINVAL"},
                                                                             {"Argument list too long", "E2BIG"},
                                                                             {"Unknown error 524", "ENOTSUPP"},
                                                                             {"Cannot allocate memory", "ENOMEM"},
                                                                             {"Bad file descriptor", "EBADF"},
                                                                             {"Operation not permitted", "EPERM"},
                                                                             {"EPERM", "EPERM"}}};
  for (const auto& [text, name] : names)
    if (message.find(text) != std::string::npos) return std::string(name);
  return message;
}

class CreationBesideKernel : public ::testing::TestWithParam<MapTypeInfo> {};

/// Every field at its boundaries, one at a time.
std::vector<MapSpec> variations(const MapSpec& base) {
  std::vector<MapSpec> specs{base};
  const auto with = [&](auto change) {
    MapSpec spec = base;
    change(spec);
    specs.push_back(spec);
  };
  for (const std::uint32_t size : {0u,
                                   1u,
                                   2u,
                                   3u,
                                   4u,
                                   5u,
                                   7u,
                                   8u,
                                   12u,
                                   16u,
                                   260u,
                                   261u,
                                   512u,
                                   513u,
                                   4096u,
                                   1u << 20,
                                   (1u << 22) - 60,
                                   (1u << 22) - 1,
                                   1u << 22,
                                   1u << 23,
                                   0x7fffffffu,
                                   0xffffffffu})
    with([&](MapSpec& spec) { spec.key_size = size; });
  for (const std::uint32_t size : {0u,
                                   1u,
                                   3u,
                                   4u,
                                   5u,
                                   8u,
                                   9u,
                                   16u,
                                   24u,
                                   127u * 8,
                                   128u * 8,
                                   32760u,
                                   32761u,
                                   32768u,
                                   32769u,
                                   65536u,
                                   (1u << 22) - 400,
                                   (1u << 22) - 60,
                                   (1u << 22) - 1,
                                   1u << 22,
                                   1u << 23})
    with([&](MapSpec& spec) { spec.value_size = size; });
  for (const std::uint32_t count : {0u, 1u, 3u, 4095u, 4097u, 8192u, 12288u})
    with([&](MapSpec& spec) { spec.max_entries = count; });
  for (std::uint32_t bit = 0; bit < 13; ++bit) {
    if (bit == 9) continue;  // BPF_F_CLONE: socket storage only.
    if (bit == 2) continue;  // BPF_F_NUMA_NODE needs a node number.
    with([&](MapSpec& spec) { spec.flags ^= 1u << bit; });
  }
  with([&](MapSpec& spec) { spec.flags |= map_flags::kReadOnly | map_flags::kWriteOnly; });
  with([&](MapSpec& spec) { spec.flags |= map_flags::kReadOnlyProgram | map_flags::kWriteOnlyProgram; });
  return specs;
}

TEST_P(CreationBesideKernel, SameErrno) {
  SKIP_WITHOUT_BPF();
  for (const MapSpec& spec : variations(sample_spec(GetParam().type))) {
    // libbpf, not the kernel, makes a perf_event_array of 0 entries one of as many as there are CPUs; the largest
    // cpumap is a matter of how the kernel was configured.
    if (spec.type == MapType::kPerfEventArray && spec.max_entries == 0) continue;
    if (spec.type == MapType::kCpuMap && spec.max_entries > 1024) continue;
    const auto ours = make_map(spec, possible_cpus());
    const auto theirs = kernel::create_map(spec);
    const std::string our_errno = ours.has_value() ? "" : errno_in(ours.error().message);
    const std::string their_errno = theirs.has_value() ? "" : errno_in(theirs.error().message);
    if (their_errno == "ENOMEM") continue;  // The kernel has other memory to give than a process.
    EXPECT_EQ(our_errno, their_errno) << find_info(spec.type)->name << " key_size " << spec.key_size << " value_size "
                                      << spec.value_size << " max_entries " << spec.max_entries << " flags "
                                      << spec.flags << (ours.has_value() ? "" : "\n" + ours.error().message);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, CreationBesideKernel, ::testing::ValuesIn(kMapTypes),
                         [](const auto& row) { return std::string(row.param.name); });

/// All elements, by key.
using Contents = std::map<Bytes, Bytes, test::BytesLess>;

class OperationsBesideKernel : public ::testing::TestWithParam<MapType> {
 protected:
  void make(MapSpec spec) {
    auto ours = make_map(spec, possible_cpus());
    ASSERT_TRUE(ours.has_value()) << ours.error().message;
    ours_ = *ours;
    auto theirs = kernel::create_map(spec);
    ASSERT_TRUE(theirs.has_value()) << theirs.error().message;
    theirs_ = std::move(*theirs);
    spec_ = std::move(spec);
  }

  Bytes random_key() {
    Bytes key(spec_.key_size);
    const auto n = static_cast<std::uint32_t>(random_() % (spec_.max_entries + 3));
    if (spec_.type != MapType::kLpmTrie) {
      const auto bytes = std::as_bytes(std::span(&n, 1));
      std::copy_n(bytes.begin(), std::min<std::size_t>(key.size(), 4), key.begin());  // A queue's key has no bytes.
      return key;
    }
    const auto length = static_cast<std::uint32_t>(random_() % 34);
    const auto address = static_cast<std::uint32_t>(random_()) & 0x03c0c080;
    std::memcpy(key.data(), &length, 4);
    std::memcpy(key.data() + 4, &address, 4);
    return key;
  }
  Bytes random_value() {
    Bytes value(ours_->user_value_size());
    for (std::byte& b : value) b = static_cast<std::byte>(random_());
    // The kernel keeps what pads per-CPU values to 8 bytes, and so do we.
    return value;
  }

  /// The same operation on both; the results must agree.
  void step(int number) {
    const Bytes key = random_key();
    const std::uint64_t flags = random_() % 8 == 0 ? random_() % 10 : random_() % 3;
    switch (random_() % 5) {
      case 0:
      case 1: {
        const Bytes value = random_value();
        ASSERT_EQ(ours_->put(key, value, static_cast<UpdateFlag>(flags)),
                  kernel::map_update(theirs_, key, value, flags))
            << "update, step " << number << " flags " << flags;
        break;
      }
      case 2: {
        Bytes mine(ours_->user_value_size()), other(mine.size());
        ASSERT_EQ(ours_->get(key, mine), kernel::map_lookup(theirs_, key, other)) << "lookup, step " << number;
        ASSERT_EQ(mine, other) << "step " << number;
        break;
      }
      case 3:
        ASSERT_EQ(ours_->remove(key), kernel::map_delete(theirs_, key)) << "delete, step " << number;
        break;
      default: {
        Bytes mine(spec_.key_size), other(spec_.key_size);
        const int result = ours_->next_key(key, mine);
        const int expected = kernel::map_next_key(theirs_, key, other);
        if (ordered()) {
          ASSERT_EQ(result, expected) << "next key, step " << number;
          ASSERT_EQ(mine, other) << "step " << number;
        } else {
          // Order is free, but whether there is any key is not.
          ASSERT_EQ(ours_->next_key({}, mine), kernel::map_next_key(theirs_, {}, other)) << "step " << number;
        }
      }
    }
  }
  [[nodiscard]] bool ordered() const {
    return spec_.type == MapType::kArray || spec_.type == MapType::kPerCpuArray || spec_.type == MapType::kQueue ||
           spec_.type == MapType::kStack;
  }

  template <class Next, class Get>
  Contents contents(Next next_key, Get get) {
    Contents all;
    if (spec_.key_size == 0) return all;
    Bytes at, next(spec_.key_size);
    for (; next_key(at, next) == 0; at = next) {
      Bytes value(ours_->user_value_size());
      EXPECT_EQ(get(next, value), 0);
      EXPECT_TRUE(all.emplace(next, value).second);
    }
    return all;
  }
  Contents our_contents() {
    return contents([&](const Bytes& key, Bytes& next) { return ours_->next_key(key, next); },
                    [&](const Bytes& key, Bytes& value) { return ours_->get(key, value); });
  }
  Contents their_contents() {
    return contents([&](const Bytes& key, Bytes& next) { return kernel::map_next_key(theirs_, key, next); },
                    [&](const Bytes& key, Bytes& value) { return kernel::map_lookup(theirs_, key, value); });
  }

  MapSpec spec_;
  std::shared_ptr<Map> ours_;
  kernel::Fd theirs_;
  std::mt19937_64 random_{20261123};
};

TEST_P(OperationsBesideKernel, SameResultsAndContents) {
  SKIP_WITHOUT_BPF();
  for (const std::uint32_t key_size : {4u, 1u, 8u, 13u, 16u, 40u}) {
    for (const std::uint32_t value_size : {8u, 1u, 12u, 64u, 100u}) {
      MapSpec spec = sample_spec(GetParam());
      const bool free_key = spec.key_size == 4 && GetParam() != MapType::kArray && GetParam() != MapType::kPerCpuArray;
      if (!free_key && key_size != 4) continue;
      if (free_key) spec.key_size = key_size;
      spec.value_size = value_size;
      spec.max_entries = 13;
      ASSERT_NO_FATAL_FAILURE(make(spec));
      for (int number = 0; number < 1500; ++number) {
        ASSERT_NO_FATAL_FAILURE(step(number)) << "key_size " << spec.key_size << " value_size " << value_size;
        if (number % 300 == 299) {
          ASSERT_EQ(our_contents(), their_contents());
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Maps, OperationsBesideKernel,
                         ::testing::Values(MapType::kHash, MapType::kArray, MapType::kPerCpuHash, MapType::kPerCpuArray,
                                           MapType::kLpmTrie, MapType::kQueue, MapType::kStack),
                         [](const auto& row) { return std::string(find_info(row.param)->name); });

/// Types whose users cannot read or write them freely: the errors of user operations.
class RefusalsBesideKernel : public ::testing::TestWithParam<MapType> {};

TEST_P(RefusalsBesideKernel, SameErrno) {
  SKIP_WITHOUT_BPF();
  const MapSpec spec = sample_spec(GetParam());
  const auto ours = make_map(spec, possible_cpus());
  ASSERT_TRUE(ours.has_value()) << ours.error().message;
  const auto theirs = kernel::create_map(spec);
  ASSERT_TRUE(theirs.has_value()) << theirs.error().message;
  for (const std::uint32_t index : {0u, 1u, spec.max_entries - 1, spec.max_entries, 0xffffffffu}) {
    const Bytes key = spec.key_size != 0 ? bytes_of(index) : Bytes();
    Bytes value(std::max<std::size_t>((*ours)->user_value_size(), 1)), other(value.size());
    const std::span<std::byte> mine(value.data(), (*ours)->user_value_size());
    EXPECT_EQ((*ours)->get(key, mine), kernel::map_lookup(*theirs, key, other)) << "lookup " << index;
    EXPECT_EQ((*ours)->remove(key), kernel::map_delete(*theirs, key)) << "delete " << index;
    Bytes next(spec.key_size), their_next(spec.key_size);
    EXPECT_EQ((*ours)->next_key(key, next), kernel::map_next_key(*theirs, key, their_next)) << "next " << index;
    EXPECT_EQ(next, their_next);
  }
}

INSTANTIATE_TEST_SUITE_P(Maps, RefusalsBesideKernel,
                         ::testing::Values(MapType::kProgArray, MapType::kPerfEventArray, MapType::kRingBuf,
                                           MapType::kArrayOfMaps, MapType::kHashOfMaps, MapType::kDevMap,
                                           MapType::kDevMapHash, MapType::kCpuMap, MapType::kXskMap,
                                           MapType::kCgroupArray, MapType::kStackTrace, MapType::kLruHash),
                         [](const auto& row) { return std::string(find_info(row.param)->name); });

}  // namespace
}  // namespace skep::testing
