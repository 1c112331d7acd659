// SPDX-License-Identifier: Apache-2.0
#include "hooks/run_packets.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <type_traits>

#include "base/try.h"

namespace skep::hooks {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t elapsed_ns(Clock::time_point from, Clock::time_point to) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count());
}

/// What asking the clock twice costs, so that it is not taken for the program's time.
std::uint64_t clock_cost_ns() {
  constexpr int kTries = 1000;
  std::uint64_t best = ~std::uint64_t{0};
  for (int i = 0; i < kTries; ++i) {
    const auto before = Clock::now();
    best = std::min(best, elapsed_ns(before, Clock::now()));
  }
  return best;
}

template <class T>
std::span<std::byte> bytes_of(T& object) {
  return std::as_writable_bytes(std::span(&object, 1));
}

/// Settable: a field that tells the program something about the packet's surroundings, not where the packet is or what
/// is in it.
template <class T>
void set_field(T& member, std::uint32_t offset, std::uint32_t size, std::span<const std::byte> uapi) {
  if (offset + size > uapi.size()) return;
  std::uint64_t value = 0;
  std::memcpy(&value, uapi.data() + offset, size);
  if (value != 0) member = static_cast<T>(value);
}
void apply_uapi(std::span<const std::byte> uapi, XdpContext& context) {
  set_field(context.ingress_ifindex, 12, 4, uapi);
  set_field(context.rx_queue_index, 16, 4, uapi);
  set_field(context.egress_ifindex, 20, 4, uapi);
}
/// Offsets: struct __sk_buff in linux/bpf.h.
void apply_uapi(std::span<const std::byte> uapi, SkbContext& context) {
  set_field(context.pkt_type, 4, 4, uapi);
  set_field(context.mark, 8, 4, uapi);
  set_field(context.queue_mapping, 12, 4, uapi);
  set_field(context.priority, 32, 4, uapi);
  set_field(context.ingress_ifindex, 36, 4, uapi);
  set_field(context.ifindex, 40, 4, uapi);
  set_field(context.tc_index, 44, 4, uapi);
  for (std::uint32_t i = 0; i < std::extent_v<decltype(context.cb)>; ++i) set_field(context.cb[i], 48 + 4 * i, 4, uapi);
  set_field(context.hash, 68, 4, uapi);
  set_field(context.tc_classid, 72, 4, uapi);
  set_field(context.napi_id, 84, 4, uapi);
  set_field(context.tstamp, 152, 8, uapi);
  set_field(context.gso_segs, 164, 4, uapi);
  set_field(context.gso_size, 176, 4, uapi);
  set_field(context.hwtstamp, 184, 8, uapi);
}

/// The part that all loops share: run, measure, count.
class Runner {
 public:
  Runner(const Image& image, const RunPacketsOptions& options)
      : image_(image), options_(options), clock_cost_(clock_cost_ns()) {}

  template <class Context>
  RunOutcome run(Context& context, std::span<std::byte> memory) {
    return run_bytes(bytes_of(context), memory);
  }
  RunOutcome run_bytes(std::span<std::byte> context, std::span<std::byte> memory) {
    RunOptions run = options_.run;
    const Region region{memory, true};
    if (run.checked) run.regions = {&region, 1};
    const auto before = Clock::now();
    const RunResult result = image_.run(context, run);
    const std::uint64_t measured = elapsed_ns(before, Clock::now());
    const std::uint64_t spent = measured > clock_cost_ ? measured - clock_cost_ : 0;
    ++totals_.runs;
    totals_.nanoseconds += spent;
    return {.packet = totals_.packets, .repetition = 0, .result = result, .nanoseconds = spent};
  }
  void count_packet() { ++totals_.packets; }
  [[nodiscard]] const RunTotals& totals() const { return totals_; }

 private:
  const Image& image_;
  const RunPacketsOptions& options_;
  std::uint64_t clock_cost_ = 0;
  RunTotals totals_;
};

/// Packets through one kind of context.
class PacketLoop {
 public:
  PacketLoop(const Image& image, const RunPacketsOptions& options, const RunSink& sink)
      : type_(image.program().type), options_(options), sink_(sink), runner_(image, options) {}

  Result<RunTotals> run(PacketSource& source) {
    const bool xdp = info(type_).context == ContextKind::kXdp;
    for (;;) {
      TRY(const std::optional<Packet> packet, source.next());
      if (!packet) return runner_.totals();
      runner_.count_packet();
      for (std::uint64_t i = 0; i < options_.repeat; ++i) TRY_OK(xdp ? run_xdp(*packet, i) : run_skb(*packet, i));
    }
  }

