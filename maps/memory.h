// SPDX-License-Identifier: Apache-2.0
// Zeroed memory of a map: mapped, so that pages are committed when first touched and a large sparse map costs nothing.
#pragma once
#include <cstddef>
#include <utility>

#include "skep/result.h"

namespace skep::maps {

/// Owns a mapping. Its start is page-aligned; contents begin as zero.
class Memory {
 public:
  Memory() = default;
  Memory(Memory&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Memory();

  /// Error: kLimit, the system has not that much.
  static Result<Memory> allocate(std::size_t size);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  Memory(std::byte* data, std::size_t size) : data_(data), size_(size) {}
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace skep::maps
