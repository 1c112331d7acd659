// SPDX-License-Identifier: Apache-2.0
// verify(): the steps of a verdict.
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/overloaded.h"
#include "skep/btf.h"
#include "skep/verify.h"
#include "verifier/engine/run.h"

namespace skep {
namespace {

/// Program types whose rules are modelled.
constexpr ProgramTypeSet kModelled =
    kTcTypes | set_of(ProgramType::kSocketFilter, ProgramType::kXdp, ProgramType::kCgroupSkb, ProgramType::kTracepoint,
                      ProgramType::kKprobe, ProgramType::kRawTracepoint, ProgramType::kPerfEvent, ProgramType::kSyscall,
                      ProgramType::kLwtIn, ProgramType::kLwtOut, ProgramType::kLwtXmit, ProgramType::kLwtSeg6local,
                      ProgramType::kSkSkb, ProgramType::kCgroupSock, ProgramType::kSockOps, ProgramType::kCgroupDevice,
                      ProgramType::kSkMsg, ProgramType::kCgroupSockAddr, ProgramType::kLircMode2,
                      ProgramType::kSkReuseport, ProgramType::kFlowDissector, ProgramType::kCgroupSysctl,
                      ProgramType::kRawTracepointWritable, ProgramType::kCgroupSockopt, ProgramType::kSkLookup,
                      ProgramType::kNetfilter, ProgramType::kTracing, ProgramType::kLsm, ProgramType::kStructOps);

/// What Linux asks of a program's type before it looks at an instruction.
std::optional<Diagnostic> check_hook(const Program& program) {
  const Sleeps sleeps = info(program.type).sleeps;
  if (!find_hook(program.type, program.attach_type))
    return Diagnostic{.code = DiagCode::kAttachType,
                      .args = {std::uint64_t{program.attach_type}, std::string(info(program.type).name)}};
  if (sleeps == Sleeps::Must && !program.sleepable) return Diagnostic{.code = DiagCode::kSyscallNotSleepable};
  if (sleeps == Sleeps::Never && program.sleepable) return Diagnostic{.code = DiagCode::kNotSleepable};
  return std::nullopt;
}

/// A program names one map of these types at most.
struct SingleMap {
  MapType type{};
  DiagCode several{};
  const MapSpec* named = nullptr;
};

/// Linux refuses maps where it finds them named, whether or not the instruction can be reached.
std::optional<Diagnostic> check_maps(const Program& program) {
  auto singles = std::to_array<SingleMap>({{MapType::kArena, DiagCode::kSeveralArenas},
                                           {MapType::kCgroupStorage, DiagCode::kSeveralStorages},
                                           {MapType::kPerCpuCgroupStorage, DiagCode::kSeveralStorages}});
  for (InsnIndex at = 0; at < program.insns.size(); ++at) {
    const auto* load = std::get_if<isa::LoadImm64>(&program.insns[at]);
    const bool names_map =
        load != nullptr && (load->kind == isa::Imm64Kind::kMapIndex || load->kind == isa::Imm64Kind::kMapValueIndex);
    if (!names_map || static_cast<std::size_t>(load->low) >= program.maps.size()) continue;
    const MapSpec* const map = program.maps[static_cast<std::size_t>(load->low)].get();
    for (SingleMap& single : singles) {
      if (map->type != single.type) continue;
      if (single.named != nullptr && single.named != map) return Diagnostic{.code = single.several, .at = at};
      single.named = map;
    }
    const MapTypeInfo* const type = find_info(map->type);
    if (program.sleepable && type != nullptr && !type->sleepable)
      return Diagnostic{.code = DiagCode::kSleepableMap, .at = at};
  }
  return std::nullopt;
}

/// Why no path of the program needs to be looked at; nothing: they must be explored.
std::optional<Diagnostic> refuse_unseen(const Program& program) {
  const auto unsupported = [](std::string what) {
    return Diagnostic{.code = DiagCode::kUnsupported, .args = {std::move(what)}};
  };
  if (!program.unsupported.empty()) return unsupported(program.unsupported);
  if (!contains(kModelled, program.type)) return unsupported("program type " + std::string(info(program.type).name));
  if (auto reason = check_hook(program)) return reason;
  return check_maps(program);
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
  verifier::LayoutOrReason layout = verifier::make_layout(program, platform);
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
