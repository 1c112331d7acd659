// SPDX-License-Identifier: Apache-2.0
// Random programs that the verifier accepts, executed by the reference interpreter: none traps, and before every
// instruction the registers and the stack hold what the verifier said they would. SKEP_SOUND_PROGRAMS sets how many
// accepted ones, SKEP_SOUND_SEED where to begin.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/address.h"
#include "helpers/helpers.h"
#include "skep/context.h"
#include "skep/isa.h"
#include "skep/verify.h"
#include "tests/listing.h"
#include "tests/reference/reference.h"
#include "tests/soundness/near_accept.h"
#include "tests/soundness/recorded.h"
#include "tests/soundness/setting.h"
#include "tests/verifier/case_file.h"

namespace skep::soundness {
namespace {

constexpr std::int32_t kLookupHelper = 1;

/// Reproducible, and nothing of it leaves the test.
class QuietHost : public Host {
 public:
  void seed(std::uint64_t value) { random_.seed(value); }
  std::uint64_t now_ns(Clock /*clock*/) override { return 1; }
  std::uint32_t random_u32() override {
    const std::uint64_t word = random_();
    return static_cast<std::uint32_t>(word) >> (word >> 59);
  }
  Task current_task() override { return {}; }
  void trace(std::string_view /*message*/) override {}
  bool read_memory(std::uint64_t /*address*/, std::span<std::byte> /*to*/) override { return false; }
  int perf_output(Map& /*map*/, std::uint32_t /*cpu*/, std::span<const std::byte> /*sample*/) override { return 0; }

 private:
  std::mt19937_64 random_;
};

/// The maps that all programs share, and where their values lie.
class Maps {
 public:
  explicit Maps(const Program& program) {
    for (const auto& spec : program.maps) {
      auto made = make_map(*spec, 1);
      if (!made) continue;
      maps_.push_back(*made);
      addresses_.push_back(address_of(made->get()));
      direct_.push_back(address_of(maps_.back()->direct_value()));
      std::vector<std::uint64_t>& values = values_.emplace_back();
      for (std::uint64_t i = 0; direct_.back() != 0 && i < spec->max_entries; ++i)
        values.push_back(direct_.back() + i * kValueSize);
    }
    for (std::uint32_t key = 0; key < kEntries; key += 2) {
      const std::array<std::byte, kValueSize> zeros{};
      maps_[1]->put(std::as_bytes(std::span(&key, 1)), zeros, UpdateFlag::kAny);
    }
    current = this;
  }
  [[nodiscard]] const std::vector<std::uint64_t>& addresses() const { return addresses_; }
  [[nodiscard]] const std::vector<std::uint64_t>& direct() const { return direct_; }
  [[nodiscard]] std::span<const std::vector<std::uint64_t>> values() const { return values_; }

  /// map_lookup_elem, which notes what it gives.
  static std::uint64_t lookup(std::uint64_t map, std::uint64_t key, std::uint64_t r3, std::uint64_t r4,
                              std::uint64_t r5, Env& env) {
    static const HelperFn helper = helpers::find(kLookupHelper);
    const std::uint64_t value = helper(map, key, r3, r4, r5, env);
    if (value != 0) current->note(map, value);
    return value;
  }

 private:
  void note(std::uint64_t map, std::uint64_t value) {
    for (std::size_t i = 0; i < addresses_.size(); ++i)
      if (addresses_[i] == map && std::ranges::find(values_[i], value) == values_[i].end()) values_[i].push_back(value);
  }
  static inline Maps* current = nullptr;

