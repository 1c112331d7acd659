// SPDX-License-Identifier: Apache-2.0
#include "maps/ringbuf.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstring>
#include <mutex>

#include "base/address.h"
#include "base/try.h"
#include "maps/check.h"
#include "maps/errors.h"
#include "maps/memory.h"
#include "maps/words.h"

namespace skep::maps {
namespace {

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}
/// Private page (holds the RingBufMap's address), consumer page, producer page.
constexpr std::size_t kPagesBeforeData = 3;
constexpr std::uint64_t kMaxRecord = 0xffffffffu / 4;
constexpr std::uint64_t kNoWakeup = 1, kForceWakeup = 2;

Error mapping_error(const MapSpec& spec, std::size_t bytes) {
  return creation_error(spec, Errc::kLimit, "needs " + std::to_string(bytes) + " bytes, which the system does not give",
                        "ENOMEM");
}

/// The data pages mapped twice in a row, after the pages for positions.
Result<std::span<std::byte>> map_twice(const MapSpec& spec) {
  const std::size_t before = kPagesBeforeData * page_size();
  const std::size_t data = spec.max_entries;
  const std::size_t total = before + 2 * data;
  const int file = memfd_create("skep-ringbuf", MFD_CLOEXEC);
  if (file < 0) return mapping_error(spec, total);
  void* base = MAP_FAILED;
  if (ftruncate(file, static_cast<off_t>(before + data)) == 0)
    base = mmap(nullptr, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  bool ok = base != MAP_FAILED;
  auto* bytes = static_cast<std::byte*>(base);
  const auto map_at = [&](std::size_t offset, std::size_t size, std::size_t file_offset) {
    return mmap(bytes + offset, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
                static_cast<off_t>(file_offset)) != MAP_FAILED;
  };
  ok = ok && map_at(0, before + data, 0) && map_at(before + data, data, before);
  close(file);
  if (ok) return std::span<std::byte>(bytes, total);
  if (base != MAP_FAILED) munmap(base, total);
  return mapping_error(spec, total);
}

std::atomic<std::uint32_t>& length_of(std::byte* header) { return object_at<std::atomic<std::uint32_t>>(header, 0); }

constexpr std::uint64_t record_bytes(std::uint32_t length) {
  return (std::uint64_t{length & ~(kRingBufBusy | kRingBufDiscard)} + sizeof(RingBufHeader) + 7) & ~std::uint64_t{7};
}

}  // namespace

Result<std::shared_ptr<Map>> RingBufMap::make(const MapSpec& spec, std::uint32_t /*cpus*/) {
  TRY_OK(check_creation(spec, {.key_size = {0, 0},
                               .value_size = {0, 0},
                               .max_entries = {1, 0xffffffff},
                               .allowed_flags = map_flags::kNumaNode}));
  if (!std::has_single_bit(spec.max_entries) || spec.max_entries % page_size() != 0)
    return creation_error(spec, Errc::kOutOfRange,
                          "max_entries is " + std::to_string(spec.max_entries) +
                              ", expected a power of two that is a multiple of the page size " +
                              std::to_string(page_size()),
                          "EINVAL");
  TRY(std::span<std::byte> memory, map_twice(spec));
  return std::shared_ptr<Map>(std::make_shared<RingBufMap>(spec, memory));
}

RingBufMap::RingBufMap(MapSpec spec, std::span<std::byte> memory)
    : Map(std::move(spec)), memory_(memory), mask_(spec_.max_entries - 1) {
  store_word(memory_.data(), address_of(this));
}

RingBufMap::~RingBufMap() { munmap(memory_.data(), memory_.size()); }

std::atomic<std::uint64_t>& RingBufMap::consumer_position() const {
  return object_at<std::atomic<std::uint64_t>>(memory_.data(), page_size());
}
std::atomic<std::uint64_t>& RingBufMap::producer_position() const {
  return object_at<std::atomic<std::uint64_t>>(memory_.data(), 2 * page_size());
}
std::byte* RingBufMap::data() const { return memory_.data() + kPagesBeforeData * page_size(); }
std::span<std::byte> RingBufMap::shared_memory() const { return memory_.subspan(page_size()); }

void RingBufMap::skip_complete(std::uint64_t producer) {
  while (pending_ < producer) {
    const std::uint32_t length = length_of(at(pending_)).load(std::memory_order_relaxed);
    if ((length & kRingBufBusy) != 0) return;
    pending_ += record_bytes(length);
  }
}

void* RingBufMap::reserve(std::uint64_t size) {
  if (size > kMaxRecord) return nullptr;
  const std::uint64_t bytes = record_bytes(static_cast<std::uint32_t>(size));
  if (bytes > mask_ + 1) return nullptr;
  const std::uint64_t consumed = consumer_position().load(std::memory_order_acquire);
  const std::lock_guard guard(lock_);
  const std::uint64_t begin = producer_position().load(std::memory_order_relaxed);
  const std::uint64_t end = begin + bytes;
  skip_complete(begin);
  // Neither what the consumer has not read nor the header of an incomplete record may be overwritten.
  if (end - consumed > mask_ || end - pending_ > mask_) return nullptr;
  std::byte* header = at(begin);
  const auto page = static_cast<std::uint32_t>(static_cast<std::size_t>(header - memory_.data()) / page_size());
  std::atomic_ref<std::uint32_t>(object_at<RingBufHeader>(header, 0).page).store(page, std::memory_order_relaxed);
  length_of(header).store(static_cast<std::uint32_t>(size) | kRingBufBusy, std::memory_order_relaxed);
  producer_position().store(end, std::memory_order_release);
  return header + sizeof(RingBufHeader);
}

void RingBufMap::commit(void* record, Outcome outcome, std::uint64_t flags) {
  std::byte* header = static_cast<std::byte*>(record) - sizeof(RingBufHeader);
  const std::uint32_t page = object_at<RingBufHeader>(header, 0).page;
  const std::uint64_t base = (address_of(header) & ~std::uint64_t{page_size() - 1}) - std::uint64_t{page} * page_size();
  const RingBufMap& map = *from_address<const RingBufMap>(load_word(from_address<std::byte>(base)));
  const std::uint32_t busy = length_of(header).load(std::memory_order_relaxed);
  const std::uint32_t discard = outcome == Outcome::kDiscard ? kRingBufDiscard : 0;
  length_of(header).exchange((busy & ~kRingBufBusy) | discard, std::memory_order_seq_cst);
  if (!map.wakeup_) return;
  // A consumer that had read everything before this record sleeps, or is about to.
  const std::uint64_t position = static_cast<std::uint64_t>(header - map.data()) & map.mask_;
  const std::uint64_t consumed = map.consumer_position().load(std::memory_order_seq_cst) & map.mask_;
  if ((flags & kForceWakeup) != 0 || (position == consumed && (flags & kNoWakeup) == 0)) map.wakeup_();
}

MapResult RingBufMap::output(const void* from, std::uint64_t size, std::uint64_t flags) {
  if ((flags & ~(kNoWakeup | kForceWakeup)) != 0) return kInvalid;
  void* record = reserve(size);
  if (record == nullptr) return -EAGAIN;
  std::memcpy(record, from, size);
  commit(record, Outcome::kSubmit, flags);
  return kOkResult;
}

std::uint64_t RingBufMap::query(std::uint64_t what) const {
  const std::uint64_t consumed = consumer_position().load(std::memory_order_acquire);
  const std::uint64_t produced = producer_position().load(std::memory_order_acquire);
  switch (what) {
    case 0:
      return produced - consumed;
    case 1:
      return mask_ + 1;
    case 2:
      return consumed;
    case 3:
      return produced;
    default:
      return 0;
  }
}

std::size_t RingBufMap::consume(const Consumer& consumer) {
  std::size_t count = 0;
  std::uint64_t position = consumer_position().load(std::memory_order_relaxed);
  while (position < producer_position().load(std::memory_order_acquire)) {
    std::byte* header = at(position);
    const std::uint32_t length = length_of(header).load(std::memory_order_acquire);
    if ((length & kRingBufBusy) != 0) break;
    if ((length & kRingBufDiscard) == 0) {
      consumer({header + sizeof(RingBufHeader), length});
      ++count;
    }
    position += record_bytes(length);
    consumer_position().store(position, std::memory_order_seq_cst);
  }
  return count;
}

std::size_t RingBufMap::size() const {
  std::size_t count = 0;
  const std::uint64_t end = producer_position().load(std::memory_order_acquire);
  for (std::uint64_t position = consumer_position().load(std::memory_order_acquire); position < end;) {
    const std::uint32_t length = length_of(at(position)).load(std::memory_order_acquire);
    if ((length & kRingBufBusy) != 0) break;
    if ((length & kRingBufDiscard) == 0) ++count;
    position += record_bytes(length);
  }
  return count;
}

bool RingBufMap::contains(const void* address, std::size_t size) const {
  const std::uint64_t begin = address_of(data());
  const std::uint64_t end = begin + 2 * (mask_ + 1);
  const std::uint64_t first = address_of(address);
  return first >= begin && first <= end && size <= end - first;
}

void* RingBufMap::lookup(const void* /*key*/, std::uint32_t /*cpu*/) { return nullptr; }
MapResult RingBufMap::update(const void* /*key*/, const void* /*value*/, std::uint64_t /*flags*/,
                             std::uint32_t /*cpu*/) {
  return kNotSupported;
}
MapResult RingBufMap::erase(const void* /*key*/) { return kNotSupported; }
MapResult RingBufMap::get(std::span<const std::byte> /*key*/, std::span<std::byte> /*value*/) { return kNotSupported; }
MapResult RingBufMap::put(std::span<const std::byte> /*key*/, std::span<const std::byte> /*value*/,
                          UpdateFlag /*flag*/) {
  return kNotSupported;
}
MapResult RingBufMap::next_key(std::span<const std::byte> /*key*/, std::span<std::byte> /*next*/) {
  return kNotSupported;
}

}  // namespace skep::maps
