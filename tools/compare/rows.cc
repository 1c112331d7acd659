// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "base/overloaded.h"
#include "tools/compare/csv.h"
#include "tools/compare/report.h"

namespace skep::tools {
namespace {

std::string_view verdict_of(const Opinion& opinion) {
  switch (opinion.kind) {
    case OpinionKind::kNone:
      return "env";
    case OpinionKind::kAccept:
      return "accept";
    case OpinionKind::kReject:
      return "reject";
  }
  return {};
}

CsvRow kernel_half(const Judged& one) {
  const Opinion opinion = one.kernel.value_or(Opinion{});
  const bool judged = opinion.kind != OpinionKind::kNone;
  return {std::filesystem::path(one.object).filename().string(),
          one.program->name,
          one.program->section,
          std::string(info(one.program->type).name),
          std::to_string(one.program->insns.size()),
          std::string(verdict_of(opinion)),
          judged ? "" : opinion.sentence,
          opinion.error == 0 ? "" : std::to_string(opinion.error),
          judged ? opinion.sentence : "",
          std::to_string(opinion.processed),
          std::to_string(opinion.states),
          std::to_string(opinion.usec)};
}

CsvRow skep_half(const Judged& one) {
  CsvRow row(6);
  row[0] = "error";
  row[2] = one.error;
  if (one.verdict)
    std::visit(Overloaded{[&](const VerifiedProgram& accepted) {
                            row[0] = "accept";
                            row[4] = std::to_string(accepted.stats().processed);
                          },
                          [&](const Rejection& rejection) {
                            row = {"reject",
                                   std::string(name(rejection.reason.code)),
                                   message(rejection.reason),
                                   std::to_string(rejection.reason.at),
                                   std::to_string(rejection.stats.processed),
                                   {}};
                          }},
               *one.verdict);
  row[5] = std::to_string(one.usec);
  return row;
}

}  // namespace

std::string comparison_csv(const std::vector<Judged>& all) {
  std::string text = csv_line({"object", "program", "section", "prog_type", "insn_cnt", "verdict", "env_or_subclass",
                               "errno", "error_line", "processed_insns", "total_states", "verif_us", "relation",
                               "skep_verdict", "skep_code", "skep_message", "skep_insn", "skep_processed", "skep_us"});
  for (const Judged& one : all) {
    if (one.program == nullptr) continue;
    CsvRow row = kernel_half(one);
    row.emplace_back(name(relate(one)));
    for (std::string& field : skep_half(one)) row.push_back(std::move(field));
    text += csv_line(row);
  }
  return text;
}

}  // namespace skep::tools
