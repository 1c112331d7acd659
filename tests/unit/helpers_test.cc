// SPDX-License-Identifier: Apache-2.0
// Helpers called directly, with a host and contexts of the test's own: what needs no kernel to compare with.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <set>
#include <string>

#include "base/address.h"
#include "helpers/format.h"
#include "helpers/helpers.h"
#include "helpers/real_host.h"
#include "map_samples.h"
#include "maps/ringbuf.h"
#include "skep/context.h"

namespace skep::testing {
namespace {

using Word = std::uint64_t;
constexpr Word kFault = static_cast<Word>(-EFAULT), kInvalid = static_cast<Word>(-EINVAL);

/// Its memory is one string at kBase; clocks, random numbers and task are constants.
class FakeHost final : public Host {
 public:
  static constexpr Word kBase = 0x100000;
  std::string memory;
  std::vector<std::string> messages;
  std::vector<std::pair<std::uint32_t, Bytes>> samples;

  std::uint64_t now_ns(Clock clock) override { return 1000 + static_cast<Word>(clock); }
  std::uint32_t random_u32() override { return 4; }
  Task current_task() override { return {.pid = 7, .tgid = 3, .uid = 1000, .gid = 100, .comm = {'b', 'a', 's', 'h'}}; }
  void trace(std::string_view message) override { messages.emplace_back(message); }
  bool read_memory(std::uint64_t address, std::span<std::byte> to) override {
    if (address < kBase || address - kBase + to.size() > memory.size()) return false;
    std::memcpy(to.data(), memory.data() + (address - kBase), to.size());
    return true;
  }
  int perf_output(Map&, std::uint32_t cpu, std::span<const std::byte> sample) override {
    samples.emplace_back(cpu, Bytes(sample.begin(), sample.end()));
    return 0;
  }
};

struct Callbacks {
  std::function<Word(const std::array<Word, 5>&)> function;
};

class Helpers : public ::testing::Test {
 protected:
  FakeHost host_;
  Callbacks callbacks_;
  Env env_{.host = &host_, .cpu = 1, .cpus = 4, .engine = &callbacks_, .invoke = &invoke};

