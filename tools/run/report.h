// SPDX-License-Identifier: Apache-2.0
// Counts what runs did, and prints it: for people, or as JSON.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "hooks/run_packets.h"
#include "tools/run/options.h"
#include "tools/run/session.h"
#include "tools/sources.h"

namespace skep::tools {

/// Verdicts and traps, counted without allocating for one that was seen before.
class Tally {
 public:
  void add(const RunResult& result);

  struct Verdict {
    std::uint64_t r0 = 0;
    std::uint64_t runs = 0;
  };
  struct Trapped {
    Trap trap{};
    std::uint64_t runs = 0;
    InsnIndex at = 0;  ///< Of the first one.
  };
  /// Sorted by r0.
  [[nodiscard]] const std::vector<Verdict>& verdicts() const { return verdicts_; }
  [[nodiscard]] const std::vector<Trapped>& traps() const { return traps_; }
  [[nodiscard]] std::uint64_t runs() const { return runs_; }

 private:
  std::vector<Verdict> verdicts_;
  std::vector<Trapped> traps_;
  std::uint64_t runs_ = 0;
};

/// "the instruction budget was used up"...
std::string_view trap_text(Trap trap);

struct RunReport {
  const RunCommand* command = nullptr;
  const Program* program = nullptr;
  std::size_t native_bytes = 0;
  hooks::RunTotals totals;
  Tally tally;
  std::uint64_t cut_packets = 0;
  std::uint64_t written_packets = 0;
};

/// Error: an --event names a map or a structure that is not there.
Status check_event_types(const RunReport& report, const Session& session);
/// One line of --each.
void print_each(const RunReport& report, const hooks::RunOutcome& outcome);
void print_report(const RunReport& report, Session& session, Sources& sources);

}  // namespace skep::tools
