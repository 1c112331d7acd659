// SPDX-License-Identifier: Apache-2.0
// What is done without a call, or by a function made for the map's type, beside the general functions: the same program
// with inlining and without, in the interpreter and as native code, and in the reference. Each has maps of its own with
// the same contents, and afterwards results and contents must be the same.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "helpers/direct.h"
#include "helpers/helpers.h"
#include "helpers/real_host.h"
#include "maps/map_of_maps.h"
#include "skep/context.h"
#include "skep/isa.h"
#include "skep/vm.h"
#include "tests/reference/reference.h"

namespace skep::differential {
namespace {

constexpr std::uint32_t kCpus = 4;
using Bytes = std::vector<std::byte>;
using Maps = std::vector<std::shared_ptr<const MapSpec>>;

template <class T>
Bytes bytes_of(const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}
Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
/// `size` bytes that look different for each `number`, which the first ones hold.
Bytes pattern(std::uint32_t number, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(i < 4 ? number >> (8 * i) : std::size_t{number} * 31 + i * 7);
  return bytes;
}

std::shared_ptr<const MapSpec> spec(MapType type, std::uint32_t key_size, std::uint32_t value_size,
                                    std::uint32_t entries, std::string name = "m") {
  MapSpec made{
      .name = std::move(name), .type = type, .key_size = key_size, .value_size = value_size, .max_entries = entries};
  if (type == MapType::kLpmTrie) made.flags = map_flags::kNoPrealloc;
  return std::make_shared<const MapSpec>(std::move(made));
}

VerifiedProgram verified(const std::string& text, Maps maps, std::string name = "p") {
  Program program;
  auto insns = isa::assemble(text, isa::Syntax::kC);
  if (!insns) ADD_FAILURE() << insns.error().message << "\n" << text;
  if (insns) program.insns = *insns;
  program.maps = std::move(maps);
  program.name = std::move(name);
  program.type = ProgramType::kXdp;
  program.license = "GPL";
  program.functions = {{.first = 0, .name = "f"}};
  for (InsnIndex at = 0; at < program.insns.size(); ++at)
    if (const auto* call = std::get_if<isa::Call>(&program.insns[at]);
        call != nullptr && call->kind == isa::CallKind::kLocal)
      program.functions.push_back(
          {.first = static_cast<InsnIndex>(static_cast<std::int64_t>(at) + 1 + call->imm), .name = "g"});
  Verdict verdict = verify(program, Platform::linux_like(), {.log = {}, .cpus = kCpus});
  if (const auto* rejection = std::get_if<Rejection>(&verdict)) {
    ADD_FAILURE() << message(rejection->reason) << "\n" << text;
    return VerifiedProgram::trust_without_verification(std::move(program));
  }
  return std::get<VerifiedProgram>(std::move(verdict));
}

/// A program as one engine runs it.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual std::uint64_t run(XdpContext& context, std::uint32_t cpu) = 0;
  [[nodiscard]] const std::vector<std::shared_ptr<Map>>& maps() const { return maps_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 protected:
  explicit Runner(std::string name) : name_(std::move(name)) {}
  std::string name_;
  std::vector<std::shared_ptr<Map>> maps_;
};

struct Config {
  std::string name;
  Engine engine{};
  bool inlined = false;
  bool checked = false;
};
std::vector<Config> configs() {
  std::vector<Config> all = {{"interpreter", Engine::kInterpreter, false},
                             {"interpreter inlined", Engine::kInterpreter, true},
                             {"interpreter inlined and checked", Engine::kInterpreter, true, true}};
  Vm vm(Platform::linux_like(), {.engine = Engine::kJit, .cpus = 1, .host = nullptr});
  Program smallest;
  smallest.insns = {isa::Exit{}};
  if (!vm.load(VerifiedProgram::trust_without_verification(smallest))) return all;
  all.push_back({"native", Engine::kJit, false});
  all.push_back({"native inlined", Engine::kJit, true});
  return all;
}

class InVm final : public Runner {
 public:
  InVm(const Config& config, const VerifiedProgram& program)
      : Runner(config.name),
        checked_(config.checked),
        vm_(Platform::linux_like(),
            {.engine = config.engine, .cpus = kCpus, .host = nullptr, .inline_helpers = config.inlined}) {
    const auto image = vm_.load(program);
    if (!image) {
      ADD_FAILURE() << name() << ": " << image.error().message;
      return;
    }
    image_ = *image;
    maps_ = vm_.maps();
  }
  std::uint64_t run(XdpContext& context, std::uint32_t cpu) override {
    const RunResult result = image_.run(std::as_writable_bytes(std::span(&context, 1)),
                                        {.checked = checked_, .cpu = static_cast<std::int32_t>(cpu)});
    EXPECT_EQ(result.trap, Trap::kNone) << name();
    return result.r0;
  }

