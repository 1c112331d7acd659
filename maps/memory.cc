// SPDX-License-Identifier: Apache-2.0
#include "maps/memory.h"

#include <sys/mman.h>

#include <string>

namespace skep::maps {

Memory::~Memory() {
  if (data_ != nullptr) munmap(data_, size_);
}

Result<Memory> Memory::allocate(std::size_t size) {
  if (size == 0) return Memory{};
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED)
    return Error{Errc::kLimit,
                 "a map needs " + std::to_string(size) + " bytes, which the system does not give (ENOMEM)"};
  return Memory(static_cast<std::byte*>(data), size);
}

}  // namespace skep::maps