  std::vector<std::shared_ptr<Map>> maps_;
  std::vector<std::uint64_t> addresses_, direct_;
  std::vector<std::vector<std::uint64_t>> values_;
};

/// What a program runs on: a packet of random length and contents, and random numbers about it.
struct Input {
  explicit Input(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (std::byte& byte : frame) byte = random() % 4 == 0 ? std::byte{0xff} : static_cast<std::byte>(random());
    const std::uint64_t start = address_of(frame.data()) + 64;
    const std::uint64_t length = random() % (frame.size() - 64 + 1);
    describe(xdp, start, start + length);
    describe(skb, start, start + length);
    for (std::uint32_t* field : {&xdp.ingress_ifindex, &xdp.rx_queue_index, &skb.len, &skb.pkt_type, &skb.mark,
                                 &skb.queue_mapping, &skb.protocol, &skb.hash})
      *field = static_cast<std::uint32_t>(random() >> random() % 64);
  }
  template <class Context>
  void describe(Context& context, std::uint64_t start, std::uint64_t end) {
    context.data = context.data_meta = start;
    context.data_end = end;
    context.frame_start = address_of(frame.data());
    context.frame_end = address_of(frame.data()) + frame.size();
  }

  std::array<std::byte, 384> frame{};
  XdpContext xdp;
  SkbContext skb;
};

class Runs {
 public:
  explicit Runs(const Program& program) : maps_(program) {
    options_.maps = maps_.addresses();
    options_.map_values = maps_.direct();
    options_.budget = 1'000'000;
    options_.helper = [](std::int32_t id) { return id == kLookupHelper ? &Maps::lookup : helpers::find(id); };
    places_.maps = maps_.addresses();
    places_.values = maps_.values();
    options_.observer = [this](const reference::Step& step) { look(step); };
  }

  /// Empty: as the verifier said. nullptr: nothing is known of its states.
  std::string run(const Program& program, const Recorded* recorded, std::uint64_t seed) {
    recorded_ = recorded;
    wrong_.clear();
    host_.seed(seed);
    Input input(seed);
    input_ = &input;
    Env env{.host = &host_};
    options_.env = &env;
    xdp_ = program.type == ProgramType::kXdp;
    options_.context = xdp_ ? ContextKind::kXdp : ContextKind::kSkBuff;
    const auto context =
        xdp_ ? std::as_writable_bytes(std::span(&input.xdp, 1)) : std::as_writable_bytes(std::span(&input.skb, 1));
    places_.context = address_of(context.data());
    const RunResult result = reference::run(program, context, options_);
    // bpf_loop may go round eight million times: such a run is cut short, which says nothing against the program.
    cut_short_ += result.trap == Trap::kBudget ? 1 : 0;
    if (wrong_.empty() && result.trap != Trap::kNone && result.trap != Trap::kBudget)
      wrong_ = "trap " + std::string(name(result.trap)) + " at " + std::to_string(result.at);
    return wrong_;
  }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t cut_short() const { return cut_short_; }

 private:
  void look(const reference::Step& step) {
    ++steps_;
    if (!wrong_.empty() || recorded_ == nullptr) return;
    places_.frames[step.frame] = step.registers[10];
    places_.packet = xdp_ ? input_->xdp.data : input_->skb.data;
    places_.packet_end = xdp_ ? input_->xdp.data_end : input_->skb.data_end;
    wrong_ = recorded_->mismatch(step, places_);
    if (!wrong_.empty()) wrong_ = std::to_string(step.at) + ": " + wrong_;
  }

