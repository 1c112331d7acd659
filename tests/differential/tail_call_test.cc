// SPDX-License-Identifier: Apache-2.0
// Tail calls as jumps in native code, through Env::tail_call, in the interpreter and in the reference: the same result.
// tests/unit/vm_threads_test.cc replaces slots while programs run.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "helpers/helpers.h"
#include "skep/context.h"
#include "skep/isa.h"
#include "skep/vm.h"
#include "tests/reference/reference.h"

namespace skep::differential {
namespace {

constexpr std::uint32_t kSlots = 4;
using Maps = std::vector<std::shared_ptr<const MapSpec>>;

/// Map 0: the prog_array. Map 1: how many programs ran.
const Maps& maps() {
  static const Maps all = {
      std::make_shared<const MapSpec>(
          MapSpec{.name = "jumps", .type = MapType::kProgArray, .key_size = 4, .value_size = 4, .max_entries = kSlots}),
      std::make_shared<const MapSpec>(
          MapSpec{.name = "count", .type = MapType::kArray, .key_size = 4, .value_size = 8, .max_entries = 1})};
  return all;
}

Program program(const std::string& text, std::string name) {
  Program made;
  auto insns = isa::assemble(text, isa::Syntax::kC);
  if (!insns) ADD_FAILURE() << insns.error().message << "\n" << text;
  if (insns) made.insns = *insns;
  made.maps = maps();
  made.name = std::move(name);
  made.type = ProgramType::kSchedCls;
  made.license = "GPL";
  made.functions = {{.first = 0, .name = "f"}};
  for (InsnIndex at = 0; at < made.insns.size(); ++at)
    if (const auto* call = std::get_if<isa::Call>(&made.insns[at]);
        call != nullptr && call->kind == isa::CallKind::kLocal)
      made.functions.push_back(
          {.first = static_cast<InsnIndex>(static_cast<std::int64_t>(at) + 1 + call->imm), .name = "g"});
  return made;
}

VerifiedProgram verified(const Program& made) {
  Verdict verdict = verify(made);
  if (auto* accepted = std::get_if<VerifiedProgram>(&verdict)) return std::move(*accepted);
  ADD_FAILURE() << made.name << ": " << message(std::get<Rejection>(verdict).reason);
  return VerifiedProgram::trust_without_verification(made);
}

/// Programs of one scene; those with a slot are put there. The first one is run.
struct Scene {
  struct Member {
    std::string text;
    std::int32_t slot = -1;
  };
  std::vector<Member> members;
};

struct Outcome {
  std::uint64_t r0 = 0, count = 0;
  Trap trap{};
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
std::ostream& operator<<(std::ostream& out, const Outcome& one) {
  return out << "r0 " << one.r0 << ", " << one.count << " programs, trap " << name(one.trap);
}

constexpr std::uint32_t kFirst = 0;

std::uint64_t counted(Map& map) { return *static_cast<const std::uint64_t*>(map.lookup(&kFirst, 0)); }

/// The context's mark says to the program what to do.
SkbContext context(std::uint32_t mark, std::uint64_t word) {
  SkbContext skb;
  skb.mark = mark;
  skb.cb[0] = static_cast<std::uint32_t>(word);
  skb.cb[1] = static_cast<std::uint32_t>(word >> 32);
  return skb;
}

Outcome in_reference(const Scene& scene, std::uint32_t mark, std::uint64_t word) {
  const auto jumps = make_map(*maps()[0], 1).value(), count = make_map(*maps()[1], 1).value();
  std::vector<Program> programs;
  for (const auto& member : scene.members) programs.push_back(program(member.text, "p"));
  SkbContext skb = context(mark, word);
  Env env;
  env.context = &skb;
  env.type = ProgramType::kSchedCls;
  reference::Options options;
  options.context = ContextKind::kSkBuff;
  options.helper = [](std::int32_t id) { return helpers::find(id); };
  options.maps = {address_of(jumps.get()), address_of(count.get())};
  options.map_values = {0, address_of(count->direct_value())};
  options.tail_call = [&](std::uint64_t, std::uint32_t index) -> const Program* {
    for (std::size_t i = 0; i < programs.size(); ++i)
      if (scene.members[i].slot >= 0 && static_cast<std::uint32_t>(scene.members[i].slot) == index) return &programs[i];
    return nullptr;
  };
  options.env = &env;
  const RunResult result = reference::run(programs.front(), std::as_writable_bytes(std::span(&skb, 1)), options);
  return {.r0 = result.r0, .count = counted(*count), .trap = result.trap};
}

struct Config {
  std::string name;
  Engine engine{};
  bool inlined = false;
};
std::vector<Config> configs() {
  std::vector<Config> all = {{"interpreter", Engine::kInterpreter, false},
                             {"interpreter inlined", Engine::kInterpreter, true}};
  Vm vm(Platform::linux_like(), {.engine = Engine::kJit, .cpus = 1, .host = nullptr});
  Program smallest;
  smallest.insns = {isa::Exit{}};
  if (!vm.load(VerifiedProgram::trust_without_verification(smallest))) return all;
  all.push_back({"native", Engine::kJit, false});
  all.push_back({"native inlined", Engine::kJit, true});
  return all;
}

Outcome in_vm(const Config& config, const Scene& scene, std::uint32_t mark, std::uint64_t word) {
  Vm vm(Platform::linux_like(),
        {.engine = config.engine, .cpus = 1, .host = nullptr, .inline_helpers = config.inlined});
  std::vector<Image> images;
  for (std::size_t i = 0; i < scene.members.size(); ++i) {
    auto image = vm.load(verified(program(scene.members[i].text, "p" + std::to_string(i))));
    if (!image) {
      ADD_FAILURE() << image.error().message;
      return {};
    }
    images.push_back(*image);
    if (scene.members[i].slot < 0) continue;
    EXPECT_EQ(vm.set_tail_call(*vm.find_map("jumps"), static_cast<std::uint32_t>(scene.members[i].slot), *image), 0);
  }
  SkbContext skb = context(mark, word);
  const RunResult result = images.front().run(std::as_writable_bytes(std::span(&skb, 1)));
  return {.r0 = result.r0, .count = counted(*vm.find_map("count")), .trap = result.trap};
}

Outcome everywhere(const Scene& scene, std::uint32_t mark = 0, std::uint64_t word = 0) {
  const Outcome want = in_reference(scene, mark, word);
  for (const Config& config : configs()) EXPECT_EQ(in_vm(config, scene, mark, word), want) << config.name;
  return want;
}

/// r6 = the context; one more program ran, r9 of them so far.
const std::string kCount =
    "r6 = r1\n*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map[idx:1]\ncall 1\nif r0 != 0 goto +2\nr0 = 0\nexit\n"
    "r9 = *(u64 *)(r0 + 0)\nr9 += 1\n*(u64 *)(r0 + 0) = r9\n";
/// Jumps to the slot in the first two words of cb, else falls through.
const std::string kJumpToWord =
    "r3 = *(u32 *)(r6 + 52)\nr3 <<= 32\nr4 = *(u32 *)(r6 + 48)\nr3 |= r4\nr1 = r6\nr2 = map[idx:0]\ncall 12\n";

TEST(TailCall, ThirtyThreeAreDoneAndNoMore) {
  const Scene scene{{{kCount + "r1 = *(u32 *)(r6 + 8)\nif r9 >= r1 goto +5\nr1 = r6\nr2 = map[idx:0]\nr3 = 1\ncall 12\n"
                               "r9 += 1000\nr0 = r9\nexit\n",
                      1}}};
  for (std::uint32_t limit = 1; limit < 40; ++limit) {
    const Outcome outcome = everywhere(scene, limit);
    EXPECT_EQ(outcome.count, std::min(limit, kMaxTailCalls + 1));
  }
}

TEST(TailCall, TheSlotIsTheLowHalfOfR3) {
  const Scene scene{{{kCount + kJumpToWord + "r0 = 5\nexit\n"}, {"r0 = 10\nexit\n", 1}, {"r0 = 30\nexit\n", 3}}};
  const std::map<std::uint64_t, std::uint64_t> results = {{0, 5},
                                                          {1, 10},
                                                          {2, 5},
                                                          {3, 30},
                                                          {4, 5},
                                                          {5, 5},
                                                          {0x7fffffff, 5},
                                                          {0x80000001, 5},
                                                          {0xffffffff, 5},
                                                          {0x1'0000'0000, 5},
                                                          {0x1'0000'0001, 10},
                                                          {0xffff'ffff'0000'0003, 30}};
  for (const auto& [word, r0] : results) EXPECT_EQ(everywhere(scene, 0, word).r0, r0) << word;
}

TEST(TailCall, FramesOfAnySizeTakeEachOthersPlace) {
  // A deep frame with all preserved registers, one without a frame, one with a helper call, in turns.
  const std::string deep =
      kCount + "r7 = 1\nr8 = 2\n*(u64 *)(r10 - 512) = 3\n" + kJumpToWord + "r0 = r7\nr0 += r8\nexit\n";
  const std::string shallow = "r2 = map[idx:0]\nr3 = 2\ncall 12\nr0 = 9\nexit\n";
  const std::string calling = kCount + "r1 = r6\nr2 = map[idx:0]\nr3 = 0\ncall 12\nr0 = r9\nexit\n";
  const Scene scene{{{deep, 0}, {shallow, 1}, {calling, 2}}};
  EXPECT_EQ(everywhere(scene, 0, 1).count, 2 * 11u + 1);  // Of every three programs, one does not count.
  EXPECT_EQ(everywhere(scene, 0, 0).count, 34u);
  EXPECT_EQ(everywhere(scene, 0, 3).count, 1u);
}

TEST(TailCall, TheMapThatItIsMayDependOnThePath) {
  const std::string text =
      "r6 = r1\nr2 = map[idx:0]\nr3 = *(u32 *)(r6 + 8)\nif r3 != 2 goto +2\nr2 = map[idx:0]\n"
      "r1 = r6\ncall 12\nr0 = 5\nexit\n";
  const Scene scene{{{text}, {"r0 = 10\nexit\n", 1}, {"r0 = 20\nexit\n", 2}}};
  EXPECT_EQ(everywhere(scene, 1).r0, 10u);
  EXPECT_EQ(everywhere(scene, 2).r0, 20u);
  EXPECT_EQ(everywhere(scene, 3).r0, 5u);
}

}  // namespace
}  // namespace skep::differential
