// SPDX-License-Identifier: Apache-2.0
// The memory that a program may touch: every access goes through here. Test-only, as reference.h says.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "skep/program_type.h"
#include "tests/reference/reference.h"

namespace skep::reference {

class Memory {
 public:
  Memory(std::span<std::byte> context, ContextKind kind, std::span<const Region> regions);

  /// The program may touch these bytes from now on.
  void allow(std::uint64_t address, std::uint64_t size);
  /// The frames in use; the others are out of bounds.
  void set_frames(std::uint32_t count) { frames_ = count; }
  /// r10 of frame `index`.
  [[nodiscard]] std::uint64_t frame_end(std::uint32_t index) const;

  /// nullopt: out of bounds.
  [[nodiscard]] std::optional<std::uint64_t> load(std::uint64_t address, std::uint32_t size) const;
  /// false: out of bounds.
  [[nodiscard]] bool store(std::uint64_t address, std::uint32_t size, std::uint64_t value);
  /// `size` bytes, big-endian, of the packet that the skb at `context` has, at `offset` as LD_ABS counts; nullopt: not
  /// within the packet.
  [[nodiscard]] std::optional<std::uint64_t> load_packet(std::uint64_t context, std::int64_t offset, std::uint32_t size,
                                                         ProgramType type) const;

 private:
  enum class Access : std::uint8_t { kRead, kWrite };
  struct Range {
    std::uint64_t start = 0, end = 0;
    bool writable = true;
    [[nodiscard]] bool contains(std::uint64_t address, std::uint32_t size) const {
      return address >= start && address <= end && end - address >= size;
    }
  };
  [[nodiscard]] bool may_touch(std::uint64_t address, std::uint32_t size, Access access) const;
  [[nodiscard]] bool in_context(std::uint64_t address) const;
  [[nodiscard]] std::optional<std::uint64_t> load_field(std::uint64_t offset, std::uint32_t size) const;
  [[nodiscard]] bool store_field(std::uint64_t offset, std::uint32_t size, std::uint64_t value);
  [[nodiscard]] Range packet() const;

  alignas(16) std::array<std::byte, std::size_t{kFrames} * kFrameBytes> stack_{};
  std::uint32_t frames_ = 1;
  std::span<std::byte> context_;
  ContextKind kind_{};
  std::vector<Range> ranges_;
};

}  // namespace skep::reference
