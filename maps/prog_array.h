// SPDX-License-Identifier: Apache-2.0
// prog_array: programs to continue at. A slot holds one word, the address of a TailTarget, read by running programs
// without a lock. The map owns no target: whoever sets one (the Vm) keeps it alive until no run that could have read
// it is left, because a target owns an image, which owns its maps, which would own the target again.
#pragma once
#include <atomic>
#include <vector>

#include "base/address.h"
#include "skep/env.h"
#include "skep/map.h"

namespace skep {

class ProgArrayMap final : public Map {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  /// Precondition: the spec was checked (4-byte key and value, at least one entry).
  explicit ProgArrayMap(MapSpec spec);

  /// What runs call. nullptr: no program there, or `index` is out of range.
  [[nodiscard]] const TailTarget* target(std::uint64_t index) const {
    return index < slots_.size() ? slots_[index].load(std::memory_order_seq_cst) : nullptr;
  }
  /// 0, or -E2BIG beyond the end. `target` outlives every run that may read it; nullptr empties the slot.
  MapResult set(std::uint32_t index, const TailTarget* target);
  /// Whether some slot holds `target`.
  [[nodiscard]] bool holds(const TailTarget* target) const;

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  [[nodiscard]] std::size_t size() const override { return slots_.size(); }
  [[nodiscard]] std::byte* elements() override { return from_address<std::byte>(address_of(slots_.data())); }

 private:
  std::vector<std::atomic<const TailTarget*>> slots_;
};

}  // namespace skep
