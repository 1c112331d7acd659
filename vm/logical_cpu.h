// SPDX-License-Identifier: Apache-2.0
// In Linux no two programs run on one CPU at once, which is what makes per-CPU maps safe. In user space a thread may
// lose its CPU at any instruction, so that the CPU number is useless: skep numbers threads instead.
#pragma once
#include <cstdint>

namespace skep {

/// The lowest number that no other live thread has. Threads that run programs at the same time have different numbers.
std::uint32_t thread_number();

}  // namespace skep
