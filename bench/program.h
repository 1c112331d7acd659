// SPDX-License-Identifier: Apache-2.0
// One benchmark program in all the forms that the peers take, as scripts/bench.sh compiled it, and the input that all
// run on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "skep/object.h"
#include "skep/result.h"

namespace skep::bench {

/// r0 of the program on the input; `nullptr` in `Forms` where that form was not built.
using NativeFn = std::uint64_t (*)(const std::byte* data, std::uint64_t size);

struct Forms {
  std::string name;
  Program xdp;                   ///< r1 = struct xdp_md*: skep and the kernel.
  Program dpdk;                  ///< r1 = {data, data_end}: rte_bpf.
  NativeFn native = nullptr;     ///< clang -O2 without vectorising: the reference.
  NativeFn native_o2 = nullptr;  ///< clang -O2.
};

/// Reads NAME.xdp.o, NAME.dpdk.o and NAME.so of every program in `folder`, sorted by name.
Result<std::vector<Forms>> read_programs(const std::filesystem::path& folder);

/// 2,048 bytes: an Ethernet/IPv4/TCP packet whose first 256 bytes stand again behind them, then noise. Always the same.
std::vector<std::byte> make_input();

}  // namespace skep::bench
