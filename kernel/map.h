// SPDX-License-Identifier: Apache-2.0
// What libbpf does for the maps of a program before it loads it.
#pragma once
#include "kernel/bpf.h"

namespace skep::kernel {

/// With BTF for those types that take it; `btf` may be invalid.
Result<Fd> create_map(const MapSpec& spec, const Fd& btf);
/// Sizes that the object leaves to libbpf or rounds wrongly.
MapSpec with_defaults(MapSpec spec);

/// An arena has no address, and programs that use it do not load, until user space maps it.
class ArenaAddress {
 public:
  ArenaAddress(const MapSpec& spec, const Fd& map);
  ~ArenaAddress();
  ArenaAddress(ArenaAddress&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ArenaAddress& operator=(ArenaAddress&&) = delete;

 private:
  void* address_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace skep::kernel
