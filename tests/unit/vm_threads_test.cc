// SPDX-License-Identifier: Apache-2.0
// One image run by several threads while the embedder reads and writes its maps, replaces what it tail-calls, and
// destroys the Vm. The thread sanitizer watches the same runs.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bit>
#include <functional>
#include <optional>
#include <thread>

#include "maps/map_of_maps.h"
#include "thread_sanitizer.h"
#include "vm_fixture.h"

namespace skep::vm_tests {
namespace {

constexpr std::uint32_t kThreads = 3;
constexpr std::uint64_t kRounds = 5000;

/// Threads that run programs while the test does something else.
class Runners {
 public:
  explicit Runners(const std::function<void()>& body) {
    for (std::uint32_t i = 0; i < kThreads; ++i)
      threads_.emplace_back([this, body] {
        body();
        ++started_;
        while (!done_) body();
      });
    while (started_ != kThreads) std::this_thread::yield();
  }
  ~Runners() { stop(); }
  Runners(const Runners&) = delete;
  Runners& operator=(const Runners&) = delete;
  void stop() {
    done_ = true;
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }

 private:
  std::atomic<bool> done_ = false;
  std::atomic<std::uint32_t> started_ = 0;
  std::vector<std::thread> threads_;
};

using Key = std::array<std::byte, 4>;
Key key_of(std::uint32_t key) { return std::bit_cast<Key>(key); }

/// The thread sanitizer does not see what native code loads, and so misses how an inner map got from one thread to the
/// other: where it watches, native code calls helpers.
bool inlines(Engine engine) { return engine != Engine::kJit || !kThreadSanitizer; }

/// Of verified programs, the facts let engines look up and jump by themselves; of others, helpers are called.
enum class Facts : std::uint8_t { kKnown, kUnknown };
struct How {
  Engine engine{};
  Facts facts{};
};
std::vector<How> ways() {
  std::vector<How> all;
  for (const Engine engine : available_engines())
    for (const Facts facts : {Facts::kKnown, Facts::kUnknown}) all.push_back({engine, facts});
  return all;
}

class Threads : public testing::TestWithParam<How> {
 protected:
  std::shared_ptr<Map> map(std::string_view name) { return vm.find_map(name); }
  [[nodiscard]] static VerifiedProgram program(std::string_view text, Maps maps = {}) {
    return GetParam().facts == Facts::kKnown ? verified(text, std::move(maps))
                                             : vm_tests::program(text, std::move(maps));
  }
  Image load(const VerifiedProgram& program) {
    Result<Image> image = vm.load(program);
    if (image) return *image;
    ADD_FAILURE() << image.error().message;
    return Image(nullptr);
  }
  Vm vm{Platform::linux_like(),
        {.engine = GetParam().engine, .cpus = 8, .host = nullptr, .inline_helpers = inlines(GetParam().engine)}};
};
INSTANTIATE_TEST_SUITE_P(Engines, Threads, testing::ValuesIn(ways()), [](const auto& one) {
  return std::string(one.param.engine == Engine::kJit ? "jit" : "interpreter") +
         (one.param.facts == Facts::kKnown ? "_verified" : "_trusted");
});

constexpr std::string_view kAddOne =
    "*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[idx:0]\ncall 1\nif r0 == 0 goto +2\n"
    "r1 = 1\nlock *(u64 *)(r0 + 0) += r1\nr0 = 0\nexit\n";

TEST_P(Threads, AtomicAdditionsAreNotLost) {
  const Image image = load(program(kAddOne, {counters()}));
  std::atomic<std::uint64_t> rounds = 0;
  Runners runners([&] {
    if (image.run({}).trap == Trap::kNone) ++rounds;
  });
  // The user sees the count grow, never shrink.
  std::uint64_t last = 0;
  while (last < kRounds) {
    std::uint64_t now = 0;
    ASSERT_EQ(map("counters")->get(key_of(1), std::as_writable_bytes(std::span(&now, 1))), 0);
    ASSERT_GE(now, last);
    last = now;
  }
  runners.stop();
  std::uint64_t sum = 0;
  EXPECT_EQ(map("counters")->get(key_of(1), std::as_writable_bytes(std::span(&sum, 1))), 0);
  EXPECT_EQ(sum, rounds);
}

TEST_P(Threads, EachThreadHasItsOwnValueOfAPerCpuMap) {
  const Image image =
      load(program("*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[idx:0]\ncall 1\nif r0 == 0 goto +3\n"
                   "r1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\nr0 = 0\nexit\n",
                   {counters(MapType::kPerCpuArray)}));
  std::atomic<std::uint64_t> rounds = 0;
  Runners runners([&] {
    if (image.run({}).trap == Trap::kNone) ++rounds;
  });
  std::array<std::uint64_t, 8> values{};
  while (rounds < kRounds) {
    ASSERT_EQ(map("counters")->get(key_of(1), std::as_writable_bytes(std::span(values))), 0);
    std::this_thread::yield();
  }
  runners.stop();
  EXPECT_EQ(map("counters")->get(key_of(1), std::as_writable_bytes(std::span(values))), 0);
  std::uint64_t sum = 0;
  for (const std::uint64_t value : values) sum += value;
  EXPECT_EQ(sum, rounds);
}

TEST_P(Threads, ValuesThatTheUserReplacesAreOldOrNew) {
  const auto settings =
      spec({.name = "settings", .type = MapType::kHash, .key_size = 4, .value_size = 8, .max_entries = 4});
  const Image image =
      load(program("*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[idx:0]\ncall 1\nif r0 == 0 goto +1\n"
                   "r0 = *(u64 *)(r0 + 0)\nexit\n",
                   {settings}));
  std::atomic<std::uint64_t> rounds = 0, wrong = 0;
  Runners runners([&] {
    const std::uint64_t r0 = image.run({}).r0;
    ++rounds;
    if (r0 != 0 && (r0 >> 32 != 7 || static_cast<std::uint32_t>(r0) >= kRounds)) ++wrong;
  });
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    const std::uint64_t value = std::uint64_t{7} << 32 | round;
    EXPECT_EQ(map("settings")->put(key_of(1), std::as_bytes(std::span(&value, 1)), UpdateFlag::kAny), 0);
    if (round % 16 == 0) {
      EXPECT_EQ(map("settings")->remove(key_of(1)), 0);
    }
  }
  runners.stop();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(image.run({}).r0, std::uint64_t{7} << 32 | (kRounds - 1));
}

TEST_P(Threads, InnerMapsThatAreReplacedStayWhileTheyAreUsed) {
  MapSpec outer{.name = "outer", .type = MapType::kArrayOfMaps, .key_size = 4, .value_size = 4, .max_entries = 2};
  outer.inner = spec({.name = "inner", .type = MapType::kHash, .key_size = 4, .value_size = 8, .max_entries = 4});
  const Image image = load(program(
      "*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[idx:0]\ncall 1\nif r0 == 0 goto +6\nr1 = r0\nr2 = r10\n"
      "r2 += -4\ncall 1\nif r0 == 0 goto +1\nr0 = *(u64 *)(r0 + 0)\nexit\n",
      {spec(outer)}));
  auto& of_maps = dynamic_cast<maps::MapOfMaps&>(*map("outer"));
  std::atomic<std::uint64_t> wrong = 0;
  Runners runners([&] {
    const std::uint64_t r0 = image.run({}).r0;
    if (r0 != 0 && (r0 < 100 || r0 >= 300)) ++wrong;
  });
  for (std::uint64_t value = 100; value < 300; ++value) {
    const auto inner = make_map(*outer.inner, 8).value();
    EXPECT_EQ(inner->put(key_of(1), std::as_bytes(std::span(&value, 1)), UpdateFlag::kAny), 0);
    EXPECT_EQ(of_maps.set_inner(key_of(1), inner, UpdateFlag::kAny), 0);
    if (value % 8 == 0) {
      EXPECT_EQ(of_maps.remove(key_of(1)), 0);
    }
  }
  runners.stop();
  EXPECT_EQ(wrong, 0u);
}

TEST_P(Threads, ReplacedTailCallTargetsStayWhileTheyRun) {
  const Image caller = load(program(kJumpToSlot1, {prog_array()}));
  const auto jumps = map("jumps");
  std::atomic<std::uint64_t> wrong = 0;
  std::weak_ptr<const Image::Impl> first;
  {
    Runners runners([&] {
      const std::uint64_t r0 = caller.run({}).r0;
      if (r0 != 5 && (r0 < 100 || r0 >= 300)) ++wrong;
    });
    for (int i = 0; i < 200; ++i) {
      // The image dies with this scope; the run that may be inside of it keeps its code.
      const Image callee = load(program("r0 = " + std::to_string(100 + i) + "\nexit\n"));
      if (i == 0) first = callee.impl();
      EXPECT_EQ(vm.set_tail_call(*jumps, 1, callee), 0);
      if (i % 8 == 0) {
        EXPECT_EQ(jumps->remove(key_of(1)), 0);
      }
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(caller.run({}).r0, 299u);
  // What no slot and no run holds is released at the next replacement.
  EXPECT_EQ(vm.set_tail_call(*jumps, 1, caller), 0);
  EXPECT_TRUE(first.expired());
}

TEST_P(Threads, TheVmMayGoWhileItsImagesRun) {
  auto own = std::make_optional<Vm>(Platform::linux_like(),
                                    VmOptions{.engine = GetParam().engine, .cpus = 8, .host = nullptr});
  const Image caller = own->load(program(kJumpToSlot1, {prog_array()})).value();
  EXPECT_EQ(own->set_tail_call(*own->find_map("jumps"), 1, own->load(program("r0 = 42\nexit\n")).value()), 0);
  EXPECT_EQ(caller.run({}).r0, 42u);
  std::atomic<std::uint64_t> wrong = 0;
  Runners runners([&] {
    const std::uint64_t r0 = caller.run({}).r0;
    if (r0 != 5 && r0 != 42) ++wrong;
  });
  own.reset();
  runners.stop();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(caller.run({}).r0, 5u);
}

/// One flag for the runs of several threads, each of which is in an endless loop, in a callback or not.
TEST_P(Threads, AFlagEndsTheRunsOfAllThreads) {
  Vm limited(Platform::linux_like(), {.engine = GetParam().engine, .cpus = 8, .limits = {.stop = true}});
  for (const std::string_view text :
       {"r0 = 0\nr0 += 1\ngoto -2\n", "r1 = 10\nr2 = subprog[+5]\nr3 = 0\nr4 = 0\ncall 181\nexit\nr0 = 0\ngoto -2\n"}) {
    const Image image = limited.load(vm_tests::program(text)).value();
    StopFlag flag;
    std::atomic<std::uint32_t> started = 0, stopped = 0;
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        ++started;
        if (image.run({}, {.stop = &flag}).trap == Trap::kStopped) ++stopped;
      });
    while (started != kThreads) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();  // Into the runs, most of the time.
    flag.request();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(stopped, kThreads) << text;
  }
}

}  // namespace
}  // namespace skep::vm_tests
