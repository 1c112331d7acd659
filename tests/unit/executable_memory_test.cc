// SPDX-License-Identifier: Apache-2.0
// What the pages of native code allow at each time of their lives, by the kernel's word.
#include "jit/executable_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/address.h"

namespace skep::jit {
namespace {

constexpr std::size_t kPage = 4096;

/// "rw-p", "r-xp", ...; "": nothing is mapped there.
std::string permissions(std::uint64_t address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream in(line);
    std::uint64_t begin = 0, end = 0;
    char dash = 0;
    std::string allowed;
    in >> std::hex >> begin >> dash >> end >> allowed;
    if (address >= begin && address < end) return allowed;
  }
  return "";
}

ExecutableMemory reserved(std::size_t size, std::uint64_t near = 0) {
  auto memory = ExecutableMemory::reserve(size, near);
  EXPECT_TRUE(memory.has_value());
  return std::move(memory).value();
}
void seal(ExecutableMemory& memory, std::size_t size, std::byte with) {
  EXPECT_TRUE(memory.seal(std::vector<std::byte>(size, with)).has_value());
}
std::span<const std::byte> all(const ExecutableMemory& memory, std::size_t size) {
  return {from_address<const std::byte>(memory.address()), size};
}

TEST(ExecutableMemory, IsWritableThenExecutableAndAfterwardsNeitherOfTheSame) {
  for (const std::size_t size : {std::size_t{1}, kPage, kPage + 1, 16 * kPage, 64 * kPage}) {
    SCOPED_TRACE(size);
    std::uint64_t address = 0;
    {
      ExecutableMemory memory = reserved(size);
      address = memory.address();
      EXPECT_EQ(permissions(address), "rw-p");
      seal(memory, size, std::byte{0xcc});
      EXPECT_EQ(permissions(address), "r-xp");
      EXPECT_EQ(permissions(address + size - 1), "r-xp");
    }
    EXPECT_EQ(permissions(address).find('x'), std::string::npos);
  }
}

TEST(ExecutableMemory, ReusedMemoryIsZero) {
  for (int round = 0; round < 20; ++round) {
    ExecutableMemory memory = reserved(2 * kPage);
    EXPECT_TRUE(std::ranges::all_of(all(memory, 2 * kPage), [](std::byte byte) { return byte == std::byte{0}; }));
    // Every other one is shorter than what it reserved, or never sealed.
    if (round % 3 != 0) seal(memory, round % 3 == 1 ? 2 * kPage : 100, std::byte{0x90});
  }
}

TEST(ExecutableMemory, OthersComingAndGoingLeaveLivingOnesAlone) {
  std::vector<std::optional<ExecutableMemory>> living(12);
  const auto fill = [&](std::size_t i) {
    living[i] = reserved((i % 3 + 1) * kPage);
    seal(*living[i], kPage, static_cast<std::byte>(i));
  };
  for (std::size_t i = 0; i < living.size(); ++i) fill(i);
  for (std::size_t round = 0; round < 100; ++round) {
    const std::size_t goes = round * 7 % living.size();
    living[goes].reset();
    if (round % 2 == 0) living[(goes + 5) % living.size()].reset();
    fill(goes);
    if (round % 2 == 0) fill((goes + 5) % living.size());
    for (std::size_t i = 0; i < living.size(); ++i) {
      EXPECT_EQ(permissions(living[i]->address()), "r-xp");
      EXPECT_TRUE(std::ranges::all_of(living[i]->bytes(), [&](std::byte byte) { return byte == std::byte(i); }));
    }
  }
}

TEST(ExecutableMemory, ReusedMemoryLiesWhereItIsAskedFor) {
  const std::uint64_t here = address_of(&permissions);
  const std::uint64_t far = here ^ (std::uint64_t{1} << 40);
  const auto distance = [](std::uint64_t a, std::uint64_t b) { return std::max(a, b) - std::min(a, b); };
  std::uint64_t first = 0;
  {
    const ExecutableMemory memory = reserved(kPage, here);
    first = memory.address();
  }
  const ExecutableMemory elsewhere = reserved(kPage, far);
  EXPECT_NE(elsewhere.address(), first);
  const ExecutableMemory again = reserved(kPage, here);
  EXPECT_EQ(distance(again.address(), here) < std::uint64_t{1} << 31, distance(first, here) < std::uint64_t{1} << 31);
}

}  // namespace
}  // namespace skep::jit