 private:
  bool checked_;
  Vm vm_;
  Image image_{nullptr};
};

class InReference final : public Runner {
 public:
  explicit InReference(const VerifiedProgram& program) : Runner("reference"), program_(program.program()) {
    for (const auto& map : program_.maps) maps_.push_back(make_map(*map, kCpus).value());
  }
  std::uint64_t run(XdpContext& context, std::uint32_t cpu) override {
    Env env;
    env.cpu = cpu;
    env.cpus = kCpus;
    env.context = &context;
    env.type = program_.type;
    reference::Options options;
    options.context = ContextKind::kXdp;
    options.helper = [](std::int32_t id) { return helpers::find(id); };
    for (const auto& map : maps_) {
      options.maps.push_back(address_of(map.get()));
      options.map_values.push_back(address_of(map->direct_value()));
    }
    options.env = &env;
    const RunResult result = reference::run(program_, std::as_writable_bytes(std::span(&context, 1)), options);
    EXPECT_EQ(result.trap, Trap::kNone) << "the reference, at " << result.at;
    return result.r0;
  }

 private:
  Program program_;
};

/// One program everywhere. The reference is what the others are compared with.
class Everywhere {
 public:
  explicit Everywhere(const VerifiedProgram& program) {
    runners_.push_back(std::make_unique<InReference>(program));
    for (const Config& config : configs()) runners_.push_back(std::make_unique<InVm>(config, program));
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Runner>>& runners() const { return runners_; }

  void put(const Bytes& key, const Bytes& value, std::uint32_t cpu = 0, std::size_t map = 0) const {
    for (const auto& runner : runners_)
      ASSERT_EQ(runner->maps().at(map)->update(key.data(), value.data(), 0, cpu), 0) << runner->name();
  }
  /// r0 of all, on that packet.
  std::uint64_t run(const Bytes& packet, std::uint32_t cpu, const std::string& what) {
    std::uint64_t want = 0;
    for (const auto& runner : runners_) {
      Bytes frame = packet;
      XdpContext context;
      context.data = context.data_meta = context.frame_start = address_of(frame.data());
      context.data_end = context.frame_end = context.data + frame.size();
      const std::uint64_t r0 = runner->run(context, cpu);
      if (runner == runners_.front()) want = r0;
      EXPECT_EQ(r0, want) << runner->name() << ", cpu " << cpu << ", " << what;
    }
    return want;
  }
  /// What the maps hold for `keys`, on each CPU.
  void expect_same_contents(const std::vector<Bytes>& keys, const std::string& what) const {
    for (const Bytes& key : keys)
      for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) {
        const Bytes want = value(*runners_.front()->maps().at(0), key, cpu);
        for (const auto& runner : runners_)
          EXPECT_EQ(value(*runner->maps().at(0), key, cpu), want) << runner->name() << ", cpu " << cpu << ", " << what;
      }
  }

