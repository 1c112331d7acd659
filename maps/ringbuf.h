// SPDX-License-Identifier: Apache-2.0
// ringbuf: records of any size from many producers to one consumer, in the order of reservation. Memory is laid out as
// Linux lays it out for its consumers (a page with the consumer's position, one with the producer's, then the data
// twice, so that no record is split), each record behind a header of 8 bytes.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>

#include "maps/spin_lock.h"
#include "skep/map.h"

namespace skep::maps {

/// Before each record (UAPI: BPF_RINGBUF_HDR_SZ, BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT).
struct RingBufHeader {
  std::uint32_t length = 0;  ///< With kRingBufBusy and kRingBufDiscard.
  std::uint32_t page = 0;    ///< From the start of the ring's memory to the page of this header.
};
static_assert(sizeof(RingBufHeader) == 8);
inline constexpr std::uint32_t kRingBufBusy = 1u << 31, kRingBufDiscard = 1u << 30;

class RingBufMap final : public Map {
 public:
  static Result<std::shared_ptr<Map>> make(const MapSpec& spec, std::uint32_t cpus);
  RingBufMap(MapSpec spec, std::span<std::byte> memory);
  ~RingBufMap() override;

  // What the helpers call.
  /// Room for a record, or nullptr when there is not enough.
  void* reserve(std::uint64_t size);
  /// End of the reservation that gave `record`; any RingBufMap's.
  enum class Outcome : std::uint8_t { kSubmit, kDiscard };
  static void commit(void* record, Outcome outcome, std::uint64_t flags);
  MapResult output(const void* data, std::uint64_t size, std::uint64_t flags);
  [[nodiscard]] std::uint64_t query(std::uint64_t what) const;

  // What the embedder calls; one thread at a time.
  using Consumer = std::function<void(std::span<const std::byte> record)>;
  /// Hands over every record that is complete, in order, up to the first that is not; returns how many.
  std::size_t consume(const Consumer& consumer);
  /// Called (from the producer's thread) when a record was committed that a sleeping consumer should see. Set it before
  /// programs run.
  void set_wakeup(std::function<void()> wakeup) { wakeup_ = std::move(wakeup); }
  /// Consumer page, producer page, data, data again: for consumers written against Linux' layout.
  [[nodiscard]] std::span<std::byte> shared_memory() const;

  void* lookup(const void* key, std::uint32_t cpu) override;
  MapResult update(const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) override;
  MapResult erase(const void* key) override;
  MapResult get(std::span<const std::byte> key, std::span<std::byte> value) override;
  MapResult put(std::span<const std::byte> key, std::span<const std::byte> value, UpdateFlag flag) override;
  MapResult next_key(std::span<const std::byte> key, std::span<std::byte> next) override;
  /// Records that are complete and not yet consumed.
  [[nodiscard]] std::size_t size() const override;
  [[nodiscard]] bool contains(const void* address, std::size_t size) const override;

 private:
  [[nodiscard]] std::atomic<std::uint64_t>& consumer_position() const;
  [[nodiscard]] std::atomic<std::uint64_t>& producer_position() const;
  [[nodiscard]] std::byte* data() const;
  [[nodiscard]] std::byte* at(std::uint64_t position) const { return data() + (position & mask_); }
  /// Moves pending_ past records that are complete.
  void skip_complete(std::uint64_t producer);

  std::span<std::byte> memory_;  ///< From the private page on; owned.
  std::uint64_t mask_ = 0;
  SpinLock lock_;              ///< Of producers.
  std::uint64_t pending_ = 0;  ///< Oldest record that may still be incomplete. Under lock_.
  std::function<void()> wakeup_;
};

}  // namespace skep::maps
