// SPDX-License-Identifier: Apache-2.0
// DPDK's rte_bpf as a peer: its interpreter and JIT run what its validator would refuse (back edges), because the
// validator is left out; see peer_dpdk.cc.
#pragma once
#include <cstdint>
#include <memory>

#include "skep/program.h"
#include "skep/result.h"

struct rte_bpf;

namespace skep::bench {

struct DpdkDeleter {
  void operator()(rte_bpf* bpf) const;
};
using DpdkProgram = std::unique_ptr<rte_bpf, DpdkDeleter>;

/// Copies and JIT-compiles the program, whose r1 is a pointer to {data, data_end}.
Result<DpdkProgram> dpdk_load(const Program& program);

}  // namespace skep::bench
