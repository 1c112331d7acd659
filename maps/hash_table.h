// SPDX-License-Identifier: Apache-2.0
// The table behind every hash-like map: a fixed pool of elements, buckets of chains through the pool, a free list.
//
// Readers take no lock and write nothing (save the reference mark of LRU maps). A reader notes its bucket's version,
// walks the chain, and notes the version again: it grows whenever an element is unlinked from that bucket, and an
// element is unlinked before it is reused, so that an unchanged version means that what was read was in place. Writers
// lock one bucket at a time. Element memory lives as long as the table, so an address that was looked up stays valid.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "maps/hash_function.h"
#include "maps/key_size.h"
#include "maps/memory.h"
#include "maps/words.h"
#include "skep/map.h"

namespace skep::maps {

enum class Eviction : std::uint8_t { kNone, kLeastRecentlyUsed };
/// What update does with the value of a key that is there.
enum class Replacement : std::uint8_t {
  kSwap,     ///< A new element takes the old one's place: readers see the old or the new value, never a mixture.
  kInPlace,  ///< The value is overwritten where it is.
};
/// What the value slot that update asks to be filled held before.
enum class Slot : std::uint8_t { kFresh, kExisting };

class HashTable {
 public:
  /// An element's number; kNone: no element.
  using Index = std::uint32_t;
  static constexpr Index kNone = 0;

  struct Options {
    std::uint32_t key_size = 0;
    std::uint32_t slot_size = 0;  ///< Bytes of the value inside the element.
    std::uint32_t max_entries = 0;
    std::uint32_t spare = 0;  ///< Elements beyond max_entries, for swaps.
    Eviction eviction{};
    Replacement replacement{};
    std::uint64_t seed = 0;
  };
  static Result<HashTable> make(const Options& options);
  HashTable(HashTable&& other) noexcept;  ///< Only before the table is shared.

  // Functions on keys take their size as a template argument, where the caller knows it: 0 where it does not.
  /// The element with `key`. Lock-free, but for a bucket that changes all the time.
  template <std::uint32_t kKeySize>
  [[nodiscard]] Index find_as(const std::byte* key) const;
  [[nodiscard]] Index find(const void* key) const;
  /// Runs `read(index)` on the element with `key` until it ran while the element stayed in place. Returns false when
  /// there is none.
  template <class Read>
  bool read(const void* key, Read read) const;
  /// Marks the element as used, for LRU.
  void touch(Index index) const;

  [[nodiscard]] std::byte* value(Index index) const { return element(index) + value_offset_; }
  [[nodiscard]] std::byte* key(Index index) const { return element(index) + key_offset_; }
  /// Number of the elements' numbers: each is below it.
  [[nodiscard]] Index index_limit() const { return capacity_ + 1; }
  /// The element whose value slot holds [address, address + size), or kNone.
  [[nodiscard]] Index element_at(const void* address, std::size_t size) const;

  /// Inserts or updates as `flags` say. `fill(index, slot)` writes the value; it runs under the bucket's lock.
  template <std::uint32_t kKeySize = 0, class Fill>
  MapResult update(const void* key, std::uint64_t flags, Fill fill);
  /// `drop(index)` runs under the bucket's lock, after the element was unlinked and before it is free.
  template <std::uint32_t kKeySize = 0, class Drop>
  MapResult erase(const void* key, Drop drop);
  template <std::uint32_t kKeySize = 0>
  MapResult erase(const void* key) {
    return erase<kKeySize>(key, [](Index) {});
  }
  /// As Map::next_key; key == nullptr: the first.
  MapResult next_key(const std::byte* key, std::byte* next) const;
  /// The element whose key follows; kNone: at the end.
  [[nodiscard]] Index next_element(const std::byte* key) const;
  /// Visits elements; they may be deleted meanwhile. Stops when `visit(index)` returns other than 0.
  template <class Visit>
  std::int64_t for_each(Visit visit) const;
  [[nodiscard]] std::size_t size() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct Bucket {
    std::atomic<Index> head;
    std::atomic<std::uint32_t> state;  ///< Bit 0: locked. The others: version.
  };
  /// Bytes before the key. A free element's `hash` is the number of the next free element.
  struct Header {
    std::atomic<Index> next;
    std::atomic<std::uint32_t> hash;
  };
  /// After the header, in LRU tables.
  struct Usage {
    std::atomic<std::uint32_t> linked;
    std::atomic<std::uint32_t> referenced;
  };
  class Lock;

