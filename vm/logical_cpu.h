// SPDX-License-Identifier: Apache-2.0
// In Linux no two programs run on one CPU at once, which is what makes per-CPU maps safe. In user space a thread may
// lose its CPU at any instruction, so that the CPU number is useless: skep numbers threads instead.
#pragma once
#include <cstdint>

namespace skep {

namespace detail {
inline constexpr std::uint32_t kNoNumber = ~0u;
extern constinit thread_local std::uint32_t own_thread_number;  // kNoNumber until the thread takes one.
std::uint32_t take_thread_number();
}  // namespace detail

/// The lowest number that no other live thread has. Threads that run programs at the same time have different numbers.
inline std::uint32_t thread_number() {
  const std::uint32_t own = detail::own_thread_number;
  return own != detail::kNoNumber ? own : detail::take_thread_number();
}

}  // namespace skep