 private:
  // Through the general function, which marks an element of an LRU map as used: the same in all.
  static Bytes value(Map& map, const Bytes& key, std::uint32_t cpu) {
    const auto* found = static_cast<const std::byte*>(map.lookup(key.data(), cpu));
    return found == nullptr ? Bytes{} : Bytes(found, found + map.spec().value_size);
  }
  std::vector<std::unique_ptr<Runner>> runners_;
};

/// r2 = the packet, of which at least `bytes` are there; else the program returns 99.
std::string packet_of(std::uint32_t bytes) {
  return "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += " + std::to_string(bytes) +
         "\nif r4 <= r3 goto +2\nr0 = 99\nexit\n";
}
/// The key at r2 goes to the stack, and r2 with it.
std::string key_to_stack(std::uint32_t size) {
  std::string text;
  for (std::uint32_t i = 0; i < size; ++i)
    text += "r5 = *(u8 *)(r2 + " + std::to_string(i) + ")\n*(u8 *)(r10 - " + std::to_string(size - i) + ") = r5\n";
  return text + "r2 = r10\nr2 += -" + std::to_string(size) + "\n";
}

/// How a program asks whether a lookup found something, and what follows; r0 = 1000 + the value's last byte, which is
/// then counted up, or 7.
struct Shape {
  std::string name, text;
};
std::vector<Shape> shapes(std::uint32_t value_size) {
  const std::string last = "*(u8 *)(r0 + " + std::to_string(value_size - 1) + ")";
  const std::string found = "r1 = " + last + "\nr2 = r1\nr2 += 1\n" + last + " = r2\nr0 = r1\nr0 += 1000\nexit\n";
  const std::string absent = "r0 += 7\nexit\n";
  return {{"null jumps", "if r0 == 0 goto +7\n" + found + absent},
          {"null falls through", "if r0 != 0 goto +2\n" + absent + found},
          {"tested in another register", "r6 = r0\nif r6 == 0 goto +7\n" + found + absent},
          {"test that is jumped to", "goto +0\nif r0 == 0 goto +7\n" + found + absent}};
}

std::string type_name(MapType type) { return std::string(find_info(type)->name); }

class ArrayLookup : public testing::TestWithParam<MapType> {};
INSTANTIATE_TEST_SUITE_P(Types, ArrayLookup, testing::Values(MapType::kArray, MapType::kPerCpuArray),
                         [](const auto& one) { return type_name(one.param); });

TEST_P(ArrayLookup, EveryValueSizeAndBoundaryKey) {
  for (const std::uint32_t value_size : {1u, 2u, 4u, 7u, 8u, 9u, 12u, 16u, 17u, 24u, 40u, 64u, 100u, 4096u})
    for (const std::uint32_t entries : {1u, 2u, 3u, 64u, 1000u})
      for (const Shape& shape : shapes(value_size)) {
        const std::string text = packet_of(4) + "r1 = map[idx:0]\ncall 1\n" + shape.text;
        Everywhere all(verified(text, {spec(GetParam(), 4, value_size, entries)}));
        for (const std::uint32_t key : {0u, 1u, entries - 1})
          for (std::uint32_t cpu = 0; cpu < kCpus && key < entries; ++cpu)
            all.put(bytes_of(key), pattern(key * 5 + cpu, value_size), cpu);
        const std::string what = shape.name + ", values of " + std::to_string(value_size) + ", " +
                                 std::to_string(entries) + " entries, key ";
        for (const std::uint32_t key : {0u, 1u, entries - 1, entries, entries + 1, 0x7fffffffu, 0x80000000u, ~0u}) {
          const std::uint64_t r0 = all.run(bytes_of(key), key % kCpus, what + std::to_string(key));
          EXPECT_EQ(r0 >= 1000, key < entries) << what << key;
        }
        all.expect_same_contents({bytes_of(0u), bytes_of(1u), bytes_of(entries - 1)}, what);
      }
}

TEST_P(ArrayLookup, KeysThatTheVerifierKnows) {
  for (const std::uint32_t value_size : {4u, 8u, 12u, 40u})
    for (const std::uint32_t key : {0u, 1u, 62u, 63u, 64u, 0x7fffffffu})
      for (const Shape& shape : shapes(value_size)) {
        const std::string text = "*(u64 *)(r10 - 8) = " + std::to_string(key) +
                                 "\nr2 = r10\nr2 += -8\nr1 = map[idx:0]\ncall 1\n" + shape.text;
        Everywhere all(verified(text, {spec(GetParam(), 4, value_size, 64)}));
        for (std::uint32_t cpu = 0; cpu < kCpus && key < 64; ++cpu)
          all.put(bytes_of(key), pattern(key * 5 + cpu, value_size), cpu);
        for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) all.run({}, cpu, shape.name + ", key " + std::to_string(key));
        all.expect_same_contents({bytes_of(key)}, shape.name);
      }
}

TEST_P(ArrayLookup, KeysThatTheProgramJustStored) {
  // r6 is what the packet holds. What lowering may take for the key, and what only looks like it.
  const std::string begin = packet_of(4) + "r6 = *(u32 *)(r2 + 0)\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\n";
  const std::string call = "r1 = map[idx:0]\ncall 1\n";
  const std::string address = "r2 = r10\nr2 += -12\n";
  const std::map<std::string, std::string> stores = {
      {"constant", "*(u32 *)(r10 - 12) = 2\n" + address},
      {"constant out of range", "*(u32 *)(r10 - 12) = 9\n" + address},
      {"negative constant", "*(u32 *)(r10 - 12) = -1\n" + address},
      {"register", "*(u32 *)(r10 - 12) = r6\n" + address},
      {"upper half of the register set", "r3 = r6\nr3 <<= 32\nr3 |= r6\n*(u32 *)(r10 - 12) = r3\n" + address},
      {"address first", address + "*(u32 *)(r10 - 12) = r6\n"},
      {"address in steps", "r2 = r10\nr2 += -16\n*(u32 *)(r10 - 12) = r6\nr2 += 4\n"},
      {"address elsewhere in between", "*(u32 *)(r10 - 12) = r6\nr2 = r10\nr2 += -8\nr2 = r10\nr2 += -12\n"},
      {"register changed", "*(u32 *)(r10 - 12) = r6\nr6 += 1\n" + address},
      {"register loaded", "*(u32 *)(r10 - 12) = r6\nr6 = *(u32 *)(r10 - 8)\n" + address},
      {"register swapped", "*(u32 *)(r10 - 12) = r6\nr6 = bswap32 r6\n" + address},
      {"register is r1", "r1 = r6\n*(u32 *)(r10 - 12) = r1\n" + address},
      {"register is r2", "r2 = r6\n*(u32 *)(r10 - 12) = r2\n" + address},
      {"stored twice", "*(u32 *)(r10 - 12) = 1\n*(u32 *)(r10 - 12) = r6\n" + address},
      {"stored around", "*(u32 *)(r10 - 12) = r6\n*(u32 *)(r10 - 16) = 7\n*(u32 *)(r10 - 8) = 7\n" + address},
      {"byte changed", "*(u32 *)(r10 - 12) = r6\n*(u8 *)(r10 - 9) = 1\n" + address},
      {"half changed", "*(u32 *)(r10 - 12) = 0x10001\n*(u16 *)(r10 - 10) = 0\n" + address},
      {"stored as a part", "*(u64 *)(r10 - 16) = r6\n" + address},
      {"stored as two", "*(u16 *)(r10 - 12) = r6\n*(u16 *)(r10 - 10) = 0\n" + address},
      {"changed through a pointer", "*(u32 *)(r10 - 12) = 2\nr3 = r10\nr3 += -20\n*(u32 *)(r3 + 8) = r6\n" + address},
      {"changed atomically", "*(u32 *)(r10 - 12) = 0\nr3 = 1\nlock *(u32 *)(r10 - 12) += r3\n" + address},
      {"changed on one path", "*(u32 *)(r10 - 12) = 2\nif r6 == 0 goto +1\n*(u32 *)(r10 - 12) = 1\n" + address},
      {"stored on one path", "if r6 == 0 goto +1\n*(u32 *)(r10 - 12) = 1\n" + address},
      {"before a branch", "*(u32 *)(r10 - 12) = r6\n" + address + "if r6 == 1 goto +0\n"},
      {"before a call", "*(u32 *)(r10 - 12) = r6\ncall 8\n" + address},
  };
  for (const auto& [name, store] : stores) {
    const std::string found = "r0 = *(u32 *)(r0 + 0)\nexit\n";
    Everywhere all(verified(begin + store + call + "if r0 == 0 goto +2\n" + found + "r0 = 7\nexit\n",
                            {spec(GetParam(), 4, 4, 3)}));
    for (std::uint32_t key = 0; key < 3; ++key)
      for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) all.put(bytes_of(key), bytes_of(1000 * (key + 1) + cpu), cpu);
    for (const std::uint32_t key : {0u, 1u, 2u, 3u, 0x0101'0101u, 0x0100'0000u, ~0u}) all.run(bytes_of(key), 1, name);
  }
}

