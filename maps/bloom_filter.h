// SPDX-License-Identifier: Apache-2.0
// bloom_filter: a set of values that never denies one that was pushed, and rarely affirms one that was not.
#pragma once
#include "maps/keyless.h"
#include "maps/memory.h"

namespace skep::maps {

class BloomFilterMap final : public KeylessMap {
 public:
  BloomFilterMap(MapSpec spec, Memory bits);
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);

  /// Flags: kAny only.
  MapResult push(const void* value, std::uint64_t flags) override;
  MapResult pop(void* value) override;
  /// 0: the value may be there. -ENOENT: it is not.
  MapResult peek(void* value) override;
  /// Unknown: 0.
  [[nodiscard]] std::size_t size() const override { return 0; }

 private:
  /// The word and the bit that hash function number `function` sets for the value.
  struct Place {
    std::byte* word = nullptr;
    std::uint64_t bit = 0;
  };
  struct Hashes;
  [[nodiscard]] Hashes hashes(const void* value) const;
  [[nodiscard]] Place place(const Hashes& of, std::uint32_t function) const;

  Memory bits_;
  std::uint64_t mask_ = 0;  ///< Number of bits, a power of two, less 1.
  std::uint32_t functions_ = 0;
  std::uint64_t seed_ = 0;
};

}  // namespace skep::maps
