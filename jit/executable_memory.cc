// SPDX-License-Identifier: Apache-2.0
#include "jit/executable_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/address.h"

namespace skep::jit {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kWindow = std::uint64_t{1} << 30;

/// Images lie below `near`, each below the one before; a hint that is taken costs nothing but the distance.
std::uint64_t next_hint(std::uint64_t near, std::size_t size) {
  static std::atomic<std::uint64_t> used{0};
  const std::uint64_t below = used.fetch_add(size, std::memory_order_relaxed) % kWindow + size + (kWindow >> 4);
  return near > 2 * kWindow ? (near - below) & ~(std::uint64_t{kPage} - 1) : 0;
}

Error system_error(const char* call, std::size_t size, int error) {
  return {Errc::kSystem, std::string(call) + " of " + std::to_string(size) + " bytes for native code failed: " +
                             std::strerror(error)};  // NOLINT(concurrency-mt-unsafe)
}

struct Range {
  std::uint64_t address = 0;
  std::size_t size = 0;
};

bool reaches(Range range, std::uint64_t near) {
  const std::uint64_t end = range.address + range.size;
  return near == 0 || std::max(near, end) - std::min(near, range.address) < 2 * kWindow;
}

/// Mappings of images that are gone, as mmap would give them: writable, zero, nothing executable. Making a mapping
/// and its pages takes longer than making the code of a small program.
class Spares {
 public:
  /// Address 0: none fits.
  Range take(std::size_t size, std::uint64_t near) {
    const std::scoped_lock lock(mutex_);
    Range* best = nullptr;
    for (Range& range : ranges_) {
      const bool fits = range.size >= size && range.size <= 2 * size && reaches(range, near);
      if (fits && (best == nullptr || range.size < best->size)) best = &range;
    }
    return best == nullptr ? Range{} : std::exchange(*best, {});
  }

  /// Returns what has to go for it.
  Range keep(Range range) {
    if (range.size > kMost) return range;
    const std::scoped_lock lock(mutex_);
    const auto free = std::ranges::find(ranges_, std::size_t{0}, &Range::size);
    if (free != ranges_.end()) return std::exchange(*free, range);
    oldest_ = (oldest_ + 1) % ranges_.size();
    return std::exchange(ranges_[oldest_], range);
  }

 private:
  static constexpr std::size_t kMost = std::size_t{128} << 10;

  std::mutex mutex_;
  std::array<Range, 8> ranges_{};
  std::size_t oldest_ = 0;
};
constinit Spares spares;

void unmap(Range range) {
  if (range.size != 0) munmap(from_address<void>(range.address), range.size);
}

}  // namespace

Result<ExecutableMemory> ExecutableMemory::reserve(std::size_t size, std::uint64_t near) {
  const std::size_t rounded = (size + kPage - 1) / kPage * kPage;
  if (const Range spare = spares.take(rounded, near); spare.size != 0)
    return ExecutableMemory(spare.address, spare.size);
  void* hint = near == 0 ? nullptr : from_address<void>(next_hint(near, rounded));
  void* memory = mmap(hint, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return system_error("mmap", rounded, errno);
  return ExecutableMemory(address_of(memory), rounded);
}

ExecutableMemory::ExecutableMemory(ExecutableMemory&& other) noexcept
    : address_(std::exchange(other.address_, 0)), size_(other.size_), used_(other.used_) {}

ExecutableMemory& ExecutableMemory::operator=(ExecutableMemory&& other) noexcept {
  if (this == &other) return *this;
  release();
  address_ = std::exchange(other.address_, 0);
  size_ = other.size_;
  used_ = other.used_;
  return *this;
}

ExecutableMemory::~ExecutableMemory() { release(); }

void ExecutableMemory::release() {
  if (address_ == 0) return;
  const Range range{.address = address_, .size = size_};
  void* const memory = from_address<void>(address_);
  if (mprotect(memory, size_, PROT_READ | PROT_WRITE) != 0) return unmap(range);
  std::memset(memory, 0, used_);
  unmap(spares.keep(range));
}

Status ExecutableMemory::seal(std::span<const std::byte> code) {
  assert(code.size() <= size_);
  auto* to = from_address<char>(address_);
  std::memcpy(to, code.data(), code.size());
  used_ = code.size();
  if (mprotect(to, size_, PROT_READ | PROT_EXEC) != 0) return system_error("mprotect", size_, errno);
  // Data written is not what the instruction fetch sees until told so (arm64); x86-64 needs nothing.
  __builtin___clear_cache(to, to + code.size());
  return kOk;
}

std::span<const std::byte> ExecutableMemory::bytes() const { return {from_address<const std::byte>(address_), used_}; }

}  // namespace skep::jit