TEST_P(ArrayLookup, KeysThatDependOnThePath) {
  // The same call with key 1 or 2 of map 0, or with key 2 of map 1.
  const std::string text =
      packet_of(4) +
      "r6 = *(u32 *)(r2 + 0)\n*(u64 *)(r10 - 8) = 1\nr1 = map[idx:0]\nif r6 == 0 goto +5\n"
      "*(u64 *)(r10 - 8) = 2\nif r6 == 1 goto +3\nr1 = map[idx:1]\ngoto +0\n"
      "r2 = r10\nr2 += -8\ncall 1\nif r0 == 0 goto +2\nr0 = *(u32 *)(r0 + 0)\nexit\nr0 = 7\nexit\n";
  Everywhere all(verified(text, {spec(GetParam(), 4, 4, 3, "first"), spec(GetParam(), 4, 4, 3, "second")}));
  for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu)
    for (std::uint32_t key = 0; key < 3; ++key)
      for (std::uint32_t map = 0; map < 2; ++map)
        all.put(bytes_of(key), bytes_of(100 * map + 10 * key + cpu), cpu, map);
  for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) {
    const std::uint32_t last = GetParam() == MapType::kArray ? kCpus - 1 : cpu;
    EXPECT_EQ(all.run(bytes_of(0u), cpu, "key 1"), 10 + last);
    EXPECT_EQ(all.run(bytes_of(1u), cpu, "key 2"), 20 + last);
    EXPECT_EQ(all.run(bytes_of(2u), cpu, "the other map"), 120 + last);
  }
}

