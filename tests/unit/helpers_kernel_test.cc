// SPDX-License-Identifier: Apache-2.0
// Helpers beside the running kernel's: the same small program on the same packet, through BPF_PROG_TEST_RUN and through
// the interpreter, must give the same result, packet and map contents. Skipped where bpf(2) does not work.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "base/address.h"
#include "hooks/frame.h"
#include "kernel/bpf.h"
#include "map_samples.h"
#include "skep/isa.h"
#include "skep/vm.h"

namespace skep::testing {
namespace {

constexpr std::uint32_t kOutBytes = 256;

struct Outcome {
  std::uint32_t result = 0;
  Bytes packet, out;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const std::byte b : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[std::to_integer<std::size_t>(b >> 4)];
    text += kDigits[std::to_integer<std::size_t>(b & std::byte{15})];
  }
  return text;
}
void PrintTo(const Outcome& outcome, std::ostream* to) {
  *to << "result " << static_cast<std::int32_t>(outcome.result) << " packet " << hex(outcome.packet) << " out "
      << hex(outcome.out);
}

/// What a test runs: `text` is assembly, map 0 an array of one value of kOutBytes for results, map 1 a frozen string.
struct Job {
  ProgramType type = ProgramType::kXdp;
  std::string text;
  Bytes packet = Bytes(64, std::byte{0});
  std::string constant = " ";
  /// Where `out` receives kFields of the context at the end; -1: nowhere. The kernel's program reads them itself; of
  /// skep, the run-time context is read, as accesses are rewritten for verified programs only.
  int fields_at = -1;
};
/// Offsets in struct __sk_buff: len, pkt_type, protocol, vlan_present, vlan_tci, vlan_proto.
constexpr std::array kFields = {0, 4, 16, 20, 24, 28};
const std::string kEnd = "r0 = 0\nexit\n";

enum class Fields : std::uint8_t { kRead, kLeave };
std::string text_of(const Job& job, Fields fields) {
  if (job.fields_at < 0) return job.text;
  std::string text = job.text;
  if (fields == Fields::kRead) {
    text += "r7 = map[idx:0][0]+" + std::to_string(job.fields_at) + "\n";
    int at = 0;
    for (const int field : kFields) {
      text += "r1 = *(u32 *)(r6 + " + std::to_string(field) + ")\n*(u32 *)(r7 + " + std::to_string(at) + ") = r1\n";
      at += 4;
    }
  }
  return text + kEnd;
}

Program program_of(const Job& job, Fields fields) {
  Program program;
  program.name = "helper";
  program.type = job.type;
  program.license = "GPL";
  auto insns = isa::assemble(text_of(job, fields), isa::Syntax::kC);
  EXPECT_TRUE(insns.has_value()) << insns.error().message << "\n" << job.text;
  if (!insns.has_value()) return program;
  program.insns = *insns;
  program.functions = {{.first = 0, .name = "helper", .btf_type_id = 0, .global = false}};
  MapSpec out = sample_spec(MapType::kArray);
  out.name = "out";
  out.value_size = kOutBytes;
  out.max_entries = 1;
  MapSpec constant = out;
  constant.name = "constant";
  constant.value_size = static_cast<std::uint32_t>(job.constant.size() + 1);
  constant.flags = map_flags::kReadOnlyProgram;
  constant.initial.resize(constant.value_size);
  std::memcpy(constant.initial.data(), job.constant.data(), job.constant.size());
  constant.frozen = true;
  program.maps = {std::make_shared<const MapSpec>(out), std::make_shared<const MapSpec>(constant)};
  return program;
}

Outcome run_kernel(const Job& job) {
  Outcome outcome;
  const auto loaded = kernel::load(program_of(job, Fields::kRead));
  EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
  if (!loaded.has_value()) return outcome;
  EXPECT_TRUE(loaded->accepted()) << job.text << "\n" << loaded->log;
  if (!loaded->accepted()) return outcome;
  auto run = kernel::test_run(loaded->program, {.data = job.packet, .context = {}, .repeat = 1});
  EXPECT_TRUE(run.has_value()) << run.error().message;
  if (!run.has_value()) return outcome;
  outcome = {.result = run->retval, .packet = std::move(run->data_out), .out = Bytes(kOutBytes)};
  EXPECT_EQ(kernel::map_lookup(loaded->maps[0], bytes_of(0u), outcome.out), 0);
  return outcome;
}

Outcome run_skep(const Job& job) {
  Outcome outcome{.result = 0, .packet = {}, .out = Bytes(kOutBytes)};
  Vm vm(Platform::linux_like(), {.engine = Engine::kInterpreter, .cpus = 1, .host = nullptr});
  auto image = vm.load(VerifiedProgram::trust_without_verification(program_of(job, Fields::kLeave)));
  EXPECT_TRUE(image.has_value()) << image.error().message;
  if (!image.has_value()) return outcome;
  hooks::Frame frame;
  const hooks::Packet packet{
      .bytes = job.packet, .wire_length = static_cast<std::uint32_t>(job.packet.size()), .time_ns = 0};
  const auto run = [&](auto context) {
    const RunResult result = image->run(std::as_writable_bytes(std::span(&context, 1)));
    EXPECT_EQ(result.trap, Trap::kNone);
    outcome.result = static_cast<std::uint32_t>(result.r0);
    const auto* begin = from_address<const std::byte>(context.data);
    outcome.packet.assign(begin, begin + (context.data_end - context.data));
    return context;
  };
  std::vector<std::uint32_t> fields;
  if (job.type == ProgramType::kXdp) {
    const XdpContext xdp = run(hooks::make_xdp_context(frame, packet, {}));
    // The kernel gives metadata and packet.
    const auto* meta = from_address<const std::byte>(xdp.data_meta);
    outcome.packet.insert(outcome.packet.begin(), meta, meta + (xdp.data - xdp.data_meta));
  } else {
    const SkbContext skb =
        run(hooks::make_skb_context(frame, packet, hooks::SkbStart::kEthernetHeader,
                                    {.ifindex = 1, .rx_queue = 0, .vlan = hooks::VlanTag::kInFrame}));
    fields = {skb.len, skb.pkt_type, skb.protocol, skb.vlan_present, skb.vlan_tci, skb.vlan_proto};
  }
  if (const auto map = vm.find_map("out"); map != nullptr) {
    EXPECT_EQ(map->get(bytes_of(0u), outcome.out), 0);
  }
  if (job.fields_at >= 0) std::memcpy(outcome.out.data() + job.fields_at, fields.data(), kFields.size() * 4);
  return outcome;
}

void expect_same(const Job& job) {
  const Outcome theirs = run_kernel(job);
  if (::testing::Test::HasFailure()) return;
  EXPECT_EQ(run_skep(job), theirs) << job.text;
}

#define SKIP_WITHOUT_BPF() \
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << "bpf(2) does not work here: " << *why

/// A call whose arguments after the context (kept in r6) are constants; its result is stored to `out` at `slot`.
std::string call(int helper, const std::vector<long>& arguments, int slot) {
  std::string text = "r1 = r6\n";
  for (std::size_t i = 0; i < arguments.size(); ++i)
    text += "r" + std::to_string(i + 2) + " = " + std::to_string(arguments[i]) + "\n";
  text += "call " + std::to_string(helper) + "\nr1 = map[idx:0][0]+" + std::to_string(slot * 8) +
          "\n*(u64 *)(r1 + 0) = r0\n";
  return text;
}
const std::string kBegin = "r6 = r1\n";

Bytes counting_packet(std::size_t size) {
  Bytes packet(size);
  for (std::size_t i = 0; i < size; ++i) packet[i] = static_cast<std::byte>(i * 7 + 1);
  return packet;
}

TEST(XdpBesideKernel, AdjustHead) {
  SKIP_WITHOUT_BPF();
  for (const std::size_t size : {14u, 60u, 100u})
    for (const long delta : {0, 1, -1, 14, 45, 46, 47, 85, 86, 87, -100, -215, -216, -217, -256, -257, 100000, -100000})
      expect_same({.text = kBegin + call(44, {delta}, 0) + call(44, {-4}, 1) + kEnd, .packet = counting_packet(size)});
}

TEST(XdpBesideKernel, AdjustTail) {
  SKIP_WITHOUT_BPF();
  for (const std::size_t size : {14u, 60u, 1000u})
    for (const long delta : {0,    1,    -1,   -46,  -47,  -986, -987, 100,  2000, 3519,   3520,   3521,
                             3459, 3460, 3461, 3474, 3475, 3506, 3507, 2520, 2521, 100000, -100000})
      expect_same({.text = kBegin + call(65, {delta}, 0) + call(65, {-1}, 1) + kEnd, .packet = counting_packet(size)});
}

TEST(XdpBesideKernel, AdjustMeta) {
  SKIP_WITHOUT_BPF();
  for (const long delta : {0, -1, -2, -4, -8, -32, -36, -64, -128, -216, -220, -252, -256, 4, 8})
    for (const long head : {0, -8, -100, -184, -188, -216, 4, 40})
      expect_same(
          {.text = kBegin + call(54, {delta}, 0) + call(44, {head}, 1) + call(54, {-4}, 2) + call(54, {4}, 3) + kEnd,
           .packet = counting_packet(60)});
}

TEST(XdpBesideKernel, LoadAndStoreBytes) {
  SKIP_WITHOUT_BPF();
  for (const long offset : {0, 1, 13, 44, 52, 53, 60, 61, 0xfffe, 0xffff, 0x10000, -1})
    for (const long size : {1, 8, 16}) {
      const std::string number = std::to_string(offset), length = std::to_string(size);
      expect_same({.text = "r6 = r1\nr1 = 0\n*(u64 *)(r10 - 16) = r1\n*(u64 *)(r10 - 8) = r1\nr1 = r6\nr2 = " + number +
                           "\nr3 = r10\nr3 += -16\nr4 = " + length +
                           "\ncall 189\nr7 = map[idx:0][0]+0\n*(u64 *)(r7 + 0) = r0\nr1 = *(u64 *)(r10 - 16)\n"
                           "*(u64 *)(r7 + 8) = r1\nr1 = *(u64 *)(r10 - 8)\n*(u64 *)(r7 + 16) = r1\n"
                           "r1 = 0x1122334455667788 ll\n*(u64 *)(r10 - 16) = r1\n*(u64 *)(r10 - 8) = r1\nr1 = r6\n"
                           "r2 = " +
                           number + "\nr3 = r10\nr3 += -16\nr4 = " + length +
                           "\ncall 190\n*(u64 *)(r7 + 24) = r0\nr1 = r6\ncall 188\n*(u64 *)(r7 + 32) = r0\n" + kEnd,
                   .packet = counting_packet(60)});
    }
}

TEST(XdpBesideKernel, RedirectFlags) {
  SKIP_WITHOUT_BPF();
  for (const long flags : {0, 1, 2}) {
    const std::string text = "r1 = 1\nr2 = " + std::to_string(flags) + "\ncall 23\nexit\n";
    expect_same({.text = text, .packet = counting_packet(60)});
    expect_same({.type = ProgramType::kSchedCls, .text = text, .packet = counting_packet(60)});
  }
}

TEST(SkbBesideKernel, StoreAndLoadBytes) {
  SKIP_WITHOUT_BPF();
  for (const long offset : {0, 1, 13, 14, 44, 52, 53, 60, 61, 0xffff, 0x7fffffff, -1})
    for (const long size : {1, 8, 16})
      for (const long flags : {0, 1, 2, 3, 4}) {
        const std::string number = std::to_string(offset), length = std::to_string(size);
        expect_same(
            {.type = ProgramType::kSchedCls,
             .text = "r6 = r1\nr1 = 0x1122334455667788 ll\n*(u64 *)(r10 - 16) = r1\n*(u64 *)(r10 - 8) = r1\nr1 = r6\n"
                     "r2 = " +
                     number + "\nr3 = r10\nr3 += -16\nr4 = " + length + "\nr5 = " + std::to_string(flags) +
                     "\ncall 9\nr7 = map[idx:0][0]+0\n*(u64 *)(r7 + 0) = r0\nr1 = r6\nr2 = " + number +
                     "\nr3 = r10\nr3 += -16\nr4 = " + length +
                     "\ncall 26\n*(u64 *)(r7 + 8) = r0\nr1 = *(u64 *)(r10 - 16)\n*(u64 *)(r7 + 16) = r1\n"
                     "r1 = r6\nr2 = " +
                     number + "\nr3 = r10\nr3 += -16\nr4 = " + length + "\nr5 = " + std::to_string(flags) +
                     "\ncall 68\n*(u64 *)(r7 + 24) = r0\nr1 = *(u64 *)(r10 - 16)\n*(u64 *)(r7 + 32) = r1\n" + kEnd,
             .packet = counting_packet(60)});
      }
}

/// An Ethernet frame with `tags`, then IPv4's type and bytes that count.
Bytes tagged_packet(const std::vector<std::uint32_t>& tags) {
  Bytes packet = counting_packet(12);
  const auto put16 = [&](std::uint32_t value) {
    packet.push_back(static_cast<std::byte>(value >> 8));
    packet.push_back(static_cast<std::byte>(value));
  };
  for (const std::uint32_t tag : tags) {
    put16(tag >> 16);
    put16(tag);
  }
  put16(0x0800);
  const Bytes rest = counting_packet(50);
  packet.insert(packet.end(), rest.begin(), rest.end());
  return packet;
}

TEST(SkbBesideKernel, VlanPushAndPop) {
  SKIP_WITHOUT_BPF();
  constexpr int kPush = 18, kPop = 19;
  const std::vector<std::vector<int>> sequences{{kPush},
                                                {kPop},
                                                {kPush, kPush},
                                                {kPush, kPop},
                                                {kPop, kPop},
                                                {kPop, kPush},
                                                {kPush, kPush, kPop, kPop},
                                                {kPush, kPush, kPush, kPop},
                                                {kPop, kPop, kPop}};
  for (const auto& tags : std::vector<std::vector<std::uint32_t>>{
           {}, {0x81000064}, {0x88a80064, 0x8100e065}, {0x81000001, 0x81000002, 0x81000003}})
    for (const auto& sequence : sequences)
      for (const long protocol : {0x0081L, 0xa888L, 0x0008L, 0L}) {
        std::string text = kBegin;
        int slot = 0;
        long tci = 0x2001;
        for (const int helper : sequence) {
          text += call(helper, helper == kPush ? std::vector<long>{protocol, tci++} : std::vector<long>{}, slot);
          ++slot;
        }
        expect_same({.type = ProgramType::kSchedCls, .text = text, .packet = tagged_packet(tags), .fields_at = 64});
      }
}

TEST(SkbBesideKernel, ChangeTailAndHeadAndType) {
  SKIP_WITHOUT_BPF();
  for (const long size : {0, 13, 14, 15, 60, 61, 64, 100, 1500, 65551, -1})
    for (const long flags : {0, 1})
      expect_same({.type = ProgramType::kSchedCls,
                   .text = kBegin + call(38, {size, flags}, 0),
                   .packet = counting_packet(64),
                   .fields_at = 64});
  for (const long size : {0, 1, 8, 14, 32, -1})
    expect_same({.type = ProgramType::kSchedCls,
                 .text = kBegin + call(43, {size, 0}, 0),
                 .packet = counting_packet(64),
                 .fields_at = 64});
  for (const long type : {0, 1, 3, 4, -1})
    expect_same({.type = ProgramType::kSchedCls,
                 .text = kBegin + call(32, {type}, 0),
                 .packet = counting_packet(64),
                 .fields_at = 64});
  for (const long size : {0, 1, 64, 65, -1})
    expect_same(
        {.type = ProgramType::kSchedCls, .text = kBegin + call(39, {size}, 0) + kEnd, .packet = counting_packet(64)});
}

TEST(SkbBesideKernel, ReplaceChecksums) {
  SKIP_WITHOUT_BPF();
  std::mt19937 random(7);
  for (const int helper : {10, 11})
    for (const long flags : {0x0, 0x2, 0x4, 0x1, 0x3, 0x8, 0x12, 0x14, 0x10, 0x20, 0x22, 0x24, 0x62, 0x64, 0x34, 0x100})
      for (const long offset : {24L, 25L, 62L, 63L, 64L, 0xffffL, 0x10000L})
        for (int round = 0; round < 4; ++round) {
          Bytes packet = counting_packet(64);
          const std::uint32_t begin = round == 0 ? 0 : round == 1 ? 0xffff : static_cast<std::uint32_t>(random());
          packet[24] = static_cast<std::byte>(begin);
          packet[25] = static_cast<std::byte>(begin >> 8);
          const bool difference = (flags & 0xf) == 0;
          const long from = difference && round < 3 ? 0 : static_cast<std::int32_t>(random()) >> (round == 2 ? 16 : 0);
          const long to = static_cast<std::int32_t>(random()) >> (round == 2 ? 16 : 0);
          expect_same({.type = ProgramType::kSchedCls,
                       .text = kBegin + call(helper, {offset, from, to, flags}, 0) + kEnd,
                       .packet = packet});
        }
}

TEST(ChecksumBesideKernel, Difference) {
  SKIP_WITHOUT_BPF();
  std::mt19937 random(8);
  for (const int from : {0, 4, 8, 16, 6})
    for (const int to : {0, 4, 8, 16, 3})
      for (int round = 0; round < 6; ++round) {
        std::string text;
        for (int at = 4; at <= 32; at += 4) {
          const long word = round == 0 ? 0 : round == 1 ? -1 : static_cast<std::int32_t>(random());
          text += "*(u32 *)(r10 - " + std::to_string(at) + ") = " + std::to_string(word) + "\n";
        }
        const long seed = round < 2 ? 0 : round == 2 ? -1 : static_cast<std::int32_t>(random());
        text += from == 0 ? "r1 = 0\n" : "r1 = r10\nr1 += -16\n";
        text += "r2 = " + std::to_string(from) + "\n";
        text += to == 0 ? "r3 = 0\n" : "r3 = r10\nr3 += -32\n";
        text += "r4 = " + std::to_string(to) + "\nr5 = " + std::to_string(seed) +
                "\ncall 28\nr1 = map[idx:0][0]+0\n*(u64 *)(r1 + 0) = r0\n";
        expect_same({.text = text + kEnd, .packet = counting_packet(60)});
      }
}

/// snprintf of `format` with up to three arguments into `size` bytes of `out`; the result at its last word.
Job format_job(const std::string& format, const std::vector<std::uint64_t>& arguments, long size) {
  std::string text;
  const std::size_t bytes = arguments.size() * 8;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    text += "r1 = " + std::to_string(static_cast<std::int64_t>(arguments[i])) + " ll\n*(u64 *)(r10 - " +
            std::to_string(bytes - i * 8) + ") = r1\n";
  text += "r1 = map[idx:0][0]+0\nr2 = " + std::to_string(size) + "\nr3 = map[idx:1][0]+0\n";
  text += bytes == 0 ? "r4 = 0\n" : "r4 = r10\nr4 += -" + std::to_string(bytes) + "\n";
  text += "r5 = " + std::to_string(bytes) + "\ncall 165\nr1 = map[idx:0][0]+248\n*(u64 *)(r1 + 0) = r0\n";
  return {.type = ProgramType::kXdp, .text = text + kEnd, .packet = counting_packet(60), .constant = format};
}

TEST(StringBesideKernel, Snprintf) {
  SKIP_WITHOUT_BPF();
  const std::vector<std::uint64_t> numbers{
      0, 1, 42, 0xffffffff, 0x80000000, 0x7fffffff, ~std::uint64_t{0}, std::uint64_t{1} << 63, 0x123456789abcdef0};
  for (const char* format :
       {"%d",      "%i",       "%u",     "%x",   "%X",     "%ld",  "%li",    "%lu",      "%lx",  "%lX",
        "%lld",    "%llu",     "%llx",   "%5d",  "%-5d|",  "%05d", "%+d",    "% d",      "%+5d", "%-+5d|",
        "%020lld", "%-20llx|", "%0-8x|", "a%db", "%%%d%%", "%px",  "%20px|", "%3u.%03u", "%8c|", "%c"})
    for (const std::uint64_t number : numbers) {
      const bool two = std::string(format).find("%03u") != std::string::npos;
      if (std::string(format).find('c') != std::string::npos && (number & 0xff) == 0) continue;
      expect_same(format_job(format, two ? std::vector{number, number} : std::vector{number}, 100));
    }
  for (const char* format : {"", "plain", "100%%", "tab\tnewline\n"})
    for (const long size : {100, 5, 1, 0}) expect_same(format_job(format, {}, size));
  for (const long size : {1, 2, 8, 9, 100}) expect_same(format_job("%d and %lld", {12345, 678}, size));
}

TEST(StringBesideKernel, Strncmp) {
  SKIP_WITHOUT_BPF();
  for (const char* constant : {"abc", "abd", "abb", "ab", "abcd", "", "\xff"})
    for (const long size : {1, 2, 3, 4, 8})
      expect_same(
          {.text = "r1 = 0x636261 ll\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = " + std::to_string(size) +
                   "\nr3 = map[idx:1][0]+0\ncall 182\nr1 = map[idx:0][0]+0\n*(u64 *)(r1 + 0) = r0\n" + kEnd,
           .packet = counting_packet(60),
           .constant = constant});
}

}  // namespace
}  // namespace skep::testing