 private:
  Status run_xdp(const Packet& packet, std::uint64_t repetition) {
    XdpContext context = make_xdp_context(frame_, packet, options_.context);
    apply_uapi(options_.uapi_context, context);
    RunOutcome outcome = runner_.run(context, frame_.memory());
    outcome.redirect_ifindex = context.redirect_ifindex;
    outcome.out = packet_after(context);
    return report(outcome, packet, repetition);
  }
  Status run_skb(const Packet& packet, std::uint64_t repetition) {
    const SkbStart start = skb_start(type_);
    SkbContext context = make_skb_context(frame_, packet, start, options_.context);
    apply_uapi(options_.uapi_context, context);
    RunOutcome outcome = runner_.run(context, frame_.memory());
    outcome.redirect_ifindex = context.redirect_ifindex;
    outcome.out = packet_after(context, start, room_);
    outcome.skb = &context;
    return report(outcome, packet, repetition);
  }
  Status report(RunOutcome& outcome, const Packet& packet, std::uint64_t repetition) {
    outcome.in = &packet;
    outcome.repetition = repetition;
    return sink_(outcome);
  }

  ProgramType type_;
  const RunPacketsOptions& options_;
  const RunSink& sink_;
  Runner runner_;
  Frame frame_;
  std::vector<std::byte> room_;
};

Result<RunTotals> run_bytes(const Image& image, std::span<const std::byte> bytes, std::size_t size,
                            const RunPacketsOptions& options, const RunSink& sink) {
  Runner runner(image, options);
  std::vector<std::byte> memory(size);
  runner.count_packet();
  for (std::uint64_t i = 0; i < options.repeat; ++i) {
    std::copy(bytes.begin(), bytes.end(), memory.begin());
    std::fill(memory.begin() + static_cast<std::ptrdiff_t>(bytes.size()), memory.end(), std::byte{0});
    RunOutcome outcome = runner.run_bytes(memory, memory);
    outcome.repetition = i;
    outcome.out = std::span<const std::byte>(memory).first(bytes.size());
    TRY_OK(sink(outcome));
  }
  return runner.totals();
}

/// Bytes of its context that a program of this kind may read.
constexpr std::uint32_t visible_bytes(ContextKind kind) {
  switch (kind) {
#define CONTEXT(name, uapi, runtime, bytes) \
  case ContextKind::k##name:                \
    return bytes;
#include "skep/tables/contexts.def"
  }
  return 0;
}

}  // namespace

bool takes_packets(ProgramType type) {
  const ContextKind kind = info(type).context;
  return kind == ContextKind::kXdp || kind == ContextKind::kSkBuff;
}

SkbStart skb_start(ProgramType type) {
  // tc and packet sockets lie below the network layer; the others are called from within it.
  constexpr ProgramTypeSet kLinkLayer = kTcTypes | set_of(ProgramType::kSocketFilter, ProgramType::kFlowDissector);
  return contains(kLinkLayer, type) ? SkbStart::kEthernetHeader : SkbStart::kNetworkHeader;
}

Result<RunTotals> run_packets(const Image& image, PacketSource& source, const RunPacketsOptions& options,
                              const RunSink& sink) {
  const ProgramType type = image.program().type;
  if (!takes_packets(type))
    return Error{Errc::kInvalid, "program " + image.program().name + " is of type " + std::string(info(type).name) +
                                     ", which runs on no packet; give it a context of raw bytes"};
  return PacketLoop(image, options, sink).run(source);
}

Result<RunTotals> run_context(const Image& image, std::span<const std::byte> context, const RunPacketsOptions& options,
                              const RunSink& sink) {
  const ProgramType type = image.program().type;
  const std::string who = "program " + image.program().name + " of type " + std::string(info(type).name);
  if (takes_packets(type)) return Error{Errc::kInvalid, who + " runs on packets; give it one"};
  const std::uint32_t visible = visible_bytes(info(type).context);
  if (context.size() > visible)
    return Error{Errc::kOutOfRange, "the context has " + std::to_string(context.size()) + " bytes; " + who +
                                        " can see at most " + std::to_string(visible)};
  return run_bytes(image, context, visible, options, sink);
}

Result<RunTotals> run_memory(const Image& image, std::span<const std::byte> memory, const RunPacketsOptions& options,
                             const RunSink& sink) {
  return run_bytes(image, memory, memory.size(), options, sink);
}

}  // namespace skep::hooks
