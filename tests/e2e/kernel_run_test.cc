// SPDX-License-Identifier: Apache-2.0
// The example programs over the captures, here and in the running kernel (BPF_PROG_TEST_RUN): same r0, same packet
// afterwards, same map contents at the end. Skipped where bpf(2) does not work.
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "hooks/pcap.h"
#include "hooks/run_packets.h"
#include "kernel/bpf.h"
#include "skep/object.h"
#include "skep/vm.h"
#include "tests/bytes_less.h"
#include "tools/run/fill_maps.h"

namespace skep {
namespace {

using Bytes = std::vector<std::byte>;

struct Case {
  const char* name;
  const char* object;
  const char* program;
  std::vector<std::string> maps;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}
Bytes copy(std::span<const std::byte> from) { return {from.begin(), from.end()}; }

/// Per-CPU values are compared as bytes: both sides have to count on the same CPU.
void stay_on_first_cpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  ASSERT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
}

bool has_contents(const Map& map) {
  const MapTypeInfo* type = find_info(map.spec().type);
  return type != nullptr && type->value == MapValueKind::Plain;
}

using Contents = std::map<Bytes, Bytes, test::BytesLess>;
Contents contents(Map& map) {
  Contents all;
  Bytes key(map.spec().key_size), next(map.spec().key_size), value(map.user_value_size());
  int result = map.next_key({}, next);
  while (result == 0) {
    key.swap(next);
    if (map.get(key, value) == 0) all[key] = value;
    result = map.next_key(key, next);
  }
  return all;
}
Contents kernel_contents(const kernel::Fd& map, const Map& like) {
  Contents all;
  Bytes key(like.spec().key_size), next(like.spec().key_size), value(like.user_value_size());
  int result = kernel::map_next_key(map, {}, next);
  while (result == 0) {
    key.swap(next);
    if (kernel::map_lookup(map, key, value) == 0) all[key] = value;
    result = kernel::map_next_key(map, key, next);
  }
  return all;
}

/// One program, loaded on both sides with the same maps.
class Pair {
 public:
  static void load(const Case& test, Engine engine, Pair& pair) {
    const std::string path = std::string(SKEP_EXAMPLE_OBJECTS "/") + test.object;
    const Result<Object> object = Object::from_elf(read_bytes(path), {.name = test.object, .default_type = {}});
    ASSERT_TRUE(object) << object.error().message;
    const Program* program = object->find_program(test.program);
    ASSERT_NE(program, nullptr);
    pair.program_ = *program;
    Verdict verdict = verify(*program);
    ASSERT_TRUE(std::holds_alternative<VerifiedProgram>(verdict)) << message(std::get<Rejection>(verdict).reason);
    pair.vm_ = std::make_unique<Vm>(Platform::linux_like(), VmOptions{.engine = engine, .cpus = 0, .host = nullptr});
    const Result<Image> image = pair.vm_->load(std::get<VerifiedProgram>(std::move(verdict)));
    ASSERT_TRUE(image) << image.error().message;
    pair.image_ = std::make_unique<Image>(*image);
    const auto assignments = tools::parse_assignments(test.maps);
    ASSERT_TRUE(assignments) << assignments.error().message;
    const Status filled = tools::fill_maps(*pair.vm_, *assignments, {});
    ASSERT_TRUE(filled) << filled.error().message;
    Result<kernel::Loaded> loaded = kernel::load(*program);
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_TRUE(loaded->accepted()) << loaded->log;
    pair.kernel_ = std::make_unique<kernel::Loaded>(std::move(*loaded));
    pair.fill_kernel();
  }

  [[nodiscard]] const Image& image() const { return *image_; }
  [[nodiscard]] const kernel::Fd& kernel_program() const { return kernel_->program; }
  void expect_same_maps() {
    for (std::size_t i = 0; i < program_.maps.size(); ++i) {
      const auto map = vm_->find_map(program_.maps[i]->name);
      if (!has_contents(*map)) continue;
      EXPECT_EQ(contents(*map), kernel_contents(kernel_->maps[i], *map)) << program_.maps[i]->name;
    }
  }

