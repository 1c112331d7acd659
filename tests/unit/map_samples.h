// SPDX-License-Identifier: Apache-2.0
// One valid description for each map type of the table, for tests.
#pragma once
#include <cstring>
#include <vector>

#include "base/unreachable.h"
#include "skep/map.h"

namespace skep::testing {

using Bytes = std::vector<std::byte>;

template <class T>
Bytes bytes_of(const T& value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
template <class T>
T value_of(const Bytes& bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(sizeof value, bytes.size()));
  return value;
}

/// Small: keys of 4 and values of 8 bytes where the type leaves the choice, 8 entries.
inline MapSpec sample_spec(MapType type) {
  MapSpec spec;
  spec.name = "sample";
  spec.type = type;
  spec.key_size = 4;
  spec.value_size = 8;
  spec.max_entries = 8;
  switch (type) {
    case MapType::kHash:
    case MapType::kArray:
    case MapType::kPerCpuHash:
    case MapType::kPerCpuArray:
    case MapType::kLruHash:
    case MapType::kLruPerCpuHash:
    case MapType::kDevMap:
    case MapType::kDevMapHash:
    case MapType::kCpuMap:
    case MapType::kStackTrace:
      break;
    case MapType::kProgArray:
    case MapType::kPerfEventArray:
    case MapType::kXskMap:
    case MapType::kCgroupArray:
      spec.value_size = 4;
      break;
    case MapType::kArrayOfMaps:
    case MapType::kHashOfMaps:
      spec.value_size = 4;
      spec.inner = std::make_shared<const MapSpec>(sample_spec(MapType::kHash));
      break;
    case MapType::kLpmTrie:
      spec.key_size = 8;
      spec.flags = map_flags::kNoPrealloc;
      break;
    case MapType::kQueue:
    case MapType::kStack:
    case MapType::kBloomFilter:
      spec.key_size = 0;
      break;
    case MapType::kRingBuf:
      spec.key_size = spec.value_size = 0;
      spec.max_entries = 4096;
      break;
    case MapType::kSockMap:
    case MapType::kSockHash:
    case MapType::kCgroupStorage:
    case MapType::kReuseportSockArray:
    case MapType::kPerCpuCgroupStorage:
    case MapType::kSkStorage:
    case MapType::kStructOps:
    case MapType::kInodeStorage:
    case MapType::kTaskStorage:
    case MapType::kUserRingBuf:
    case MapType::kCgrpStorage:
    case MapType::kArena:
    case MapType::kUnspec:
      unreachable();
  }
  return spec;
}

}  // namespace skep::testing
