// SPDX-License-Identifier: Apache-2.0
#include "maps/percpu_values.h"

#include "base/try.h"

namespace skep::maps {

Result<PerCpuValues> PerCpuValues::make(std::size_t count, std::uint32_t value_size, std::uint32_t cpus) {
  PerCpuValues values;
  values.stride_ = round_up(value_size, 8);
  values.cpu_stride_ = round_up(count * values.stride_, 64);
  values.value_size_ = value_size;
  values.cpus_ = cpus;
  TRY(values.memory_, Memory::allocate(values.cpu_stride_ * cpus));
  return values;
}

bool PerCpuValues::contains(const void* address, std::size_t size) const {
  const std::uint64_t begin = address_of(memory_.data());
  const std::uint64_t at = address_of(address);
  if (at < begin || at >= begin + memory_.size()) return false;
  const std::uint64_t inside = (at - begin) % cpu_stride_ % stride_;
  return inside <= value_size_ && size <= value_size_ - inside;
}

void PerCpuValues::set_only(std::size_t index, std::uint32_t cpu, const std::byte* value) const {
  for (std::uint32_t other = 0; other < cpus_; ++other) {
    if (other == cpu) {
      set(index, other, value);
    } else {
      zero_slot(slot(index, other), stride_);
    }
  }
}

void PerCpuValues::set_all(std::size_t index, std::span<const std::byte> values) const {
  for (std::uint32_t cpu = 0; cpu < cpus_; ++cpu)
    copy_to_slot(slot(index, cpu), values.data() + cpu * stride_, stride_);
}

void PerCpuValues::get_all(std::size_t index, std::span<std::byte> values) const {
  for (std::uint32_t cpu = 0; cpu < cpus_; ++cpu)
    copy_from_slot(values.data() + cpu * stride_, slot(index, cpu), stride_);
}

}  // namespace skep::maps