  static Word invoke(Env& env, Word, const std::array<Word, 5>& args) {
    return static_cast<Callbacks*>(env.engine)->function(args);
  }
  Word call(HelperId id, Word r1 = 0, Word r2 = 0, Word r3 = 0, Word r4 = 0, Word r5 = 0) {
    return helpers::find(static_cast<std::int32_t>(id))(r1, r2, r3, r4, r5, env_);
  }
  std::string format(std::string_view text, std::vector<Word> arguments) {
    std::array<char, 128> buffer{};
    const std::int64_t length = helpers::format_text(buffer, text, arguments, host_);
    return length < 0 ? "error " + std::to_string(length) : std::string(buffer.data());
  }
};

TEST_F(Helpers, TableHasAFunctionForEachRow) {
#define HELPER(id, name, ...) EXPECT_NE(helpers::find(id), nullptr) << #name;
#define PROTOTYPE(id, name, ...) EXPECT_EQ(helpers::find(id), nullptr) << #name << " has a function: make it a HELPER";
#include "skep/tables/helpers.def"
  EXPECT_EQ(helpers::find(0), nullptr);
  EXPECT_EQ(helpers::find(-1), nullptr);
}

TEST_F(Helpers, TimeAndTask) {
  EXPECT_EQ(call(HelperId::ktime_get_ns), 1000u);
  EXPECT_EQ(call(HelperId::ktime_get_boot_ns), 1001u);
  EXPECT_EQ(call(HelperId::ktime_get_coarse_ns), 1002u);
  EXPECT_EQ(call(HelperId::ktime_get_tai_ns), 1003u);
  EXPECT_EQ(call(HelperId::get_prandom_u32), 4u);
  EXPECT_EQ(call(HelperId::get_smp_processor_id), 1u);
  EXPECT_EQ(call(HelperId::get_current_pid_tgid), Word{3} << 32 | 7);
  EXPECT_EQ(call(HelperId::get_current_uid_gid), Word{100} << 32 | 1000);
  for (const std::size_t size : {1u, 3u, 5u, 16u, 20u}) {
    std::string name(size + 1, 'x');
    EXPECT_EQ(call(HelperId::get_current_comm, address_of(name.data()), size), 0u);
    std::string want = std::string("bash").substr(0, size - 1);
    want.resize(size);
    EXPECT_EQ(name, want + "x");
  }
}

TEST_F(Helpers, ProbeRead) {
  host_.memory = "abcdefgh";
  std::string to(8, 'x');
  EXPECT_EQ(call(HelperId::probe_read_kernel, address_of(to.data()), 4, FakeHost::kBase + 2), 0u);
  EXPECT_EQ(to, "cdefxxxx");
  EXPECT_EQ(call(HelperId::probe_read_user, address_of(to.data()), 4, FakeHost::kBase + 5), kFault);
  EXPECT_EQ(to, std::string(4, '\0') + "xxxx");
  EXPECT_EQ(call(HelperId::probe_read, address_of(to.data()), 0, 0), 0u);
}

TEST_F(Helpers, ProbeReadString) {
  host_.memory = std::string("hello\0", 6);  // Readable memory ends with the NUL.
  std::string to(10, 'x');
  EXPECT_EQ(call(HelperId::probe_read_kernel_str, address_of(to.data()), 10, FakeHost::kBase), 6u);
  EXPECT_STREQ(to.c_str(), "hello");
  EXPECT_EQ(call(HelperId::probe_read_user_str, address_of(to.data()), 3, FakeHost::kBase), 3u);
  EXPECT_STREQ(to.c_str(), "he");
  EXPECT_EQ(call(HelperId::probe_read_str, address_of(to.data()), 10, 1), kFault);
  EXPECT_EQ(to, std::string(10, '\0'));
  host_.memory = "no end";
  EXPECT_EQ(call(HelperId::probe_read_kernel_str, address_of(to.data()), 10, FakeHost::kBase), kFault);
  host_.memory = std::string(200, 'y') + '\0';
  std::string large(300, 'x');
  EXPECT_EQ(call(HelperId::probe_read_kernel_str, address_of(large.data()), 300, FakeHost::kBase), 201u);
  EXPECT_EQ(call(HelperId::probe_read_kernel_str, address_of(large.data()), 0, FakeHost::kBase), 0u);
}

TEST_F(Helpers, FormatsWhatPointsSomewhere) {
  host_.memory = std::string("text\0\x0a\x01\x02\xff\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 25);
  EXPECT_EQ(format("<%s>", {FakeHost::kBase}), "<text>");
  EXPECT_EQ(format("<%8s|%-6s>", {FakeHost::kBase, FakeHost::kBase}), "<    text|text  >");
  EXPECT_EQ(format("%pks %pus", {FakeHost::kBase, FakeHost::kBase}), "text text");
  EXPECT_EQ(format("[%s]", {1}), "[]");
  EXPECT_EQ(format("%pI4", {FakeHost::kBase + 5}), "10.1.2.255");
  EXPECT_EQ(format("%pi4", {FakeHost::kBase + 5}), "010.001.002.255");
  EXPECT_EQ(format("%pI6", {FakeHost::kBase + 9}), "2001:0db8:0000:0000:0000:0000:0000:0001");
  EXPECT_EQ(format("%pi6", {FakeHost::kBase + 9}), "20010db8000000000000000000000001");
  EXPECT_EQ(format("%p %px %pK", {0xab, 0xab, 0xab}), "00000000000000ab 00000000000000ab 00000000000000ab");
  EXPECT_EQ(format("%ps", {0xab}), "0xab");
}

TEST_F(Helpers, RefusesFormatsAsLinuxDoes) {
  for (const char* text :
       {"%", "%l", "%lll", "%f", "%n", "%hd", "%.3d", "%*d", "%pZ", "%ls", "%lc", "%#x", "\x01", "%sx", "%d%d%d%d"})
    EXPECT_EQ(format(text, {1, 2, 3}), "error -22") << text;
  EXPECT_EQ(format("%d caf\u00e9", {1}), "1 caf\u00e9");
  EXPECT_EQ(format("%d %d", {1}), "error -22");
  std::array<char, 8> untouched{'a'};
  EXPECT_LT(helpers::format_text(untouched, "%d %d", std::array<Word, 1>{1}, host_), 0);
  EXPECT_EQ(untouched[0], 'a');
  host_.memory = std::string(400, 'a') + '\0';
  EXPECT_EQ(format("%s%s", {FakeHost::kBase, FakeHost::kBase}).substr(0, 3), "aaa");
  EXPECT_EQ(format("%s%s%s", {FakeHost::kBase, FakeHost::kBase, FakeHost::kBase}), "error -28");
}

TEST_F(Helpers, TracePrintk) {
  const char text[] = "n=%d %s";
  host_.memory = std::string("x\0", 2);
  EXPECT_EQ(call(HelperId::trace_printk, address_of(text), sizeof text, 5, FakeHost::kBase), 5u);
  EXPECT_EQ(host_.messages, std::vector<std::string>{"n=5 x"});
  EXPECT_EQ(call(HelperId::trace_printk, address_of(text), sizeof text - 1, 5), kInvalid);
  const std::array<Word, 2> data = {9, FakeHost::kBase};
  EXPECT_EQ(call(HelperId::trace_vprintk, address_of(text), sizeof text, address_of(data.data()), 16), 5u);
  EXPECT_EQ(call(HelperId::trace_vprintk, address_of(text), sizeof text, address_of(data.data()), 12), kInvalid);
  EXPECT_EQ(call(HelperId::trace_vprintk, address_of(text), sizeof text, address_of(data.data()), 104), kInvalid);
  EXPECT_EQ(call(HelperId::trace_vprintk, address_of(text), sizeof text, 0, 8), kInvalid);
}

TEST_F(Helpers, LoopStopsWhereToldTo) {
  std::vector<Word> seen;
  callbacks_.function = [&](const std::array<Word, 5>& args) -> Word {
    EXPECT_EQ(args[1], 77u);
    seen.push_back(args[0]);
    return args[0] == 3 ? 1 : 0;
  };
  EXPECT_EQ(call(HelperId::loop, 3, 1, 77, 0), 3u);
  EXPECT_EQ(call(HelperId::loop, 10, 1, 77, 0), 4u);
  EXPECT_EQ(seen, (std::vector<Word>{0, 1, 2, 0, 1, 2, 3}));
  EXPECT_EQ(call(HelperId::loop, 0, 1, 77, 0), 0u);
  EXPECT_EQ(call(HelperId::loop, (1u << 23) + 1, 1, 77, 0), static_cast<Word>(-E2BIG));
  EXPECT_EQ(call(HelperId::loop, 1, 1, 77, 1), kInvalid);
  callbacks_.function = [&](const std::array<Word, 5>&) -> Word {
    env_.trap = Trap::kBudget;
    return 0;
  };
  EXPECT_EQ(call(HelperId::loop, 1000, 1, 77, 0), 1u);  // A run that ended does not go on.
}

TEST_F(Helpers, ForEachElement) {
  for (const MapType type :
       {MapType::kHash, MapType::kArray, MapType::kLruHash, MapType::kPerCpuHash, MapType::kPerCpuArray}) {
    const auto map = make_map(sample_spec(type), 4).value();
    for (std::uint32_t key = 0; key < 8; ++key) {
      const Word value = Word{key} * 10;
      ASSERT_EQ(map->update(&key, &value, 0, 1), 0);
    }
    Word keys = 0, values = 0;
    callbacks_.function = [&](const std::array<Word, 5>& args) -> Word {
      EXPECT_EQ(args[0], address_of(map.get()));
      EXPECT_EQ(args[3], 5u);
      std::uint32_t key = 0;
      Word value = 0;
      std::memcpy(&key, from_address<void>(args[1]), sizeof key);
      std::memcpy(&value, from_address<void>(args[2]), sizeof value);
      keys += key;
      values += value;
      return 0;
    };
    EXPECT_EQ(call(HelperId::for_each_map_elem, address_of(map.get()), 1, 5, 0), 8u);
    EXPECT_EQ(keys, 28u);
    EXPECT_EQ(values, 280u);
    callbacks_.function = [](const std::array<Word, 5>&) -> Word { return 1; };
    EXPECT_EQ(call(HelperId::for_each_map_elem, address_of(map.get()), 1, 5, 0), 1u);
    EXPECT_EQ(call(HelperId::for_each_map_elem, address_of(map.get()), 1, 5, 1), kInvalid);
  }
}

TEST_F(Helpers, ForEachElementMayDeleteIt) {
  const auto map = make_map(sample_spec(MapType::kHash), 4).value();
  for (std::uint32_t key = 0; key < 8; ++key) {
    const Word value = key;
    ASSERT_EQ(map->update(&key, &value, 0, 1), 0);
  }
  callbacks_.function = [&](const std::array<Word, 5>& args) -> Word {
    std::uint32_t key = 0;
    std::memcpy(&key, from_address<void>(args[1]), sizeof key);
    return key % 2 == 0 ? static_cast<Word>(-map->erase(&key)) : 0;
  };
  EXPECT_EQ(call(HelperId::for_each_map_elem, address_of(map.get()), 1, 5, 0), 8u);
  EXPECT_EQ(map->size(), 4u);
}

TEST_F(Helpers, MapElements) {
  const auto map = make_map(sample_spec(MapType::kPerCpuHash), 4).value();
  const Word address = address_of(map.get());
  const std::uint32_t key = 5;
  const Word value = 6;
  EXPECT_EQ(call(HelperId::map_lookup_elem, address, address_of(&key)), 0u);
  EXPECT_EQ(call(HelperId::map_update_elem, address, address_of(&key), address_of(&value), 2),
            static_cast<Word>(-ENOENT));
  EXPECT_EQ(call(HelperId::map_update_elem, address, address_of(&key), address_of(&value), 0), 0u);
  EXPECT_EQ(*from_address<Word>(call(HelperId::map_lookup_elem, address, address_of(&key))), 6u);
  EXPECT_EQ(*from_address<Word>(call(HelperId::map_lookup_percpu_elem, address, address_of(&key), 1)), 6u);
  EXPECT_EQ(*from_address<Word>(call(HelperId::map_lookup_percpu_elem, address, address_of(&key), 2)), 0u);
  EXPECT_EQ(call(HelperId::map_lookup_percpu_elem, address, address_of(&key), 4), 0u);
  EXPECT_EQ(call(HelperId::map_delete_elem, address, address_of(&key)), 0u);
  EXPECT_EQ(call(HelperId::map_delete_elem, address, address_of(&key)), static_cast<Word>(-ENOENT));
}

TEST_F(Helpers, Queue) {
  const auto map = make_map(sample_spec(MapType::kQueue), 4).value();
  Word value = 6, out = 0;
  EXPECT_EQ(call(HelperId::map_push_elem, address_of(map.get()), address_of(&value), 0), 0u);
  EXPECT_EQ(call(HelperId::map_peek_elem, address_of(map.get()), address_of(&out)), 0u);
  EXPECT_EQ(out, 6u);
  EXPECT_EQ(call(HelperId::map_pop_elem, address_of(map.get()), address_of(&out)), 0u);
  EXPECT_EQ(call(HelperId::map_pop_elem, address_of(map.get()), address_of(&out)), static_cast<Word>(-ENOENT));
}

TEST_F(Helpers, PerfEventOutput) {
  const auto map = make_map(sample_spec(MapType::kPerfEventArray), 4).value();
  const Word address = address_of(map.get()), current = 0xffffffff;
  Bytes packet(20, std::byte{9});
  XdpContext xdp{.data = address_of(packet.data()), .data_end = address_of(packet.data()) + packet.size()};
  const std::uint32_t sample = 0x01020304;
  const auto send = [&](Word flags) {
    return call(HelperId::perf_event_output, address_of(&xdp), address, flags, address_of(&sample), 4);
  };
  env_.type = ProgramType::kXdp;
  EXPECT_EQ(send(current), 0u);
  EXPECT_EQ(send(1), 0u);
  EXPECT_EQ(send(current | Word{3} << 32), 0u);
  ASSERT_EQ(host_.samples.size(), 3u);
  EXPECT_EQ(host_.samples[0], (std::pair{std::uint32_t{1}, bytes_of(sample)}));
  EXPECT_EQ(host_.samples[2].second.size(), 7u);
  EXPECT_EQ(host_.samples[2].second[6], std::byte{9});
  EXPECT_EQ(send(2), static_cast<Word>(-EOPNOTSUPP));
  EXPECT_EQ(send(8), static_cast<Word>(-E2BIG));
  EXPECT_EQ(send(current | Word{21} << 32), kFault);
  EXPECT_EQ(send(current | Word{1} << 60), kInvalid);
  env_.type = ProgramType::kKprobe;
  EXPECT_EQ(send(current | Word{3} << 32), kInvalid);
}

TEST_F(Helpers, RingBuffer) {
  const auto map = make_map(sample_spec(MapType::kRingBuf), 4).value();
  const Word address = address_of(map.get());
  EXPECT_EQ(call(HelperId::ringbuf_reserve, address, 8, 1), 0u);
  const Word record = call(HelperId::ringbuf_reserve, address, 8, 0);
  ASSERT_NE(record, 0u);
  EXPECT_TRUE(map->contains(from_address<void>(record), 8));
  *from_address<Word>(record) = 42;
  call(HelperId::ringbuf_submit, record, 0);
  call(HelperId::ringbuf_discard, call(HelperId::ringbuf_reserve, address, 8, 0), 0);
  const Word value = 43;
  EXPECT_EQ(call(HelperId::ringbuf_output, address, address_of(&value), 8, 0), 0u);
  EXPECT_EQ(call(HelperId::ringbuf_output, address, address_of(&value), 8, 8), kInvalid);
  EXPECT_EQ(call(HelperId::ringbuf_query, address, 0), 48u);
  std::vector<Word> got;
  static_cast<maps::RingBufMap&>(*map).consume(
      [&](std::span<const std::byte> bytes) { got.push_back(value_of<Word>(Bytes(bytes.begin(), bytes.end()))); });
  EXPECT_EQ(got, (std::vector<Word>{42, 43}));
}

TEST_F(Helpers, RedirectMap) {
  const auto map = make_map(sample_spec(MapType::kDevMap), 4).value();
  const std::uint32_t key = 2;
  const std::array<std::uint32_t, 2> device = {9, 0};
  ASSERT_EQ(map->update(&key, device.data(), 0, 0), 0);
  XdpContext xdp;
  env_.type = ProgramType::kXdp;
  env_.context = &xdp;
  const Word address = address_of(map.get()), pass = 2, redirect = 4, broadcast = 8;
  EXPECT_EQ(call(HelperId::redirect_map, address, 3, pass), pass);
  EXPECT_EQ(xdp.redirect_map, 0u);
  EXPECT_EQ(call(HelperId::redirect_map, address, 2, pass), redirect);
  EXPECT_EQ(xdp.redirect_ifindex, 9u);
  EXPECT_EQ(xdp.redirect_map, address);
  EXPECT_EQ(xdp.redirect_key, 2u);
  EXPECT_EQ(call(HelperId::redirect_map, address, 3, broadcast), redirect);
  EXPECT_EQ(xdp.redirect_flags, broadcast);
  EXPECT_EQ(call(HelperId::redirect_map, address, 2, 32), 0u);
  const auto sockets = make_map(sample_spec(MapType::kXskMap), 4).value();
  EXPECT_EQ(call(HelperId::redirect_map, address_of(sockets.get()), 2, broadcast), 0u);
}

TEST(RealHost, IsThisProcess) {
  helpers::RealHost host;
  const std::uint64_t before = host.now_ns(Clock::kMonotonic);
  EXPECT_GT(before, 0u);
  EXPECT_GE(host.now_ns(Clock::kMonotonic), before);
  EXPECT_EQ(host.current_task().tgid, static_cast<std::uint32_t>(getpid()));
  EXPECT_NE(host.current_task().comm[0], '\0');
  const std::uint64_t value = 0x1122334455667788;
  Bytes copy(8);
  EXPECT_TRUE(host.read_memory(address_of(&value), copy));
  EXPECT_EQ(copy, bytes_of(value));
  EXPECT_FALSE(host.read_memory(8, copy));
  EXPECT_FALSE(host.read_memory(~std::uint64_t{0} - 3, copy));
  std::set<std::uint32_t> numbers;
  for (int i = 0; i < 100; ++i) numbers.insert(host.random_u32());
  EXPECT_GT(numbers.size(), 95u);
  const auto map = make_map(sample_spec(MapType::kPerfEventArray), 1).value();
  EXPECT_EQ(host.perf_output(*map, 0, copy), -ENOENT);
  std::string heard;
  helpers::RealHost listening({.trace = [&](std::string_view message) { heard = message; }, .perf_output = {}});
  listening.trace("hello");
  EXPECT_EQ(heard, "hello");
}

}  // namespace
}  // namespace skep::testing