constexpr MapType kHashes[] = {MapType::kHash, MapType::kPerCpuHash, MapType::kLruHash, MapType::kLruPerCpuHash};
constexpr std::uint32_t kKeySizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 20, 24, 32, 40, 48};

class HashLookup : public testing::TestWithParam<MapType> {};
INSTANTIATE_TEST_SUITE_P(Types, HashLookup, testing::ValuesIn(kHashes),
                         [](const auto& one) { return type_name(one.param); });

TEST_P(HashLookup, EveryKeySize) {
  for (const std::uint32_t key_size : kKeySizes)
    for (const std::uint32_t value_size : {1u, 8u, 13u}) {
      const Shape shape = shapes(value_size).front();
      Everywhere all(verified(packet_of(key_size) + key_to_stack(key_size) + "r1 = map[idx:0]\ncall 1\n" + shape.text,
                              {spec(GetParam(), key_size, value_size, 64)}));
      for (std::uint32_t n = 0; n < 32; ++n)
        for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu)
          all.put(pattern(n * 3, key_size), pattern(n + cpu, value_size), cpu);
      for (std::uint32_t n = 0; n < 96; ++n) {
        const std::uint64_t r0 = all.run(pattern(n, key_size), n % kCpus, "key of " + std::to_string(key_size));
        EXPECT_EQ(r0 >= 1000, n % 3 == 0);
      }
      // The last byte of a key counts, too.
      Bytes near = pattern(3, key_size);
      near.back() ^= std::byte{0x80};
      EXPECT_EQ(all.run(near, 0, "last byte"), 7u);
    }
}

