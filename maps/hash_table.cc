// SPDX-License-Identifier: Apache-2.0
#include "maps/hash_table.h"

#include <bit>
#include <thread>

#include "base/try.h"

namespace skep::maps {

Result<HashTable> HashTable::make(const Options& options) {
  HashTable table;
  table.key_offset_ = sizeof(Header) + (options.eviction == Eviction::kLeastRecentlyUsed ? sizeof(Usage) : 0);
  table.value_offset_ = table.key_offset_ + round_up(options.key_size, 8);
  const std::size_t bytes = table.value_offset_ + round_up(options.slot_size, 8);
  // Small elements do not straddle a cache line.
  table.stride_ = bytes <= 64 ? std::bit_ceil(bytes) : round_up(bytes, 8);
  table.seed_ = options.seed;
  table.key_size_ = options.key_size;
  table.slot_size_ = options.slot_size;
  table.max_entries_ = options.max_entries;
  table.capacity_ = options.max_entries + options.spare;
  table.eviction_ = options.eviction;
  table.replacement_ = options.replacement;
  const std::uint64_t buckets = std::bit_ceil(std::uint64_t{options.max_entries});
  table.bucket_mask_ = static_cast<std::uint32_t>(buckets - 1);
  TRY(table.buckets_, Memory::allocate(buckets * sizeof(Bucket)));
  TRY(table.pool_, Memory::allocate((std::size_t{table.capacity_} + 1) * table.stride_));
  return table;
}

HashTable::HashTable(HashTable&& other) noexcept
    : pool_(std::move(other.pool_)),
      buckets_(std::move(other.buckets_)),
      stride_(other.stride_),
      key_offset_(other.key_offset_),
      value_offset_(other.value_offset_),
      seed_(other.seed_),
      bucket_mask_(other.bucket_mask_),
      key_size_(other.key_size_),
      slot_size_(other.slot_size_),
      max_entries_(other.max_entries_),
      capacity_(other.capacity_),
      eviction_(other.eviction_),
      replacement_(other.replacement_),
      free_(other.free_.load()),
      never_used_(other.never_used_.load()),
      count_(other.count_.load()),
      hand_(other.hand_.load()) {}

HashTable::Lock::Lock(Bucket& bucket) : bucket_(&bucket) {
  for (unsigned spins = 0;; ++spins) {
    const std::uint32_t seen = bucket.state.load(std::memory_order_relaxed);
    std::uint32_t expected = seen & ~1u;
    if ((seen & 1) == 0 && bucket.state.compare_exchange_weak(expected, seen | 1, std::memory_order_acquire)) return;
    if (spins > 64) std::this_thread::yield();
  }
}

std::uint32_t HashTable::hash(const std::byte* key) const {
  switch (key_size_) {
    case 4:
      return hash_as<4>(key);
    case 8:
      return hash_as<8>(key);
    case 16:
      return hash_as<16>(key);
    default:
      return hash_as<0>(key);
  }
}

HashTable::Index HashTable::walk(const Bucket& in, std::uint32_t h, const std::byte* bytes) const {
  return walk_as<0>(in, h, bytes);
}

HashTable::Index HashTable::find_contended(Bucket& in, std::uint32_t h, const std::byte* bytes) const {
  for (int attempt = 0; attempt < 64; ++attempt) {
    const std::uint32_t before = in.state.load(std::memory_order_acquire) >> 1;
    const Index found = walk(in, h, bytes);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (in.state.load(std::memory_order_relaxed) >> 1 == before) return found;
  }
  const Lock lock(in);
  return walk(in, h, bytes);
}

HashTable::Index HashTable::element_at(const void* address, std::size_t size) const {
  const std::uint64_t begin = address_of(pool_.data());
  const std::uint64_t at = address_of(address);
  if (at < begin || at >= begin + pool_.size()) return kNone;
  const std::uint64_t index = (at - begin) / stride_;
  const std::uint64_t offset = (at - begin) % stride_;
  if (index == kNone || offset < value_offset_) return kNone;
  const std::uint64_t inside = offset - value_offset_;
  return inside <= slot_size_ && size <= slot_size_ - inside ? static_cast<Index>(index) : kNone;
}

void HashTable::write_key(Index index, std::uint32_t h, const std::byte* bytes) const {
  // Pairs with the readers' acquire fence: who reads the new key sees that the element left its old bucket.
  std::atomic_thread_fence(std::memory_order_release);
  header(index).hash.store(h, std::memory_order_relaxed);
  copy_to_slot(key(index), bytes, key_size_);
}

void HashTable::link(Bucket& into, Index index) const {
  header(index).next.store(into.head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  if (eviction_ == Eviction::kLeastRecentlyUsed) {
    usage(index).referenced.store(0, std::memory_order_relaxed);
    usage(index).linked.store(1, std::memory_order_relaxed);
  }
  into.head.store(index, std::memory_order_release);
}

bool HashTable::unlink(Bucket& from, Index index, Index replacement) const {
  std::atomic<Index>* link = &from.head;
  for (Index at = link->load(std::memory_order_relaxed); at != index; at = link->load(std::memory_order_relaxed)) {
    if (at == kNone) return false;
    link = &header(at).next;
  }
  const Index after = header(index).next.load(std::memory_order_relaxed);
  if (replacement != kNone) header(replacement).next.store(after, std::memory_order_relaxed);
  link->store(replacement != kNone ? replacement : after, std::memory_order_release);
  if (eviction_ == Eviction::kLeastRecentlyUsed) {
    usage(index).linked.store(0, std::memory_order_relaxed);
    if (replacement != kNone) {
      usage(replacement)
          .referenced.store(usage(index).referenced.load(std::memory_order_relaxed), std::memory_order_relaxed);
      usage(replacement).linked.store(1, std::memory_order_relaxed);
    }
  }
  from.state.store(from.state.load(std::memory_order_relaxed) + 2, std::memory_order_release);
  return true;
}

HashTable::Index HashTable::pop_free() {
  std::uint64_t head = free_.load(std::memory_order_acquire);
  while (static_cast<Index>(head) != kNone) {
    const Index first = static_cast<Index>(head);
    const std::uint64_t next = header(first).hash.load(std::memory_order_relaxed);
    const std::uint64_t popped = ((head >> 32) + 1) << 32 | next;
    if (free_.compare_exchange_weak(head, popped, std::memory_order_acquire)) return first;
  }
  if (never_used_.load(std::memory_order_relaxed) > capacity_) return kNone;
  const std::uint32_t fresh = never_used_.fetch_add(1, std::memory_order_relaxed);
  if (fresh <= capacity_) return fresh;
  never_used_.fetch_sub(1, std::memory_order_relaxed);
  return kNone;
}

void HashTable::push_free(Index index) {
  std::uint64_t head = free_.load(std::memory_order_relaxed);
  for (;;) {
    header(index).hash.store(static_cast<Index>(head), std::memory_order_relaxed);
    const std::uint64_t pushed = (head >> 32) << 32 | index;
    if (free_.compare_exchange_weak(head, pushed, std::memory_order_release, std::memory_order_relaxed)) return;
  }
}

HashTable::Index HashTable::acquire() {
  if (count_.fetch_add(1, std::memory_order_relaxed) >= max_entries_) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    return kNone;
  }
  // Another thread that swaps values may hold an element beyond its count for a moment.
  for (;;) {
    if (const Index index = pop_free(); index != kNone) return index;
    std::this_thread::yield();
  }
}

HashTable::Index HashTable::evict() {
  // Two rounds: the first may only clear marks. Second chance ("clock") approximates least recently used.
  for (std::uint64_t step = 0; step < 2 * std::uint64_t{capacity_} + 1; ++step) {
    const Index index = hand_.fetch_add(1, std::memory_order_relaxed) % capacity_ + 1;
    Usage& use = usage(index);
    if (use.linked.load(std::memory_order_relaxed) == 0) continue;
    if (use.referenced.load(std::memory_order_relaxed) != 0) {
      use.referenced.store(0, std::memory_order_relaxed);
      continue;
    }
    Bucket& in = bucket(header(index).hash.load(std::memory_order_relaxed));
    const Lock lock(in);
    if (use.linked.load(std::memory_order_relaxed) != 0 && unlink(in, index, kNone)) return index;
  }
  return kNone;
}

HashTable::Index HashTable::first_from(std::uint32_t bucket_number) const {
  for (std::uint64_t b = bucket_number; b <= bucket_mask_; ++b)
    if (const Index first = bucket(static_cast<std::uint32_t>(b)).head.load(std::memory_order_acquire); first != kNone)
      return first;
  return kNone;
}

HashTable::Index HashTable::next_element(const std::byte* bytes) const {
  std::uint32_t from = 0;
  if (bytes != nullptr) {
    const std::uint32_t h = hash(bytes);
    Bucket& in = bucket(h);
    const Lock lock(in);
    if (const Index found = walk(in, h, bytes); found != kNone) {
      const Index following = header(found).next.load(std::memory_order_relaxed);
      if (following != kNone) return following;
      from = (h & bucket_mask_) + 1;
    }
  }
  return from <= bucket_mask_ ? first_from(from) : kNone;
}

MapResult HashTable::next_key(const std::byte* bytes, std::byte* next) const {
  constexpr MapResult kNoEntry = -2;
  const Index following = next_element(bytes);
  if (following == kNone) return kNoEntry;
  copy_from_slot(next, key(following), key_size_);
  return 0;
}

}  // namespace skep::maps
