// SPDX-License-Identifier: Apache-2.0
// helper/HELPER/PEER: one call of a helper, in a loop of 32 that is measured with it (`_loop` is the loop alone); of
// tail-call, one of the 33 jumps of a program to itself. `jit-calls` is the JIT without inlining.
#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "base/address.h"
#include "base/try.h"
#include "bench/experiments.h"
#include "kernel/bpf.h"
#include "skep/context.h"
#include "skep/isa.h"
#include "skep/runner.h"
#include "skep/vm.h"

namespace skep::bench {
namespace {

constexpr std::uint32_t kEntries = 64;
constexpr std::uint64_t kCalls = 32, kTailCalls = 33, kRuns = 64;

struct Item {
  std::string name;
  std::string body;  ///< What the loop does; r6 counts down. A program of its own where `tail_calls`.
  MapType map = MapType::kUnspec;
  std::uint32_t key_size = 4;
  bool tail_calls = false;
};

/// r2 = a key that the map has, put on the stack in words of 32 bits, as C does with structures of them.
std::string key(std::uint32_t size) {
  const auto at = [&](std::uint32_t word) { return "*(u32 *)(r10 - " + std::to_string(size - word) + ") = "; };
  std::string text;
  for (std::uint32_t word = 4; word < size; word += 4) text += at(word) + "0\n";
  return text + "r1 = r6\nr1 &= 63\n" + at(0) + "r1\nr2 = r10\nr2 += -" + std::to_string(size) + "\n";
}
std::string lookup(const std::string& key) {
  return key + "r1 = map[idx:0]\ncall 1\nif r0 == 0 goto +1\nr1 = *(u64 *)(r0 + 0)\n";
}
std::string update(const std::string& key) {
  return key + "*(u64 *)(r10 - 64) = 7\nr3 = r10\nr3 += -64\nr4 = 0\nr1 = map[idx:0]\ncall 2\n";
}

std::vector<Item> items() {
  const std::string prefix = "*(u32 *)(r10 - 8) = 32\nr1 = r6\nr1 &= 63\n*(u32 *)(r10 - 4) = r1\nr2 = r10\nr2 += -8\n";
  const std::string first = "*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\n";
  return {
      {"_loop", ""},
      {"array-lookup", lookup(key(4)), MapType::kArray},
      {"array-lookup-first", lookup(first), MapType::kArray},
      {"percpu_array-lookup", lookup(key(4)), MapType::kPerCpuArray},
      {"percpu_array-lookup-first", lookup(first), MapType::kPerCpuArray},
      {"hash-lookup-4", lookup(key(4)), MapType::kHash, 4},
      {"hash-lookup-8", lookup(key(8)), MapType::kHash, 8},
      {"hash-lookup-12", lookup(key(12)), MapType::kHash, 12},
      {"hash-lookup-16", lookup(key(16)), MapType::kHash, 16},
      {"hash-lookup-40", lookup(key(40)), MapType::kHash, 40},
      {"percpu_hash-lookup", lookup(key(4)), MapType::kPerCpuHash},
      {"lru_hash-lookup", lookup(key(4)), MapType::kLruHash},
      {"lpm_trie-lookup", lookup(prefix), MapType::kLpmTrie, 8},
      {"array-update", update(key(4)), MapType::kArray},
      {"hash-update", update(key(4)), MapType::kHash},
      {"ktime_get_ns", "call 5\n"},
      {"get_prandom_u32", "call 7\n"},
      {"get_smp_processor_id", "call 8\n"},
      {"redirect", "r1 = 1\nr2 = 0\ncall 23\n"},
      {"tail-call", "r2 = map[idx:0]\nr3 = 0\ncall 12\nr0 = 2\nexit\n", MapType::kProgArray, 4, true},
  };
}

Result<Program> program_of(const Item& item) {
  Program program;
  std::string text = item.body;
  if (!item.tail_calls) {
    TRY(const isa::Insns body, isa::assemble(item.body.empty() ? "r0 = 0\n" : item.body, isa::Syntax::kC));
    text = "r6 = " + std::to_string(kCalls) + "\n" + (item.body.empty() ? "r0 = 0\n" : item.body) +
           "r6 += -1\nif r6 != 0 goto -" + std::to_string(body.size() + 2) + "\nr0 = 2\nexit\n";
  }
  TRY(program.insns, isa::assemble(text, isa::Syntax::kC));
  program.name = "prog";
  program.type = ProgramType::kXdp;
  program.license = "GPL";
  program.functions = {{.first = 0, .name = "prog"}};
  if (item.map == MapType::kUnspec) return program;
  MapSpec spec{.name = "map",
               .type = item.map,
               .key_size = item.key_size,
               .value_size = item.tail_calls ? 4u : 8u,
               .max_entries = item.tail_calls ? 1 : kEntries};
  if (item.map == MapType::kLpmTrie) spec.flags = map_flags::kNoPrealloc;
  program.maps = {std::make_shared<const MapSpec>(spec)};
  return program;
}

using Bytes = std::vector<std::byte>;
/// Key `n` as the programs make it.
Bytes key_bytes(const Item& item, std::uint32_t n) {
  Bytes bytes(item.key_size);
  const bool prefix = item.map == MapType::kLpmTrie;
  const std::uint32_t length = 32;
  if (prefix) std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + (prefix ? sizeof length : 0), &n, sizeof n);
  return bytes;
}
bool is_filled(const Item& item) { return item.map != MapType::kUnspec && !item.tail_calls; }

struct InVm {
  Vm vm;
  Runner runner;
  XdpContext context;
};

Result<std::shared_ptr<InVm>> load(const VmOptions& options, const Item& item) {
  TRY(const Program program, program_of(item));
  Verdict verdict = verify(program);
  if (const auto* rejection = std::get_if<Rejection>(&verdict))
    return Error{Errc::kInvalid, "rejected: " + message(rejection->reason)};
  Vm vm(Platform::linux_like(), options);
  TRY(const Image image, vm.load(std::get<VerifiedProgram>(verdict)));
  for (std::uint32_t n = 0; is_filled(item) && n < kEntries; ++n) {
    const std::uint64_t value = n;
    if (vm.find_map("map")->update(key_bytes(item, n).data(), &value, 0, 0) != 0)
      return Error{Errc::kSystem, "cannot fill its map"};
  }
  if (item.tail_calls && vm.set_tail_call(*vm.find_map("map"), 0, image) != 0)
    return Error{Errc::kSystem, "cannot fill its prog_array"};
  return std::make_shared<InVm>(InVm{std::move(vm), Runner(image, {.cpu = 0}), {}});
}

struct InKernel {
  kernel::Loaded loaded;
  Bytes packet = Bytes(64);
};

Result<std::shared_ptr<InKernel>> load_in_kernel(const Item& item) {
  TRY(const Program program, program_of(item));
  auto made = std::make_shared<InKernel>();
  TRY(made->loaded, kernel::load(program));
  if (!made->loaded.accepted()) return Error{Errc::kInvalid, made->loaded.last_sentence()};
  // A value of a per-CPU map is one for each possible CPU.
  const Bytes value(std::size_t{8} * 512);
  for (std::uint32_t n = 0; is_filled(item) && n < kEntries; ++n)
    if (kernel::map_update(made->loaded.maps[0], key_bytes(item, n), value, 0) != 0)
      return Error{Errc::kSystem, "cannot fill its map"};
  const int fd = made->loaded.program.get();
  if (item.tail_calls &&
      kernel::map_update(made->loaded.maps[0], key_bytes(item, 0), std::as_bytes(std::span(&fd, 1)), 0) != 0)
    return Error{Errc::kSystem, "cannot fill its prog_array"};
  return made;
}

void add_vm(const std::string& peer, const VmOptions& options, const Item& item, Plan& plan) {
  const std::string name = "helper/" + item.name + "/" + peer;
  const auto loaded = load(options, item);
  if (!loaded) return plan.left_out.push_back(name + ": " + loaded.error().message);
  plan.series.push_back({.name = name,
                         .items = kRuns * (item.tail_calls ? kTailCalls : kCalls),
                         .work =
                             [run = *loaded] {
                               const auto bytes = std::as_writable_bytes(std::span(&run->context, 1));
                               for (std::uint64_t i = 0; i < kRuns; ++i) static_cast<void>(run->runner.run(bytes));
                             },
                         .timed = {}});
}

void add_kernel(const Item& item, Plan& plan) {
  const std::string name = "helper/" + item.name + "/kernel-test-run";
  const auto loaded = load_in_kernel(item);
  if (!loaded) return plan.left_out.push_back(name + ": " + loaded.error().message);
  constexpr std::uint32_t kRepeat = 2000;
  plan.series.push_back({.name = name,
                         .items = kRepeat * (item.tail_calls ? kTailCalls : kCalls),
                         .work = {},
                         .timed = [run = *loaded]() -> double {
                           const auto result = kernel::test_run(
                               run->loaded.program, {.data = run->packet, .context = {}, .repeat = kRepeat});
                           return result ? static_cast<double>(result->duration_ns) * kRepeat : 0.0;
                         }});
}

}  // namespace

void plan_helpers(Plan& plan) {
  for (const Item& item : items()) {
    add_vm("jit", {.engine = Engine::kJit, .cpus = 2, .host = nullptr}, item, plan);
    add_vm("jit-calls", {.engine = Engine::kJit, .cpus = 2, .host = nullptr, .inline_helpers = false}, item, plan);
    add_vm("interpreter", {.engine = Engine::kInterpreter, .cpus = 2, .host = nullptr}, item, plan);
    add_kernel(item, plan);
  }
}

}  // namespace skep::bench