  HashTable() = default;
  [[nodiscard]] std::byte* element(Index index) const { return pool_.data() + std::size_t{index} * stride_; }
  [[nodiscard]] Header& header(Index index) const { return object_at<Header>(element(index), 0); }
  [[nodiscard]] Usage& usage(Index index) const { return object_at<Usage>(element(index), sizeof(Header)); }
  [[nodiscard]] Bucket& bucket(std::uint32_t hash) const {
    return object_at<Bucket>(buckets_.data(), std::size_t{hash & bucket_mask_} * sizeof(Bucket));
  }
  template <std::uint32_t kKeySize>
  [[nodiscard]] std::uint32_t hash_as(const std::byte* key) const;
  template <std::uint32_t kKeySize>
  [[nodiscard]] Index walk_as(const Bucket& in, std::uint32_t hash, const std::byte* key) const;
  /// hash_as() of the size that the keys have, however much of that the caller knows.
  template <std::uint32_t kKeySize>
  [[nodiscard]] std::uint32_t hash_of(const std::byte* key) const;
  [[nodiscard]] std::uint32_t hash(const std::byte* key) const;
  [[nodiscard]] Index walk(const Bucket& in, std::uint32_t hash, const std::byte* key) const;
  [[nodiscard]] Index find_contended(Bucket& in, std::uint32_t hash, const std::byte* key) const;
  [[nodiscard]] Index first_from(std::uint32_t bucket_number) const;

  void write_key(Index index, std::uint32_t hash, const std::byte* key) const;
  void link(Bucket& into, Index index) const;
  /// Puts `replacement` (kNone: nothing) where `index` is in the chain. False: it is not there.
  bool unlink(Bucket& from, Index index, Index replacement) const;
  Index pop_free();
  void push_free(Index index);
  /// An element for a new key; kNone: the table is full. LRU: never evicts.
  Index acquire();
  /// LRU: takes the least recently used element out of its bucket.
  Index evict();

