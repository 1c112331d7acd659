// SPDX-License-Identifier: Apache-2.0
// Programs close to those of a corpus: one instruction of a program that the running kernel accepts is changed, and
// skep and the kernel judge it. Prints each false accept. usage: corpus_mutants COUNT SEED PATH...
#include <cstdio>
#include <cstdlib>

#include "kernel/bpf.h"
#include "skep/isa.h"
#include "skep/verify.h"
#include "tests/verifier/mutate.h"
#include "tools/compare/harness.h"
#include "tools/programs.h"

namespace skep {
namespace {

constexpr int kSkipped = 77;
constexpr std::size_t kLargest = 2000;  // Instructions: larger programs take long and differ little.
constexpr kernel::LoadOptions kStatistics{.log_level = 4, .flags = 0};

/// Programs of the corpus that both accept.
std::vector<Program> seeds(const std::vector<std::string>& paths) {
  tools::TargetKernel target;
  std::vector<Program> found;
  const auto files = tools::expand(paths);
  if (!files) return found;
  for (const std::string& file : *files) {
    const auto programs = tools::read_programs(file, ProgramType::kUnspec, target);
    if (!programs) continue;
    for (const Program& read : *programs) {
      Program program = tools::as_harness_loads(read);
      if (!program.unsupported.empty() || program.insns.size() > kLargest) continue;
      if (std::holds_alternative<Rejection>(verify(program))) continue;
      const auto loaded = kernel::load(program, kStatistics);
      if (loaded && loaded->accepted()) found.push_back(std::move(program));
    }
  }
  return found;
}

struct Counts {
  unsigned long long accepted = 0, false_accepts = 0, false_rejects = 0, not_modelled = 0, bugs = 0;
};

void report(const char* what, const std::string& why, const Program& program, const Program& seed) {
  std::printf("%s: %s (section %s): %s\n", what, seed.name.c_str(), seed.section.c_str(), why.c_str());
  for (isa::InsnIndex at = 0; at < program.insns.size(); ++at)
    if (!(program.insns[at] == seed.insns[at]))
      std::printf("    %u: %s (was %s)\n", at, isa::print(program.insns, at, isa::Syntax::kC).c_str(),
                  isa::print(seed.insns, at, isa::Syntax::kC).c_str());
}

void judge(const Program& program, const Program& seed, Counts& counts) {
  const auto loaded = kernel::load(program, kStatistics);
  if (!loaded) return;
  const Verdict verdict = verify(program);
  const auto* rejection = std::get_if<Rejection>(&verdict);
  counts.accepted += loaded->accepted() ? 1 : 0;
  if (loaded->accepted() && rejection != nullptr) {
    const bool missing = rejection->reason.code == DiagCode::kUnsupported;
    ++(missing ? counts.not_modelled : counts.false_rejects);
    if (!missing) report("false reject", message(rejection->reason), program, seed);
  }
  if (loaded->accepted() || rejection != nullptr || loaded->log.empty()) return;
  if (loaded->last_sentence().starts_with("verifier bug:")) return void(++counts.bugs);  // It gave up: no verdict.
  ++counts.false_accepts;
  report("FALSE ACCEPT", loaded->last_sentence(), program, seed);
}

int run(unsigned long long count, std::uint64_t seed, const std::vector<std::string>& paths) {
  if (const auto& why = kernel::why_unavailable()) return std::printf("skipped: %s\n", why->c_str()), kSkipped;
  const std::vector<Program> programs = seeds(paths);
  if (programs.empty()) return std::printf("skipped: no program that both accept\n"), kSkipped;
  std::mt19937_64 random(seed);
  Counts counts;
  for (unsigned long long i = 0; i < count; ++i) {
    const Program& base = programs[random() % programs.size()];
    Program program = base;
    test::mutate(program, random);
    if (program.insns != base.insns) judge(program, base, counts);
  }
  std::printf(
      "%llu mutants of %zu programs, %llu accepted by Linux, %llu FALSE ACCEPTS, %llu false rejects, %llu not "
      "modelled, %llu without a verdict\n",
      count, programs.size(), counts.accepted, counts.false_accepts, counts.false_rejects, counts.not_modelled,
      counts.bugs);
  return counts.false_accepts == 0 ? 0 : 1;
}

}  // namespace
}  // namespace skep

int main(int argc, char** argv) {
  if (argc < 4) return std::fputs("usage: corpus_mutants COUNT SEED PATH...\n", stderr), 2;
  return skep::run(std::strtoull(argv[1], nullptr, 10), std::strtoull(argv[2], nullptr, 10), {argv + 3, argv + argc});
}
