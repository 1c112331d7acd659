// SPDX-License-Identifier: Apache-2.0
// Pages that are first writable, then executable, never both. One mapping an image, so that memory that another image
// executes is never made writable again. A few mappings of images that are gone wait, not executable, for the next.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "skep/result.h"

namespace skep::jit {

/// Owns one mapping. Movable; not thread-safe before seal(), immutable after it.
class ExecutableMemory {
 public:
  /// Maps `size` writable bytes, within 2 GiB of `near` where the kernel finds room there (0: anywhere).
  static Result<ExecutableMemory> reserve(std::size_t size, std::uint64_t near);
  ExecutableMemory(ExecutableMemory&& other) noexcept;
  ExecutableMemory& operator=(ExecutableMemory&& other) noexcept;
  ExecutableMemory(const ExecutableMemory&) = delete;
  ExecutableMemory& operator=(const ExecutableMemory&) = delete;
  ~ExecutableMemory();

  [[nodiscard]] std::uint64_t address() const { return address_; }
  /// Copies `code` to the start and makes the mapping executable and read-only. Precondition: it fits.
  Status seal(std::span<const std::byte> code);
  /// What seal() copied.
  [[nodiscard]] std::span<const std::byte> bytes() const;

 private:
  ExecutableMemory(std::uint64_t address, std::size_t size) : address_(address), size_(size) {}
  void release();

  std::uint64_t address_ = 0;  // 0: moved from.
  std::size_t size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace skep::jit