  Memory pool_, buckets_;
  std::size_t stride_ = 0, key_offset_ = 0, value_offset_ = 0;
  std::uint64_t seed_ = 0;
  std::uint32_t bucket_mask_ = 0, key_size_ = 0, slot_size_ = 0, max_entries_ = 0, capacity_ = 0;
  Eviction eviction_{};
  Replacement replacement_{};
  /// Low half: number of the first free element. High half: grows with each pop, against reuse between read and swap.
  alignas(64) std::atomic<std::uint64_t> free_ = 0;
  std::atomic<std::uint32_t> never_used_ = 1;  ///< Elements from here on were never used.
  std::atomic<std::uint32_t> count_ = 0;       ///< Elements in use or about to be.
  std::atomic<std::uint32_t> hand_ = 0;        ///< LRU: where the next victim is looked for.
};

/// Holds a bucket's lock.
class HashTable::Lock {
 public:
  explicit Lock(Bucket& bucket);
  ~Lock() { release(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  void release() {
    // While the lock is held nobody else writes the word.
    if (bucket_ != nullptr)
      bucket_->state.store(bucket_->state.load(std::memory_order_relaxed) & ~1u, std::memory_order_release);
    bucket_ = nullptr;
  }

 private:
  Bucket* bucket_;
};

template <std::uint32_t kKeySize>
std::uint32_t HashTable::hash_as(const std::byte* key) const {
  if constexpr (kKeySize == 16) {
    return static_cast<std::uint32_t>(hash_words(read_bytes(key, 8), read_bytes(key + 8, 8), seed_));
  } else if constexpr (kKeySize == 4 || kKeySize == 8) {
    return static_cast<std::uint32_t>(hash_word(read_bytes(key, kKeySize), seed_));
  } else {
    return static_cast<std::uint32_t>(hash_bytes(key, kKeySize != 0 ? kKeySize : key_size_, seed_));
  }
}

template <std::uint32_t kKeySize>
std::uint32_t HashTable::hash_of(const std::byte* key) const {
  if constexpr (kKeySize == 0) return hash(key);
  return hash_as<kKeySize>(key);
}

template <std::uint32_t kKeySize>
HashTable::Index HashTable::walk_as(const Bucket& in, std::uint32_t hash, const std::byte* bytes) const {
  Index at = in.head.load(std::memory_order_acquire);
  while (at != kNone) {
    const Header& head = header(at);
    if (head.hash.load(std::memory_order_relaxed) == hash &&
        equals_slot(key(at), bytes, kKeySize != 0 ? kKeySize : key_size_))
      return at;
    at = head.next.load(std::memory_order_acquire);
  }
  return kNone;
}

template <std::uint32_t kKeySize>
HashTable::Index HashTable::find_as(const std::byte* from) const {
  const KeyCopy<kKeySize> copy(from);
  const std::byte* const bytes = copy.bytes();
  const std::uint32_t h = hash_as<kKeySize>(bytes);
  Bucket& in = bucket(h);
  const std::uint32_t before = in.state.load(std::memory_order_acquire) >> 1;
  const Index found = walk_as<kKeySize>(in, h, bytes);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (in.state.load(std::memory_order_relaxed) >> 1 == before) [[likely]]
    return found;
  return find_contended(in, h, bytes);
}

inline HashTable::Index HashTable::find(const void* key) const {
  const auto* bytes = static_cast<const std::byte*>(key);
  switch (key_size_) {
    case 4:
      return find_as<4>(bytes);
    case 8:
      return find_as<8>(bytes);
    case 16:
      return find_as<16>(bytes);
    default:
      return find_as<0>(bytes);
  }
}

inline void HashTable::touch(Index index) const {
  std::atomic<std::uint32_t>& mark = usage(index).referenced;
  // Written only when it changes, so that hot elements stay shared in all caches.
  if (mark.load(std::memory_order_relaxed) == 0) mark.store(1, std::memory_order_relaxed);
}

template <class Read>
bool HashTable::read(const void* key, Read read) const {
  const auto* bytes = static_cast<const std::byte*>(key);
  const std::uint32_t h = hash(bytes);
  Bucket& in = bucket(h);
  for (int attempt = 0; attempt < 64; ++attempt) {
    const std::uint32_t before = in.state.load(std::memory_order_acquire) >> 1;
    const Index found = walk(in, h, bytes);
    if (found != kNone) read(found);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (in.state.load(std::memory_order_relaxed) >> 1 == before) return found != kNone;
  }
  const Lock lock(in);
  const Index found = walk(in, h, bytes);
  if (found != kNone) read(found);
  return found != kNone;
}

template <std::uint32_t kKeySize, class Fill>
MapResult HashTable::update(const void* key, std::uint64_t flags, Fill fill) {
  constexpr MapResult kInvalid = -22, kExists = -17, kNoEntry = -2, kFull = -7;
  if (flags > static_cast<std::uint64_t>(UpdateFlag::kExist)) return kInvalid;
  const KeyCopy<kKeySize> copy(static_cast<const std::byte*>(key));
  const std::byte* const bytes = copy.bytes();
  const std::uint32_t h = hash_of<kKeySize>(bytes);
  Bucket& in = bucket(h);
  Index evicted = kNone;  // LRU: taken from another bucket, whose lock may not be taken under this one's.
  for (;;) {
    Lock lock(in);
    if (const Index old = walk_as<kKeySize>(in, h, bytes); old != kNone) {
      MapResult result = 0;
      Index unused = evicted;
      if (flags == static_cast<std::uint64_t>(UpdateFlag::kNoExist)) {
        result = kExists;
      } else if (const Index fresh = replacement_ == Replacement::kSwap ? pop_free() : kNone; fresh != kNone) {
        write_key(fresh, h, bytes);
        fill(fresh, Slot::kFresh);
        unlink(in, old, fresh);
        push_free(old);
      } else {
        fill(old, Slot::kExisting);
      }
      lock.release();
      if (unused != kNone) {
        push_free(unused);
        count_.fetch_sub(1, std::memory_order_relaxed);
      }
      return result;
    }
    if (flags == static_cast<std::uint64_t>(UpdateFlag::kExist)) {
      lock.release();
      if (evicted != kNone) {
        push_free(evicted);
        count_.fetch_sub(1, std::memory_order_relaxed);
      }
      return kNoEntry;
    }
    const Index fresh = evicted != kNone ? evicted : acquire();
    if (fresh != kNone) {
      write_key(fresh, h, bytes);
      fill(fresh, Slot::kFresh);
      link(in, fresh);
      return 0;
    }
    lock.release();
    if (eviction_ == Eviction::kNone) return kFull;
    evicted = evict();
    if (evicted == kNone) return kFull;
  }
}

template <std::uint32_t kKeySize, class Drop>
MapResult HashTable::erase(const void* key, Drop drop) {
  constexpr MapResult kNoEntry = -2;
  const KeyCopy<kKeySize> copy(static_cast<const std::byte*>(key));
  const std::byte* const bytes = copy.bytes();
  const std::uint32_t h = hash_of<kKeySize>(bytes);
  Bucket& in = bucket(h);
  Index found = kNone;
  {
    const Lock lock(in);
    found = walk_as<kKeySize>(in, h, bytes);
    if (found == kNone) return kNoEntry;
    unlink(in, found, kNone);
    drop(found);
  }
  push_free(found);
  count_.fetch_sub(1, std::memory_order_relaxed);
  return 0;
}

template <class Visit>
std::int64_t HashTable::for_each(Visit visit) const {
  std::int64_t visited = 0;
  for (std::uint32_t b = 0; b <= bucket_mask_; ++b) {
    Index next = kNone;
    for (Index at = bucket(b).head.load(std::memory_order_acquire); at != kNone; at = next) {
      const Header& head = header(at);
      if ((head.hash.load(std::memory_order_relaxed) & bucket_mask_) != b) break;  // Reused elsewhere meanwhile.
      next = head.next.load(std::memory_order_acquire);
      ++visited;
      if (visit(at) != 0) return visited;
    }
  }
  return visited;
}

}  // namespace skep::maps
