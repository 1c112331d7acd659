// SPDX-License-Identifier: Apache-2.0
// Random programs on every engine: same r0, same memory, same trap. SKEP_DIFFERENTIAL_PROGRAMS and
// SKEP_DIFFERENTIAL_SEED set how many, and where to begin, for soaking or for one seed again.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skep/isa.h"
#include "skep/vm.h"
#include "tests/differential/random_program.h"
#include "tests/jit_variants.h"
#include "tests/reference/reference.h"

namespace skep::differential {
namespace {

#ifdef __aarch64__
constexpr std::uint64_t kPrograms = 4'000;  // Usually under qemu.
#else
constexpr std::uint64_t kPrograms = 100'000;
#endif

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

std::uint64_t mix(std::uint64_t r1, std::uint64_t r2, std::uint64_t r3, std::uint64_t r4, std::uint64_t r5, Env&) {
  return ((((r1 * 31 + r2) * 31 + r3) * 31 + r4) * 31 + r5) ^ 0x5bd1e995;
}

const Platform& platform() {
  static const Platform with_helpers = [] {
    using enum ArgKind;
    return Platform::linux_like()
        .with_helper({.id = kMixHelper,
                      .name = "mix",
                      .returns = RetKind::Integer,
                      .args = {Anything, Anything, Anything, Anything, Anything},
                      .available = kAllTypes},
                     mix)
        .value();
  }();
  return with_helpers;
}

struct Outcome {
  RunResult result;
  alignas(8) std::array<std::byte, kContextBytes> context{};
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
std::string text(const Outcome& outcome) {
  std::string out = "r0=" + std::to_string(outcome.result.r0) +
                    " trap=" + std::to_string(static_cast<int>(outcome.result.trap)) +
                    " at=" + std::to_string(outcome.result.at) + " context=";
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const std::byte byte : outcome.context) {
    out += kDigits[std::to_integer<unsigned>(byte) >> 4];
    out += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return out;
}

Outcome fresh(std::uint64_t seed) {
  Outcome outcome;
  for (std::size_t i = 0; i < outcome.context.size(); ++i)
    outcome.context[i] = static_cast<std::byte>((seed + i) * 0x9d);
  return outcome;
}

Outcome run_reference(const Program& program, std::uint64_t seed) {
  Outcome outcome = fresh(seed);
  reference::Options options;
  options.budget = 1'000'000;
  options.helper = [](std::int32_t id) -> HelperFn { return id == kMixHelper ? mix : nullptr; };
  outcome.result = reference::run(program, outcome.context, options);
  return outcome;
}

struct Engines {
  Vm interpreter{platform(), {.engine = Engine::kInterpreter, .cpus = 1, .host = nullptr}};
  /// Of native code, the first of which every program runs on, and one of the others.
  std::vector<std::pair<std::string, Vm>> jits;
  Engines() {
    for (JitVariant& variant : jit_variants()) jits.emplace_back(variant.name, Vm(platform(), variant.options));
  }
};

Outcome run(Vm& vm, const Program& program, std::uint64_t seed, const RunOptions& options) {
  Outcome outcome = fresh(seed);
  const Result<Image> image = vm.load(VerifiedProgram::trust_without_verification(program));
  if (!image) {
    ADD_FAILURE() << "seed " << seed << ": " << image.error().message;
    return outcome;
  }
  outcome.result = image->run(outcome.context, options);
  return outcome;
}

using Difference = std::function<std::optional<std::string>(const Program&)>;

/// Shortens what fails: instructions become moves of a register to itself as long as the difference stays.
Program minimise(Program program, const Difference& differs) {
  const isa::Insn nothing =
      isa::Alu{.op = isa::AluOp::kMov, .width = isa::Width::k64, .dst = isa::kR0, .src = isa::kR0};
  for (isa::Insn& insn : program.insns) {
    const auto* alu = std::get_if<isa::Alu>(&insn);
    const bool keep = alu != nullptr
                          ? alu->dst.index >= 8
                          : !std::holds_alternative<isa::Store>(insn) && !std::holds_alternative<isa::ByteSwap>(insn) &&
                                !std::holds_alternative<isa::Atomic>(insn);
    if (keep || insn == nothing) continue;
    const isa::Insn before = std::exchange(insn, nothing);
    if (!differs(program)) insn = before;
  }
  return program;
}

std::string listing(const Program& program) {
  std::string out;
  for (InsnIndex at = 0; at < program.insns.size(); ++at)
    out += std::to_string(at) + ": " + isa::print(program.insns, at, isa::Syntax::kC) + "\n";
  return out;
}

void expect_same(const Program& program, std::uint64_t seed, const Difference& differs) {
  const auto difference = differs(program);
  if (!difference) return;
  const Program small = minimise(program, differs);
  ADD_FAILURE() << "SKEP_DIFFERENTIAL_SEED=" << seed << " SKEP_DIFFERENTIAL_PROGRAMS=1: " << *difference
                << "\nminimised:\n"
                << *differs(small) << "\n"
                << listing(small);
}

std::optional<std::string> compare(const std::string& name, const Outcome& want, const Outcome& got) {
  if (want == got) return std::nullopt;
  return "\nreference: " + text(want) + "\n" + name + ": " + text(got);
}

TEST(Differential, ProgramsInBoundsRunAlikeOnEveryEngine) {
  const std::uint64_t first = from_environment("SKEP_DIFFERENTIAL_SEED", 1);
  const std::uint64_t count = from_environment("SKEP_DIFFERENTIAL_PROGRAMS", kPrograms);
  Engines engines;
  Program smallest;
  smallest.insns = {isa::Exit{}};
  const bool has_jit =
      engines.jits.front().second.load(VerifiedProgram::trust_without_verification(smallest)).has_value();
  std::uint64_t instructions = 0;
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    const Program program = random_program(seed, Safety::kInBounds);
    instructions += program.insns.size();
    expect_same(program, seed, [&](const Program& candidate) -> std::optional<std::string> {
      const Outcome want = run_reference(candidate, seed);
      if (want.result.trap != Trap::kNone) return "\nreference traps: " + text(want);
      if (auto plain = compare("interpreter", want, run(engines.interpreter, candidate, seed, {}))) return plain;
      const RunOptions checked{.checked = true};
      if (auto guarded = compare("checked interpreter", want, run(engines.interpreter, candidate, seed, checked)))
        return guarded;
      if (!has_jit) return std::nullopt;
      for (const std::size_t i : {std::size_t{0}, 1 + seed % (engines.jits.size() - 1)}) {
        auto& [name, vm] = engines.jits[i];
        if (auto native = compare(name, want, run(vm, candidate, seed, {}))) return native;
      }
      return std::nullopt;
    });
  }
  std::printf("%llu programs, %llu instructions, %s\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(instructions), has_jit ? "with native code" : "without native code");
}

/// The least budget with which the run ends by itself: what it takes in all.
std::uint64_t cost(Vm& vm, const Program& program, std::uint64_t seed) {
  const Result<Image> image = vm.load(VerifiedProgram::trust_without_verification(program));
  if (!image) return 0;
  std::uint64_t low = 0, high = 1'000'000;  // Too little, enough.
  while (high - low > 1) {
    const std::uint64_t middle = (low + high) / 2;
    Outcome outcome = fresh(seed);
    (image->run(outcome.context, {.budget = middle}).trap == Trap::kBudget ? low : high) = middle;
  }
  return high;
}

TEST(Differential, NativeCodeCountsNoFewerInstructionsThanTheInterpreter) {
  const std::uint64_t first = from_environment("SKEP_DIFFERENTIAL_SEED", 1);
  const std::uint64_t count = from_environment("SKEP_DIFFERENTIAL_PROGRAMS", kPrograms) / 20 + 1;
  Vm interpreter(platform(), {.engine = Engine::kInterpreter, .cpus = 1});
  Vm jit(platform(), {.engine = Engine::kJit, .cpus = 1, .passes = PassSet::none(), .limits = {.budget = true}});
  if (!jit.load(VerifiedProgram::trust_without_verification(random_program(first, Safety::kInBounds))))
    GTEST_SKIP() << "no native code on this host";
  double ratio = 0;
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    const Program program = random_program(seed, Safety::kInBounds);
    const std::uint64_t exact = cost(interpreter, program, seed), counted = cost(jit, program, seed);
    EXPECT_GE(counted, exact) << "seed " << seed << "\n" << listing(program);
    ratio += static_cast<double>(counted) / static_cast<double>(exact);
  }
  std::printf("native code counts %.2f times what the interpreter does\n", ratio / static_cast<double>(count));
}

TEST(Differential, AccessesOutOfBoundsTrapAlike) {
  const std::uint64_t first = from_environment("SKEP_DIFFERENTIAL_SEED", 1);
  const std::uint64_t count = from_environment("SKEP_DIFFERENTIAL_PROGRAMS", kPrograms) / 4 + 1;
  Engines engines;
  std::uint64_t traps = 0;
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    const Program program = random_program(seed, Safety::kNearMisses);
    expect_same(program, seed, [&](const Program& candidate) {
      const Outcome want = run_reference(candidate, seed);
      traps += want.result.trap == Trap::kMemory ? 1 : 0;
      return compare("checked interpreter", want,
                     run(engines.interpreter, candidate, seed, RunOptions{.checked = true}));
    });
  }
  EXPECT_GT(traps, count / 20);
  EXPECT_LT(traps, count * 19 / 20);
}

}  // namespace
}  // namespace skep::differential
