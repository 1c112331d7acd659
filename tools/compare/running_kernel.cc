// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "kernel/bpf.h"
#include "tools/compare/opinion.h"

namespace skep::tools {
namespace {

Opinion ask(const Program& program) {
  Opinion opinion;
  if (!program.unsupported.empty()) {
    opinion.sentence = "cannot be loaded: " + program.unsupported;
    return opinion;
  }
  constexpr std::uint32_t kStatistics = 4;  // A log of states takes time and may not fit.
  const auto loaded = kernel::load(program, {.log_level = kStatistics, .flags = 0});
  if (!loaded) {
    opinion.sentence = loaded.error().message;
    return opinion;
  }
  opinion.error = loaded->error;
  opinion.sentence = loaded->accepted() ? std::string() : loaded->last_sentence();
  // No word at all: the kernel refused before it verified (permission, an attach type that it lacks).
  if (!loaded->accepted() && opinion.sentence.empty()) {
    opinion.sentence = std::string("refused before verification: ") + std::strerror(loaded->error);
    return opinion;
  }
  // The types list variables whose address this kernel does not publish.
  if (opinion.sentence.starts_with("ldimm64 failed to find the address for kernel symbol")) return opinion;
  opinion.kind = loaded->accepted() ? OpinionKind::kAccept : OpinionKind::kReject;
  opinion.processed = loaded->processed;
  opinion.states = loaded->states;
  opinion.usec = loaded->verification_us;
  return opinion;
}

}  // namespace

Result<Judge> running_kernel() {
  if (const auto& why = kernel::why_unavailable())
    return Error{Errc::kSystem, *why + "; --compare-kernel needs a kernel that loads programs (root)"};
  return Judge([](const std::string& /*object*/, const Program& program) { return ask(program); });
}

}  // namespace skep::tools
