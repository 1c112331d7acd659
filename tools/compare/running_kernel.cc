// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "base/cat.h"
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
  if (!loaded->accepted() && opinion.sentence.empty()) {
    // A verifier that says nothing still writes its statistics, and these errors are its own. Without them the kernel
    // refused before (permission, a program type that it lacks), with another error after (no memory, no JIT).
    const bool judged = !loaded->log.empty() && (loaded->error == EINVAL || loaded->error == EACCES);
    const char* const when = loaded->log.empty() ? "refused before verification: " : "refused without a word: ";
    opinion.sentence = cat(when, std::strerror(loaded->error));
    if (!judged) return opinion;
  }
  // The types list variables whose address this kernel does not publish.
  if (opinion.sentence.starts_with("ldimm64 failed to find the address for kernel symbol")) return opinion;
  opinion.kind = loaded->accepted() ? OpinionKind::kAccept : OpinionKind::kReject;
  opinion.processed = loaded->processed;
  opinion.states = loaded->states;
  opinion.usec = loaded->verification_us;
  return opinion;
}

/// A kernel whose verifier crashes ends the thread that asked, and no other. So it is one for this question alone.
Opinion ask_apart(const std::string& object, const Program& program) {
  std::optional<Opinion> answer;
  std::thread([&] { answer = ask(program); }).join();
  if (answer) return *std::move(answer);
  Opinion none;
  none.sentence = "ended the thread that asked; its log (dmesg) may say why";
  std::fprintf(stderr, "skep: %s: %s: the kernel %s\n", object.c_str(), program.name.c_str(), none.sentence.c_str());
  return none;
}

}  // namespace

Result<Judge> running_kernel() {
  if (const auto& why = kernel::why_unavailable())
    return Error{Errc::kSystem, *why + "; --compare-kernel needs a kernel that loads programs (root)"};
  return Judge(ask_apart);
}

}  // namespace skep::tools
