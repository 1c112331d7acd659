// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/engines.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/differential/random.h"
#include "tests/jit_variants.h"
#include "vm/blame_passes.h"

namespace skep::differential {
namespace {

/// No pass, each alone, all but each.
std::vector<std::pair<std::string, PassSet>> pass_sets() {
  std::vector<std::pair<std::string, PassSet>> all = {{"without_passes", PassSet::none()}};
  for (std::size_t i = 0; i < std::size(kPasses); ++i) {
    all.emplace_back("with_only_" + std::string(kPasses[i].name), PassSet::none().with(static_cast<Pass>(i)));
    all.emplace_back("without_" + std::string(kPasses[i].name), PassSet::all().without(static_cast<Pass>(i)));
  }
  return all;
}

}  // namespace

Engines::Engines() {
  Program smallest;
  smallest.insns = {isa::Exit{}};
  smallest.functions = {{.first = 0, .name = "f"}};
  const VmOptions native{.engine = Engine::kJit, .cpus = 1}, slow{.engine = Engine::kInterpreter, .cpus = 1};
  has_jit_ = Vm(platform(), native).load(VerifiedProgram::trust_without_verification(smallest)).has_value();
  const auto add = [](std::vector<Machine>& to, const std::string& name, const VmOptions& options,
                      const RunOptions& run = {}) {
    to.push_back({.variant = {.name = name, .options = options, .run = run}, .vm = nullptr});
  };
  add(always_, "interpreter", slow);
  add(always_, "checked_interpreter", slow, {.checked = true});
  add(always_, "counting_interpreter", slow, {.budget = 1'000'000'000});
  if (has_jit_) add(always_, "jit", native);
  VmOptions limited = native;
  limited.limits = {.budget = true, .stop = true};
  if (has_jit_) add(sometimes_, "jit_with_budget", limited, {.budget = 1'000'000'000});
  for (const auto& [name, passes] : pass_sets()) {
    VmOptions options = slow;
    options.passes = passes;
    add(sometimes_, "interpreter_" + name, options);
    options.engine = Engine::kJit;
    if (has_jit_) add(sometimes_, "jit_" + name, options);
  }
  // As often as the passes, together: about as many bugs are to be expected in an emitter.
  for (const JitVariant& variant : jit_variants())
    for (int i = 0; i < 4 && has_jit_; ++i) add(sometimes_, variant.name, variant.options);
}

std::optional<Engines::Difference> Engines::compare(Machine& machine, const VerifiedProgram& program,
                                                    const Outcome& want, std::uint64_t seed) {
  if (machine.vm == nullptr) machine.vm = std::make_unique<Vm>(platform(), machine.variant.options);
  const Outcome got = run(*machine.vm, program, seed, machine.variant.run);
  if (got == want) return std::nullopt;
  return Difference{"\nreference: " + text(want) + "\n" + machine.variant.name + ": " + text(got), machine.variant};
}

std::optional<Engines::Difference> Engines::compare(const VerifiedProgram& program, const Outcome& want,
                                                    std::uint64_t seed) {
  for (Machine& machine : always_)
    if (auto difference = compare(machine, program, want, seed)) return difference;
  Random random(~seed);
  for (int i = 0; i < 3; ++i)
    if (auto difference =
            compare(sometimes_[random.below(static_cast<std::uint32_t>(sometimes_.size()))], program, want, seed))
      return difference;
  return std::nullopt;
}

namespace {

/// Shortens what fails: instructions become moves of a register to itself as long as the difference stays.
Program minimise(Program program, const std::function<bool(const Program&)>& differs) {
  const isa::Insn nothing =
      isa::Alu{.op = isa::AluOp::kMov, .width = isa::Width::k64, .dst = isa::kR0, .src = isa::kR0};
  for (isa::Insn& insn : program.insns) {
    const auto* alu = std::get_if<isa::Alu>(&insn);
    const bool keep = (alu != nullptr && alu->dst.index >= 8) || std::holds_alternative<isa::Exit>(insn) ||
                      std::holds_alternative<isa::Continuation>(insn) || std::holds_alternative<isa::LoadImm64>(insn);
    if (keep || insn == nothing) continue;
    const isa::Insn before = std::exchange(insn, nothing);
    if (!differs(program)) insn = before;
  }
  return program;
}

/// nullopt: it may not be run (any more).
std::optional<VerifiedProgram> runnable(const Program& program) {
  if (program.type != ProgramType::kXdp) return VerifiedProgram::trust_without_verification(program);
  Verdict verdict = verify(program);
  if (auto* accepted = std::get_if<VerifiedProgram>(&verdict)) return std::move(*accepted);
  return std::nullopt;
}

}  // namespace

void expect_same(const Program& program, std::uint64_t seed, const Find& find) {
  const auto difference = find(program);
  if (!difference) return;
  // At once: what is minimised below may run for ever.
  ADD_FAILURE() << "SKEP_DIFFERENTIAL_SEED=" << seed << " SKEP_DIFFERENTIAL_PROGRAMS=1" << difference->text;
  const auto differs = [&](const Program& candidate, PassSet passes) {
    const auto verified = runnable(candidate);
    const Outcome want = run_reference(candidate, seed);
    if (!verified || want.result.trap != Trap::kNone) return false;
    VmOptions options = difference->variant.options;
    options.passes = passes;
    Vm vm(platform(), options);
    return run(vm, *verified, seed, difference->variant.run) != want;
  };
  const Blame blame = blame_passes([&](PassSet passes) { return differs(program, passes); });
  // A shorter program must not differ for another reason: because its result depends on an address, say.
  const PassSet needed = blame.pass ? blame.needed : difference->variant.options.passes;
  const Program small = minimise(program, [&](const Program& candidate) {
    return differs(candidate, needed) && (!blame.pass || !differs(candidate, PassSet::none()));
  });
  ADD_FAILURE() << "by " << text(blame) << ", minimised:\n" << listing(small);
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

namespace {

std::atomic<std::uint64_t> running = 0;

void say_seed(int signal) {
  char text[96];
  const int length = std::snprintf(text, sizeof(text), "signal %d in SKEP_DIFFERENTIAL_SEED=%llu\n", signal,
                                   static_cast<unsigned long long>(running.load()));
  if (::write(STDERR_FILENO, text, static_cast<std::size_t>(length)) < 0) std::_Exit(2);
  std::_Exit(1);
}

}  // namespace

SeedGuard::SeedGuard() {
  for (const int signal : {SIGALRM, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}) std::signal(signal, say_seed);
}
void SeedGuard::at(std::uint64_t seed) {
  running = seed;
  if (seed % 256 == 0) ::alarm(300);
}

}  // namespace skep::differential
