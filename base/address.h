// SPDX-License-Identifier: Apache-2.0
// A BPF register holds a host address as a 64-bit word; these two are the only places where word and pointer meet.
#pragma once
#include <bit>
#include <cstdint>

namespace skep {

static_assert(sizeof(void*) == sizeof(std::uint64_t), "skep runs on 64-bit hosts only");

template <class T>
std::uint64_t address_of(T* pointer) {
  return std::bit_cast<std::uint64_t>(pointer);
}
template <class T>
T* from_address(std::uint64_t word) {
  return std::bit_cast<T*>(word);
}

}  // namespace skep