  Maps maps_;
  QuietHost host_;
  reference::Options options_;
  Places places_;
  const Recorded* recorded_ = nullptr;
  Input* input_ = nullptr;
  bool xdp_ = false;
  std::string wrong_;
  std::uint64_t steps_ = 0, cut_short_ = 0;
};

TEST(AcceptedPrograms, RunAsTheVerifierSaid) {
  const std::uint64_t wanted = setting("SKEP_SOUND_PROGRAMS", 50'000);
  const std::uint64_t first = setting("SKEP_SOUND_SEED", 1);
  constexpr std::uint32_t kFaults = 40, kRunsOfEach = 2;
  Runs runs(near_accept(first, 0));
  Recorded recorded;
  std::uint64_t accepted = 0, unwatched = 0, instructions = 0, failures = 0, seed = first;
  std::map<std::string, std::uint64_t> reasons;
  for (; accepted < wanted && failures < 5; ++seed) {
    const Program program = near_accept(seed, seed % 4 == 0 ? kFaults : 0);
    const Verdict verdict = verify(program);
    if (const auto* rejection = std::get_if<Rejection>(&verdict)) {
      ++reasons[std::string(name(rejection->reason.code))];
      continue;
    }
    ++accepted;
    // Where the kind of a value depends on the path, a closer look may end in a rejection, or not at all: then only
    // traps tell.
    const bool watched = !recorded.verify(program);
    unwatched += watched ? 0 : 1;
    std::string wrong;
    for (std::uint64_t i = 0; wrong.empty() && i < kRunsOfEach; ++i)
      wrong = runs.run(program, watched ? &recorded : nullptr, seed * kRunsOfEach + i);
    instructions += program.insns.size();
    if (wrong.empty()) continue;
    ++failures;
    ADD_FAILURE() << "SKEP_SOUND_SEED=" << seed << " SKEP_SOUND_PROGRAMS=1: " << wrong << "\n"
                  << test::listing(program);
  }
  std::printf(
      "%llu accepted programs of %llu, %llu instructions, %llu executed, %llu looked at for traps only, "
      "%llu runs cut short\n",
      static_cast<unsigned long long>(accepted), static_cast<unsigned long long>(seed - first),
      static_cast<unsigned long long>(instructions), static_cast<unsigned long long>(runs.steps()),
      static_cast<unsigned long long>(unwatched), static_cast<unsigned long long>(runs.cut_short()));
  for (const auto& [reason, count] : reasons)
    std::printf("  %8llu rejected: %s\n", static_cast<unsigned long long>(count), reason.c_str());
  EXPECT_GT(accepted * 3, seed - first) << "most should be accepted";
  EXPECT_LT(unwatched * 100, accepted);
  EXPECT_LT(runs.cut_short() * 1000, accepted);
}

/// Found by the above, or by others: programs of which Linux 6.18 believes what is not so.
TEST(AcceptedPrograms, AreSoundWhereLinuxIsNot) {
  const auto cases = test::parse_cases(R"(
== a sign-extended fill differs from what was spilled; sched_cls
r7 = *(u32 *)(r1 + 8)
*(u64 *)(r10 - 8) = r7
r9 = *(s32 *)(r10 - 8)
if w7 s< -1 goto +2
r0 = 0
exit
r0 = r9
exit
=> accept

== the same of two bytes; sched_cls
r7 = *(u16 *)(r1 + 8)
*(u64 *)(r10 - 8) = r7
r9 = *(s16 *)(r10 - 8)
if r7 > 32767 goto +2
r0 = 0
exit
r0 = r9
exit
=> accept
)");
  ASSERT_TRUE(cases) << cases.error().message;
  Runs runs(near_accept(1, 0));
  Recorded recorded;
  for (const test::Case& one : *cases) {
    ASSERT_FALSE(recorded.verify(one.program)) << one.name;
    for (std::uint64_t seed = 0; seed < 500; ++seed)
      ASSERT_EQ(runs.run(one.program, &recorded, seed), "") << one.name << ", input " << seed;
  }
}

/// What is said of a register must be able to fail: states of a program with other constants do not fit.
TEST(AcceptedPrograms, AWrongStateIsSeen) {
  Runs runs(near_accept(1, 0));
  Recorded recorded;
  std::uint64_t seen = 0, tried = 0;
  for (std::uint64_t seed = 1; tried < 100; ++seed) {
    const Program program = near_accept(seed, 0);
    Program other = program;
    for (isa::Insn& insn : other.insns)
      if (auto* alu = std::get_if<isa::Alu>(&insn); alu != nullptr && alu->op == isa::AluOp::kMov)
        if (auto* imm = std::get_if<isa::Imm>(&alu->src)) imm->value ^= 1;
    if (std::holds_alternative<Rejection>(verify(program)) || recorded.verify(other)) continue;
    ++tried;
    seen += runs.run(program, &recorded, seed).empty() ? 0 : 1;
  }
  EXPECT_GT(seen, 50u);
}

}  // namespace
}  // namespace skep::soundness
