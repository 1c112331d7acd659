// SPDX-License-Identifier: Apache-2.0
// Runs a program on packets, or on a made-up context. Between runs nothing is allocated; time is that of the program's
// run alone, without the making of its context.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hooks/frame.h"
#include "hooks/packet.h"
#include "skep/vm.h"

namespace skep::hooks {

/// What one run did. A view: valid during the call of the sink.
struct RunOutcome {
  std::uint64_t packet = 0;      ///< From 1.
  std::uint64_t repetition = 0;  ///< From 0.
  RunResult result{};
  std::uint64_t nanoseconds = 0;
  const Packet* in = nullptr;        ///< nullptr: the run had no packet.
  std::span<const std::byte> out{};  ///< The packet after the run, or the context.
  std::uint32_t redirect_ifindex = 0;
  const SkbContext* skb = nullptr;  ///< nullptr: the program has another context.
};
/// Called after every run, outside of the measured time. An Error ends the loop.
using RunSink = std::function<Status(const RunOutcome&)>;

struct RunPacketsOptions {
  RunOptions run{};
  ContextOptions context{};
  std::uint64_t repeat = 1;  ///< Runs for each packet, each on the packet as it was captured.
  /// UAPI context (struct xdp_md, struct __sk_buff): its settable fields go into every packet's context. Shorter than
  /// the structure: the rest is left as it would be.
  std::span<const std::byte> uapi_context{};
};
struct RunTotals {
  std::uint64_t packets = 0;
  std::uint64_t runs = 0;
  std::uint64_t nanoseconds = 0;
};

/// Whether run_packets can make this type's context.
bool takes_packets(ProgramType type);
/// Where a program of this type sees its packet begin. Precondition: its context is a SkBuff.
SkbStart skb_start(ProgramType type);

/// Error: the program's type takes no packets, the source fails, or the sink does.
Result<RunTotals> run_packets(const Image& image, PacketSource& source, const RunPacketsOptions& options,
                              const RunSink& sink);

/// Runs the program on a context that is the same bytes for program and kernel (tracepoint, kprobe, syscall...), each
/// time from a fresh copy. A context shorter than what the verifier lets such a program read is followed by zeros.
/// Error: the type's context is not of that kind, or the bytes are more than such a context has.
Result<RunTotals> run_context(const Image& image, std::span<const std::byte> context, const RunPacketsOptions& options,
                              const RunSink& sink);

/// Runs bytecode that has no program type: r1 is the memory's address, r2 its size. `options.run.checked` protects
/// everything else.
Result<RunTotals> run_memory(const Image& image, std::span<const std::byte> memory, const RunPacketsOptions& options,
                             const RunSink& sink);

}  // namespace skep::hooks