/// Updates with any flag, deletions, lookups, in turns that fill the map and push elements out of it.
TEST_P(HashLookup, UpdatesAndDeletions) {
  constexpr std::uint32_t kValue = 12, kEntries = 16;
  for (const std::uint32_t key_size : kKeySizes) {
    // [0] what, [8] flags, [16] value, [32] key
    const std::string text =
        packet_of(32 + key_size) +
        "r6 = r2\nr7 = *(u64 *)(r6 + 0)\nr4 = *(u64 *)(r6 + 8)\nr2 = r6\nr2 += 32\nr3 = r6\nr3 += 16\n"
        "r1 = map[idx:0]\nif r7 == 1 goto +5\nif r7 == 2 goto +6\ncall 1\nif r0 == 0 goto +1\nr0 = *(u32 *)(r0 + 8)\n"
        "exit\ncall 2\nexit\ncall 3\nexit\n";
    Everywhere all(verified(text, {spec(GetParam(), key_size, kValue, kEntries)}));
    std::uint32_t random = key_size;
    std::vector<Bytes> keys;
    for (std::uint32_t n = 0; n < 40; ++n) keys.push_back(pattern(n, key_size));
    for (std::uint32_t step = 0; step < 600; ++step) {
      random = random * 1664525 + 1013904223;
      const std::uint64_t what = (random >> 8) % 4 == 0 ? 2 : (random >> 8) % 4 == 1 ? 0 : 1;
      // Mostly none; beyond 2 (BPF_EXIST) lie BPF_F_LOCK and what no flag is.
      const std::uint64_t flags = (random >> 12) % 3 != 0 ? 0 : (random >> 14) % 9;
      const Bytes& key = keys[(random >> 20) % keys.size()];
      const Bytes packet = bytes_of(what) + bytes_of(flags) + pattern(step, 16) + key;
      all.run(packet, random % kCpus, "step " + std::to_string(step) + " of keys of " + std::to_string(key_size));
      if (HasFailure()) return;
    }
    all.expect_same_contents(keys, "keys of " + std::to_string(key_size));
  }
}

TEST(InlineHelpers, OtherMapTypes) {
  struct Case {
    MapType type{};
    std::uint32_t key_size = 0, value_size = 0;
  };
  for (const Case& one : {Case{MapType::kLpmTrie, 8, 8}, Case{MapType::kLpmTrie, 20, 4}}) {
    Everywhere all(verified(packet_of(one.key_size) + key_to_stack(one.key_size) + "r1 = map[idx:0]\ncall 1\n" +
                                shapes(one.value_size).front().text,
                            {spec(one.type, one.key_size, one.value_size, 64)}));
    const auto key = [&](std::uint32_t length, std::uint32_t number) {
      return bytes_of(length) + pattern(number, one.key_size - 4);
    };
    for (std::uint32_t n = 0; n < 24; ++n) all.put(key(n % 25, n * 77), pattern(n, one.value_size));
    for (std::uint32_t n = 0; n < 200; ++n)
      all.run(key(n % 34, n * 77 % 2000), n % kCpus, "lpm_trie, key " + std::to_string(n));
  }
}

TEST(InlineHelpers, MapsOfMaps) {
  for (const MapType outer_type : {MapType::kArrayOfMaps, MapType::kHashOfMaps})
    for (const MapType inner_type : {MapType::kArray, MapType::kHash, MapType::kPerCpuArray, MapType::kLruHash}) {
      auto outer = *spec(outer_type, 4, 4, 5);
      outer.inner = spec(inner_type, 4, 8, 3, "inner");
      // The inner map's model is also a map of the program: looking up there is something else.
      const Maps maps = {std::make_shared<const MapSpec>(outer), outer.inner};
      const std::string text =
          packet_of(8) +
          "r6 = r2\nr1 = map[idx:0]\ncall 1\nif r0 == 0 goto +7\nr1 = r0\nr2 = r6\nr2 += 4\ncall 1\n"
          "if r0 == 0 goto +2\nr0 = *(u64 *)(r0 + 0)\nexit\n"
          "r2 = r6\nr2 += 4\nr1 = map[idx:1]\ncall 1\nif r0 == 0 goto +2\nr0 = *(u64 *)(r0 + 0)\nexit\n"
          "r0 = 7\nexit\n";
      Everywhere all(verified(text, maps));
      std::vector<std::shared_ptr<Map>> kept;
      for (const auto& runner : all.runners()) {
        std::uint64_t value = 500;
        for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu)
          EXPECT_EQ(runner->maps().at(1)->update(bytes_of(2u).data(), &value, 0, cpu), 0);
        for (const std::uint32_t slot : {0u, 2u, 4u}) {
          kept.push_back(make_map(*outer.inner, kCpus).value());
          for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) {
            value = 1000 * slot + cpu;
            EXPECT_EQ(kept.back()->update(bytes_of(1u).data(), &value, 0, cpu), 0);
          }
          auto& of_maps = dynamic_cast<maps::MapOfMaps&>(*runner->maps().at(0));
          EXPECT_EQ(of_maps.set_inner(bytes_of(slot), kept.back(), UpdateFlag::kAny), 0);
        }
      }
      for (const std::uint32_t slot : {0u, 1u, 2u, 3u, 4u, 5u, 6u, ~0u})
        for (const std::uint32_t key : {0u, 1u, 2u, 3u, ~0u})
          for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu)
            all.run(bytes_of(slot) + bytes_of(key), cpu,
                    type_name(inner_type) + " in slot " + std::to_string(slot) + ", key " + std::to_string(key));
    }
}

