// SPDX-License-Identifier: Apache-2.0
// lpm_trie: longest-prefix match. A key is a prefix length in bits (32-bit) and the data, most significant byte first.
//
// Not a tree: one hash table holds all prefixes (length and masked data together), and a lookup asks it for each length
// that is in use, longest first. Tables of real users have few lengths, and readers take no lock.
#pragma once
#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include "maps/hash_table.h"
#include "skep/map.h"

namespace skep::maps {

class LpmTrieMap final : public Map {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  LpmTrieMap(MapSpec spec, HashTable table);

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return table_.size(); }
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override;

 private:
  static constexpr std::size_t kMaxDataBytes = 256, kMaxKeyBytes = 4 + kMaxDataBytes;
  static constexpr std::size_t kLengthWords = kMaxDataBytes * 8 / 64 + 1;
  using Key = std::array<std::byte, kMaxKeyBytes>;

  /// An element's slot holds the value, then the key as the user wrote it, with the bits after the prefix.
  [[nodiscard]] std::byte* written_key(HashTable::Index index) const {
    return table_.value(index) + round_up(spec_.value_size, 8);
  }
  [[nodiscard]] std::uint32_t max_length() const { return (spec_.key_size - 4) * 8; }
  /// The key with everything after its first `length` bits zero, and `length` as its prefix length.
  void mask(Key& key, std::uint32_t length) const;
  void count_length(std::uint32_t length);
  void discount_length(std::uint32_t length);
  /// The longest length in use that is at most `limit`; -1: none.
  [[nodiscard]] std::int32_t longest_length(std::int32_t limit) const;

  HashTable table_;
  std::array<std::atomic<std::uint64_t>, kLengthWords> lengths_{};  ///< Bit n: prefixes of length n are there.
  std::mutex mutex_;                                                ///< Of writers.
  std::vector<std::uint32_t> counts_;                               ///< Prefixes of each length. Under mutex_.
};

}  // namespace skep::maps
