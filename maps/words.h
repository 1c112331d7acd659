// SPDX-License-Identifier: Apache-2.0
// Copying keys and values that other threads may touch at the same moment. Slots are 8-byte aligned and padded to 8
// bytes; every access is a relaxed atomic word, so that it is never torn within a word and never a data race of ours.
// What programs do to values on their own is theirs to order, as under Linux.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/address.h"

namespace skep::maps {

/// The object of type T that lies `offset` bytes after `base`.
template <class T>
T& object_at(const std::byte* base, std::size_t offset) {
  return *from_address<T>(address_of(base) + offset);
}

inline std::uint64_t load_word(const std::byte* slot) {
  return std::atomic_ref<std::uint64_t>(object_at<std::uint64_t>(slot, 0)).load(std::memory_order_relaxed);
}
inline void store_word(std::byte* slot, std::uint64_t word) {
  std::atomic_ref<std::uint64_t>(object_at<std::uint64_t>(slot, 0)).store(word, std::memory_order_relaxed);
}

/// The first `size` (at most 8) bytes of `from`, zero-extended.
inline std::uint64_t read_bytes(const std::byte* from, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, size);
  return word;
}

/// 8 bytes that the program likely just stored as words of 32 bits: one load of them all would have to wait until both
/// stores have reached the cache, two loads take what waits to be stored.
inline std::uint64_t read_two_words(const std::byte* from) {
  std::uint64_t low = read_bytes(from, 4);
  const std::uint64_t high = read_bytes(from + 4, 4);
  asm("" : "+r"(low));  // Else the compiler makes one load of the two.
  return low | high << 32;
}

/// Copies `size` bytes to a slot; its padding becomes zero.
inline void copy_to_slot(std::byte* slot, const std::byte* from, std::size_t size) {
  for (; size >= 8; size -= 8, slot += 8, from += 8) store_word(slot, read_bytes(from, 8));
  if (size != 0) store_word(slot, read_bytes(from, size));
}
/// Copies the first `size` bytes of a slot.
inline void copy_from_slot(std::byte* to, const std::byte* slot, std::size_t size) {
  for (; size >= 8; size -= 8, slot += 8, to += 8) {
    const std::uint64_t word = load_word(slot);
    std::memcpy(to, &word, 8);
  }
  if (size == 0) return;
  const std::uint64_t word = load_word(slot);
  std::memcpy(to, &word, size);
}
inline void zero_slot(std::byte* slot, std::size_t size) {
  for (std::size_t done = 0; done < size; done += 8) store_word(slot + done, 0);
}
inline bool equals_slot(const std::byte* slot, const std::byte* key, std::size_t size) {
  for (; size >= 8; size -= 8, slot += 8, key += 8)
    if (load_word(slot) != read_bytes(key, 8)) return false;
  return size == 0 || load_word(slot) == read_bytes(key, size);
}

}  // namespace skep::maps