TEST(InlineHelpers, OtherCpusValues) {
  for (const MapType type : {MapType::kPerCpuArray, MapType::kPerCpuHash, MapType::kLruPerCpuHash}) {
    const std::string text = packet_of(8) +
                             "r3 = *(u32 *)(r2 + 4)\nr1 = map[idx:0]\ncall 195\nif r0 == 0 goto +2\n"
                             "r0 = *(u64 *)(r0 + 0)\nexit\nr0 = 7\nexit\n";
    Everywhere all(verified(text, {spec(type, 4, 8, 3)}));
    for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) all.put(bytes_of(1u), bytes_of(std::uint64_t{100} + cpu), cpu);
    for (const std::uint32_t cpu : {0u, 1u, kCpus - 1, kCpus, ~0u})
      for (const std::uint32_t key : {0u, 1u, 3u}) all.run(bytes_of(key) + bytes_of(cpu), 2, type_name(type));
  }
}

TEST(InlineHelpers, CpuAndNode) {
  Everywhere all(verified("call 8\nr6 = r0\ncall 42\nr0 += r6\nexit\n", {}));
  for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) EXPECT_EQ(all.run({}, cpu, "number"), cpu);
}

/// Says what nobody else would.
class OddHost final : public Host {
 public:
  std::uint64_t now_ns(Clock clock) override { return 1'000'000'000 * (static_cast<std::uint64_t>(clock) + 1); }
  std::uint32_t random_u32() override { return 4; }
  Task current_task() override { return {.pid = 2, .tgid = 1, .uid = 3, .gid = 4, .comm = {}}; }
  void trace(std::string_view) override {}
  bool read_memory(std::uint64_t, std::span<std::byte>) override { return false; }
  int perf_output(Map&, std::uint32_t, std::span<const std::byte>) override { return 0; }
};

/// ktime_get_ns, _boot_ns, _coarse_ns, _tai_ns, jiffies64, get_prandom_u32.
constexpr std::int32_t kHostHelpers[] = {5, 125, 160, 208, 118, 7};

std::uint64_t ask_host(const Config& config, std::int32_t helper, const std::shared_ptr<Host>& host) {
  Vm vm(Platform::linux_like(),
        {.engine = config.engine, .cpus = kCpus, .host = host, .inline_helpers = config.inlined});
  const auto image = vm.load(verified("call " + std::to_string(helper) + "\nexit\n", {}));
  XdpContext context;
  return image->run(std::as_writable_bytes(std::span(&context, 1))).r0;
}

TEST(InlineHelpers, TheEmbeddersHostIsAsked) {
  const auto host = std::make_shared<OddHost>();
  Env env;
  env.host = host.get();
  for (const std::int32_t helper : kHostHelpers)
    for (const Config& config : configs())
      EXPECT_EQ(ask_host(config, helper, host), helpers::find(helper)(0, 0, 0, 0, 0, env)) << config.name << helper;
}

TEST(InlineHelpers, ThisMachinesClocksAreOnes) {
  helpers::RealHost real;
  Env env;
  env.host = &real;
  for (const std::int32_t helper : kHostHelpers)
    for (const Config& config : configs()) {
      const std::uint64_t before = helpers::find(helper)(0, 0, 0, 0, 0, env);
      const std::uint64_t now = ask_host(config, helper, nullptr);
      const std::uint64_t after = helpers::find(helper)(0, 0, 0, 0, 0, env);
      if (helper == 7) {
        EXPECT_LE(now, ~std::uint32_t{0});
      } else {
        EXPECT_TRUE(before <= now && now <= after) << config.name << ", " << helper;
      }
    }
}

TEST(InlineHelpers, TheTaskIsThisThread) {
  helpers::RealHost real;
  Env env;
  env.host = &real;
  for (const HelperId id : {HelperId::get_current_pid_tgid, HelperId::get_current_uid_gid})
    EXPECT_EQ(helpers::find_for_real_host(id)(0, 0, 0, 0, 0, env),
              helpers::find(static_cast<std::int32_t>(id))(0, 0, 0, 0, 0, env));
}

TEST(InlineHelpers, RedirectWritesTheContext) {
  const std::string text = packet_of(16) + "r1 = *(u64 *)(r2 + 0)\nr2 = *(u64 *)(r2 + 8)\ncall 23\nexit\n";
  Everywhere all(verified(text, {}));
  for (const std::uint64_t flags : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32, ~std::uint64_t{0}})
    for (const std::uint64_t ifindex : {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{0x1'0000'0007}})
      for (const auto& runner : all.runners()) {
        Bytes frame = bytes_of(ifindex) + bytes_of(flags);
        XdpContext context;
        context.data = context.data_meta = context.frame_start = address_of(frame.data());
        context.data_end = context.frame_end = context.data + frame.size();
        context.redirect_map = 5;
        context.redirect_ifindex = 3;
        EXPECT_EQ(runner->run(context, 0), flags == 0 ? 4u : 0u) << runner->name();
        EXPECT_EQ(context.redirect_map, flags == 0 ? 0u : 5u) << runner->name();
        EXPECT_EQ(context.redirect_ifindex, flags == 0 ? static_cast<std::uint32_t>(ifindex) : 3u) << runner->name();
      }
}

