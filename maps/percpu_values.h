// SPDX-License-Identifier: Apache-2.0
// Values of per-CPU maps: a block for each CPU, so that CPUs share no cache line.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "maps/memory.h"
#include "maps/words.h"
#include "skep/result.h"

namespace skep::maps {

class PerCpuValues {
 public:
  /// Room for `count` values of `value_size` bytes on each of `cpus` CPUs.
  static Result<PerCpuValues> make(std::size_t count, std::uint32_t value_size, std::uint32_t cpus);

  [[nodiscard]] std::byte* slot(std::size_t index, std::uint32_t cpu) const {
    return memory_.data() + cpu * cpu_stride_ + index * stride_;
  }
  [[nodiscard]] std::uint32_t cpus() const { return cpus_; }
  /// Of one value of all CPUs, as bpf(2) has it.
  [[nodiscard]] std::size_t user_size() const { return stride_ * cpus_; }
  [[nodiscard]] bool contains(const void* address, std::size_t size) const;

  /// Sets the value of one CPU.
  void set(std::size_t index, std::uint32_t cpu, const std::byte* value) const {
    copy_to_slot(slot(index, cpu), value, value_size_);
  }
  /// Sets the value of `cpu` and zeroes those of the others.
  void set_only(std::size_t index, std::uint32_t cpu, const std::byte* value) const;
  void set_all(std::size_t index, std::span<const std::byte> values) const;
  void get_all(std::size_t index, std::span<std::byte> values) const;

 private:
  Memory memory_;
  std::size_t stride_ = 0, cpu_stride_ = 0;
  std::uint32_t value_size_ = 0, cpus_ = 0;
};

}  // namespace skep::maps
