// SPDX-License-Identifier: Apache-2.0
#include "jit/executable_memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>
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

}  // namespace

Result<ExecutableMemory> ExecutableMemory::reserve(std::size_t size, std::uint64_t near) {
  const std::size_t rounded = (size + kPage - 1) / kPage * kPage;
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
  if (address_ != 0) munmap(from_address<void>(address_), size_);
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
