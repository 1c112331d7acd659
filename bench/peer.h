// SPDX-License-Identifier: Apache-2.0
// A peer is something that runs a benchmark program on the input and can be timed doing it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/program.h"
#include "skep/result.h"

namespace skep::bench {

/// The timing loop is the peer's own, so that nothing but the peer's entry stands between two runs.
struct Prepared {
  /// Runs `count` times; returns the low 32 bits of the last r0 (all that the kernel returns of an XDP program).
  std::function<std::uint32_t(std::uint64_t count)> loop;
  /// For a peer that times itself (BPF_PROG_TEST_RUN): total nanoseconds of `count` runs. Empty: the caller's clock is
  /// right.
  std::function<double(std::uint64_t count)> timed;
};

struct Peer {
  std::string name;
  /// Error: why this peer cannot run the program.
  std::function<Result<Prepared>(const Forms&, std::span<std::byte> input)> prepare;
  bool entry_only = false;  ///< Measured only where the entry into a program is what counts (measures_entry).
};

std::vector<Peer> native_peers();
std::vector<Peer> skep_peers();
std::vector<Peer> dpdk_peers();
std::vector<Peer> kernel_peers();

}  // namespace skep::bench