 private:
  void fill_kernel() {
    for (std::size_t i = 0; i < program_.maps.size(); ++i) {
      const auto map = vm_->find_map(program_.maps[i]->name);
      if (!has_contents(*map) || map->spec().frozen) continue;
      for (const auto& [key, value] : contents(*map))
        ASSERT_EQ(kernel::map_update(kernel_->maps[i], key, value, 0), 0) << program_.maps[i]->name;
    }
  }

  Program program_;
  std::unique_ptr<Vm> vm_;
  std::unique_ptr<Image> image_;
  std::unique_ptr<kernel::Loaded> kernel_;
};

constexpr std::size_t kEthernet = 14;
/// Of one page, less headroom and what describes further pages: what BPF_PROG_TEST_RUN takes.
constexpr std::size_t kLargestPacket = 3520;

class KernelRun : public testing::TestWithParam<std::tuple<Case, std::string, Engine>> {};

TEST_P(KernelRun, SameAsHere) {
  if (const auto& why = kernel::why_unavailable()) GTEST_SKIP() << "bpf(2) does not work here: " << *why;
  const auto& [test, capture, engine] = GetParam();
  stay_on_first_cpu();
  Pair pair;
  ASSERT_NO_FATAL_FAILURE(Pair::load(test, engine, pair));
  Result<hooks::PcapReader> reader = hooks::PcapReader::open(SKEP_SOURCE_DIR "/examples/captures/" + capture);
  ASSERT_TRUE(reader) << reader.error().message;
  const ProgramType type = pair.image().program().type;
  // The test run leaves VLAN tags where they are.
  hooks::RunPacketsOptions options;
  options.run.cpu = 0;
  options.context.vlan = hooks::VlanTag::kInFrame;
  const hooks::RunSink compare = [&](const hooks::RunOutcome& here) -> Status {
    Bytes data = copy(here.in->bytes);
    EXPECT_LE(data.size(), kLargestPacket);
    // For socket filters it takes the first 14 bytes off; a real packet socket shows them to the filter.
    if (type == ProgramType::kSocketFilter) data.insert(data.begin(), data.begin(), data.begin() + kEthernet);
    const Result<kernel::TestRun> there = kernel::test_run(pair.kernel_program(), {.data = data, .context = {}});
    if (!there) return there.error();
    EXPECT_EQ(here.result.trap, Trap::kNone);
    EXPECT_EQ(static_cast<std::uint32_t>(here.result.r0), there->retval) << "packet " << here.packet;
    if (type == ProgramType::kXdp || contains(kTcTypes, type)) {
      EXPECT_EQ(copy(here.out), there->data_out) << "packet " << here.packet;
    }
    return kOk;
  };
  const auto totals = hooks::run_packets(pair.image(), *reader, options, compare);
  ASSERT_TRUE(totals) << totals.error().message;
  EXPECT_GT(totals->packets, 0u);
  pair.expect_same_maps();
}

constexpr const char* kRules = "@" SKEP_SOURCE_DIR "/examples/firewall.rules";
INSTANTIATE_TEST_SUITE_P(
    Examples, KernelRun,
    testing::Combine(testing::Values(Case{"firewall", "firewall.bpf.o", "firewall", {kRules}},
                                     Case{"flows", "flows.bpf.o", "count_flows", {}},
                                     Case{"classify", "classify.bpf.o", "classify", {"closed_vlans[100]=1"}},
                                     Case{"histogram", "histogram.bpf.o", "histogram", {}},
                                     Case{"socket", "accounting.bpf.o", "account_socket", {}},
                                     Case{"cgroup", "accounting.bpf.o", "account_cgroup", {}}),
                     testing::Values("mixed.pcapng", "vlan.pcap", "fragments.pcap", "dns.pcap"),
                     testing::Values(Engine::kInterpreter, Engine::kJit)),
    [](const auto& test) {
      std::string capture = std::get<1>(test.param);
      capture.resize(capture.find('.'));
      return std::string(std::get<0>(test.param).name) + "_" + capture +
             (std::get<2>(test.param) == Engine::kJit ? "_jit" : "_interpreter");
    });

}  // namespace
}  // namespace skep
