// SPDX-License-Identifier: Apache-2.0
// Memory for saved states: blocks of a few size classes cut from big chunks, with a free list a class. Everything is
// given back at once when the pool dies.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace skep::verifier {

class StatePool {
 public:
  std::byte* allocate(std::size_t size) {
    const std::size_t cls = class_of(size);
    if (cls >= kClasses) {
      bytes_ += size;
      return large_.emplace_back(new std::byte[size]).get();
    }
    if (FreeBlock* const block = free_[cls]; block != nullptr) {
      free_[cls] = block->next;
      return static_cast<std::byte*>(static_cast<void*>(block));
    }
    return cut((cls + 1) * kGrain);
  }
  /// `size` as given to allocate(). Blocks above the largest class stay until the end.
  void release(std::byte* block, std::size_t size) {
    const std::size_t cls = class_of(size);
    if (cls >= kClasses) return;
    free_[cls] = new (block) FreeBlock{free_[cls]};
  }
  /// Taken from the system so far.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct FreeBlock {
    FreeBlock* next = nullptr;
  };
  static constexpr std::size_t kGrain = 256, kClasses = 256;
  static constexpr std::size_t kSmallestChunk = std::size_t{1} << 16, kDoublings = 4;
  static_assert(kGrain * kClasses <= kSmallestChunk);
  static constexpr std::size_t class_of(std::size_t size) { return (size - 1) / kGrain; }

  std::byte* cut(std::size_t size) {
    if (left_ < size) {
      // Small at first: most programs need little, and the system takes big ones back from malloc every time.
      left_ = kSmallestChunk << std::min<std::size_t>(chunks_.size() / 2, kDoublings);
      chunks_.emplace_back(new std::byte[left_]);
      next_ = chunks_.back().get();
      bytes_ += left_;
    }
    std::byte* const block = next_;
    next_ += size;
    left_ -= size;
    return block;
  }

  std::array<FreeBlock*, kClasses> free_{};
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::vector<std::unique_ptr<std::byte[]>> large_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace skep::verifier
