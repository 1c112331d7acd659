// SPDX-License-Identifier: Apache-2.0
// verify(): the steps of a verdict.
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/overloaded.h"
#include "skep/btf.h"
#include "skep/verify.h"
#include "verifier/engine/run.h"
#include "verifier/require/program.h"

namespace skep {
namespace {

/// Program types whose rules are not modelled.
constexpr ProgramTypeSet kNotModelled = set_of(ProgramType::kUnspec, ProgramType::kExt);

/// Why no path of the program needs to be looked at; nothing: they must be explored.
std::optional<Diagnostic> refuse_unseen(const Program& program) {
  const auto unsupported = [](std::string what) {
    return Diagnostic{.code = DiagCode::kUnsupported, .args = {std::move(what)}};
  };
  if (!program.unsupported.empty()) return unsupported(program.unsupported);
  if (contains(kNotModelled, program.type)) return unsupported("program type " + std::string(info(program.type).name));
  if (auto reason = verifier::check_hook(program)) return reason;
  return verifier::check_maps(program);
}

/// Rejected before any path was looked at.
Rejection reject_unseen(Diagnostic reason, const VerifyOptions& options) {
  verifier::Log log(options.log);
  if (log.on()) log.add(message(reason) + "\n");
  log.finish({}, options.step_limit);
  return Rejection{.reason = std::move(reason)};
}

std::uint64_t microseconds_since(std::chrono::steady_clock::time_point start) {
  const auto passed = std::chrono::steady_clock::now() - start;
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
}

}  // namespace

Verdict verify(Program program, const Platform& platform, const VerifyOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  if (auto reason = refuse_unseen(program)) return reject_unseen(std::move(*reason), options);
  auto traced = verifier::find_traced(program);
  if (auto* const reason = std::get_if<std::string>(&traced))
    return reject_unseen({.code = DiagCode::kAttachTarget, .args = {std::move(*reason)}}, options);
  verifier::Log log(options.log);
  verifier::LayoutOrReason layout = verifier::make_layout(program, platform, log);
  if (auto* const reason = std::get_if<Diagnostic>(&layout)) return reject_unseen(std::move(*reason), options);
  const auto run =
      std::make_unique<verifier::Run>(program, platform, options, std::get<verifier::Layout>(std::move(layout)));
  run->traced = std::get<std::optional<verifier::Traced>>(std::move(traced));
  const bool accepted = run->explore().has_value();
  run->stats.usec = microseconds_since(start);
  if (accepted) run->log.accepted();
  run->log.finish(run->stats, options.step_limit);
  if (!accepted) return Rejection{.reason = std::move(*run->rejection), .stats = std::move(run->stats)};
  Facts facts = std::move(run->facts);
  return VerifiedProgram(std::move(program), std::move(facts), run->stats);
}

}  // namespace skep
