// SPDX-License-Identifier: Apache-2.0
// queue and stack: values without keys, first or last in first out.
#pragma once
#include "maps/keyless.h"
#include "maps/memory.h"
#include "maps/spin_lock.h"

namespace skep::maps {

/// What both share: a ring of values.
class PushPopMap : public KeylessMap {
 public:
  PushPopMap(MapSpec spec, Memory values);

  /// Flags: kAny, or kExist, which makes room by dropping the oldest value. -E2BIG: full.
  MapResult push(const void* value, std::uint64_t flags) override;
  /// -ENOENT: empty; *value is then zeroed.
  MapResult pop(void* value) override { return take(value, Take::kRemove); }
  MapResult peek(void* value) override { return take(value, Take::kKeep); }

  [[nodiscard]] std::size_t size() const override;

 protected:
  static Result<Memory> make_values(const MapSpec& spec);
  /// Number, from the oldest on, of the value that pop takes. Precondition: count > 0.
  [[nodiscard]] virtual std::uint32_t next_of(std::uint32_t count) const = 0;

 private:
  enum class Take : std::uint8_t { kRemove, kKeep };
  MapResult take(void* value, Take how);
  [[nodiscard]] std::byte* slot(std::uint64_t number) const;

  Memory values_;
  std::size_t stride_ = 0;
  mutable SpinLock lock_;
  std::uint64_t oldest_ = 0;  ///< Under lock_.
  std::uint32_t count_ = 0;   ///< Under lock_.
};

class QueueMap final : public PushPopMap {
 public:
  using PushPopMap::PushPopMap;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);

 private:
  [[nodiscard]] std::uint32_t next_of(std::uint32_t /*count*/) const override { return 0; }
};

class StackMap final : public PushPopMap {
 public:
  using PushPopMap::PushPopMap;
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);

 private:
  [[nodiscard]] std::uint32_t next_of(std::uint32_t count) const override { return count - 1; }
};

}  // namespace skep::maps