TEST(InlineHelpers, RedirectMapWritesTheContext) {
  for (const MapType type : {MapType::kDevMap, MapType::kDevMapHash, MapType::kCpuMap, MapType::kXskMap}) {
    const std::string text =
        packet_of(16) + "r6 = *(u64 *)(r2 + 8)\nr2 = *(u64 *)(r2 + 0)\nr1 = map[idx:0]\nr3 = r6\ncall 51\nexit\n";
    Everywhere all(verified(text, {spec(type, 4, 4, 4)}));
    all.put(bytes_of(1u), bytes_of(1u));
    for (const std::uint64_t flags : {0u, 1u, 2u, 3u, 4u, 8u, 9u, 16u, 24u, 32u})
      for (const std::uint64_t key :
           {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4}, std::uint64_t{1} << 32 | 1}) {
        XdpContext want;
        std::uint64_t want_r0 = 0;
        for (const auto& runner : all.runners()) {
          Bytes frame = bytes_of(key) + bytes_of(flags);
          XdpContext context;
          context.data = context.data_meta = context.frame_start = address_of(frame.data());
          context.data_end = context.frame_end = context.data + frame.size();
          const std::uint64_t r0 = runner->run(context, 0);
          context.redirect_map = context.redirect_map == address_of(runner->maps().at(0).get()) ? 1 : 0;
          if (runner == all.runners().front()) {
            want = context;
            want_r0 = r0;
          }
          EXPECT_EQ(r0, want_r0) << runner->name() << ", " << type_name(type);
          EXPECT_EQ(context.redirect_map, want.redirect_map) << runner->name();
          EXPECT_EQ(context.redirect_key, want.redirect_key) << runner->name();
          EXPECT_EQ(context.redirect_flags, want.redirect_flags) << runner->name();
          EXPECT_EQ(context.redirect_ifindex, want.redirect_ifindex) << runner->name();
        }
      }
  }
}

}  // namespace
}  // namespace skep::differential
