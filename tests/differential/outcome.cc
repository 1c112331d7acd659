// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/outcome.h"

#include <gtest/gtest.h>

#include <cstring>
#include <span>

#include "base/address.h"
#include "skep/context.h"
#include "skep/isa.h"
#include "tests/differential/random.h"
#include "tests/reference/reference.h"

namespace skep::differential {
namespace {

constexpr std::uint64_t kBoundaries[] = {0,          1,          0xff,  0x7fffffff, 0x80000000,
                                         0xffffffff, 1ull << 63, ~0ull, ~0ull << 32};

std::uint64_t mix(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3, std::uint64_t r4, std::uint64_t r5, Env&) {
  return ((((r1 * 31 + r2) * 31 + r3) * 31 + r4) * 31 + r5) ^ 0x5bd1e995;
}

/// The packet is the memory.
XdpContext xdp_context(Outcome& outcome) {
  XdpContext context;
  context.data = context.data_meta = context.frame_start = address_of(outcome.memory.data());
  context.data_end = context.frame_end = context.data + kContextBytes;
  return context;
}
std::span<std::byte> bytes_of(XdpContext& context) { return std::as_writable_bytes(std::span(&context, 1)); }

}  // namespace

const Platform& platform() {
  static const Platform with_helpers = [] {
    using enum ArgKind;
    return Platform::linux_like()
        .with_helper({.id = kMixHelper,
                      .name = "mix",
                      .returns = RetKind::Integer,
                      .args = {Anything, Anything, Anything, Anything, Anything},
                      .available = kAllTypes},
                     mix)
        .value();
  }();
  return with_helpers;
}

std::string text(const Outcome& outcome) {
  std::string out = "r0=" + std::to_string(outcome.result.r0) +
                    " trap=" + std::to_string(static_cast<int>(outcome.result.trap)) +
                    " at=" + std::to_string(outcome.result.at) + " memory=";
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const std::byte byte : outcome.memory) {
    out += kDigits[std::to_integer<unsigned>(byte) >> 4];
    out += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return out;
}

Outcome fresh(std::uint64_t seed) {
  Outcome outcome;
  Random random(seed + 0x5eed);
  for (std::size_t at = 0; at < outcome.memory.size(); at += sizeof(std::uint64_t)) {
    constexpr std::array kSpare = {0, 0, 8, 31, 32, 48};
    std::uint64_t word = random.of(kBoundaries);
    if (random.chance(70)) word = random.next();
    word >>= random.of(kSpare);
    std::memcpy(&outcome.memory[at], &word, sizeof(word));
  }
  return outcome;
}

Outcome run_reference(const Program& program, std::uint64_t seed) {
  Outcome outcome = fresh(seed);
  reference::Options options;
  options.budget = 1'000'000;
  options.helper = [](std::int32_t id) -> HelperFn { return id == kMixHelper ? mix : nullptr; };
  if (program.type != ProgramType::kXdp) {
    outcome.result = reference::run(program, outcome.memory, options);
    return outcome;
  }
  options.context = ContextKind::kXdp;
  const Region memory{.bytes = outcome.memory, .writable = true};
  options.regions = std::span(&memory, 1);
  options.maps = options.map_values = {address_of(outcome.memory.data())};
  XdpContext context = xdp_context(outcome);
  outcome.result = reference::run(program, bytes_of(context), options);
  return outcome;
}

Outcome run(Vm& vm, const VerifiedProgram& program, std::uint64_t seed, const RunOptions& options) {
  Outcome outcome = fresh(seed);
  const Result<Image> image = vm.load(program);
  if (!image) {
    ADD_FAILURE() << "seed " << seed << ": " << image.error().message;
    return outcome;
  }
  const Program& what = program.program();
  if (what.type != ProgramType::kXdp) {
    outcome.result = image->run(outcome.memory, options);
    return outcome;
  }
  XdpContext context = xdp_context(outcome);
  if (what.maps.empty()) {
    outcome.result = image->run(bytes_of(context), options);
    return outcome;
  }
  std::byte* value = vm.find_map(what.maps.front()->name)->direct_value();
  std::memcpy(value, outcome.memory.data(), kContextBytes);
  outcome.result = image->run(bytes_of(context), options);
  std::memcpy(outcome.memory.data(), value, kContextBytes);
  return outcome;
}

}  // namespace skep::differential
