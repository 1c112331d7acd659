// SPDX-License-Identifier: Apache-2.0
#include "tools/compare_kernel.h"

#include <cstdio>

#include "kernel/bpf.h"

namespace skep::tools {
namespace {

struct Table {
  std::size_t both_accept = 0, both_reject = 0, same_words = 0, same_steps = 0;
  std::size_t false_accepts = 0, false_rejects = 0;
  std::size_t not_judged_here = 0, not_judged_there = 0;
  std::uint64_t steps_here = 0, steps_there = 0, us_here = 0, us_there = 0;  // Of programs that both accept.
};

void report(const Judged& one, const char* what, const std::string& here, const std::string& there) {
  std::printf("%s: %s: %s\n  skep:   %s\n  kernel: %s\n", one.object.c_str(), one.program->name.c_str(), what,
              here.c_str(), there.c_str());
}

void compare_accepted(const Judged& one, const VerifiedProgram& here, const kernel::Loaded& there, Table& table) {
  if (!there.accepted()) {
    ++table.false_accepts;
    report(one, "FALSE ACCEPT", "accepts", there.last_sentence());
    return;
  }
  ++table.both_accept;
  table.same_steps += here.stats().processed == there.processed ? 1 : 0;
  table.steps_here += here.stats().processed;
  table.steps_there += there.processed;
  table.us_here += one.usec;
  table.us_there += there.verification_us;
}

void compare_rejected(const Judged& one, const Rejection& here, const kernel::Loaded& there, Table& table) {
  const std::string words = message(here.reason);
  if (there.accepted()) {
    ++table.false_rejects;
    report(one, "false reject", words, "accepts");
    return;
  }
  ++table.both_reject;
  const std::string theirs = there.last_sentence();
  if (words == theirs) {
    ++table.same_words;
  } else {
    report(one, "other words", words, theirs);
  }
}

void compare(const Judged& one, Table& table) {
  if (!one.verdict) {
    ++table.not_judged_here;
    return;
  }
  // A long log takes time and may not fit: only a rejection is worth one.
  constexpr std::uint32_t kWords = 1, kStatistics = 4;
  auto there = kernel::load(*one.program, {.log_level = kStatistics, .flags = 0});
  if (there && !there->accepted()) there = kernel::load(*one.program, {.log_level = kWords, .flags = 0});
  // An empty log: the kernel refused before it verified (permission, an attach type that it lacks).
  if (!there || (!there->accepted() && there->log.empty())) {
    ++table.not_judged_there;
    return;
  }
  if (const auto* accepted = std::get_if<VerifiedProgram>(&*one.verdict)) {
    compare_accepted(one, *accepted, *there, table);
  } else {
    compare_rejected(one, std::get<Rejection>(*one.verdict), *there, table);
  }
}

void print(const Table& table, std::size_t programs) {
  const double time =
      table.us_there == 0 ? 0 : static_cast<double>(table.us_here) / static_cast<double>(table.us_there);
  std::printf("%zu programs: %zu accepted by both, %zu rejected by both (%zu in the same words)\n", programs,
              table.both_accept, table.both_reject, table.same_words);
  std::printf("  false accepts %zu, false rejects %zu\n", table.false_accepts, table.false_rejects);
  std::printf("  not judged: %zu by skep, %zu by the kernel\n", table.not_judged_here, table.not_judged_there);
  std::printf(
      "  of those accepted by both: %zu with equal steps; steps %llu here, %llu there; time here / there %.2f\n",
      table.same_steps, static_cast<unsigned long long>(table.steps_here),
      static_cast<unsigned long long>(table.steps_there), time);
}

}  // namespace

ExitCode compare_with_kernel(const std::vector<Judged>& all) {
  if (const auto& why = kernel::why_unavailable())
    return fail(Error{Errc::kSystem, *why + "; --compare-kernel needs a kernel that loads programs (root)"});
  Table table;
  for (const Judged& one : all)
    if (one.program != nullptr) compare(one, table);
  print(table, all.size());
  return table.false_accepts + table.false_rejects == 0 ? ExitCode::kOk : ExitCode::kNegative;
}

}  // namespace skep::tools
