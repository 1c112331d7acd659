// SPDX-License-Identifier: Apache-2.0
// The format is described in geninfo(1), FILES.
#include <algorithm>

#include "base/cat.h"
#include "tools/run/profile.h"

namespace skep::tools {
namespace {

std::string functions(const FileCount& file) {
  std::string text;
  std::size_t hit = 0;
  for (const auto& [name, function] : file.functions) text += cat("FN:", function.line, ",", name, "\n");
  for (const auto& [name, function] : file.functions) {
    text += cat("FNDA:", function.calls, ",", name, "\n");
    hit += function.calls != 0 ? 1 : 0;
  }
  return text + cat("FNF:", file.functions.size(), "\nFNH:", hit, "\n");
}

/// Each conditional branch is a block with two directions; "-": it was never reached.
std::string branches(const FileCount& file) {
  std::string text;
  std::size_t found = 0, hit = 0;
  for (const auto& [number, line] : file.lines)
    for (std::size_t block = 0; block < line.branches.size(); ++block) {
      const BranchCount& branch = line.branches[block];
      const std::uint64_t directions[] = {branch.taken, branch.executed - branch.taken};
      for (std::size_t i = 0; i < std::size(directions); ++i) {
        text += cat("BRDA:", number, ",", block, ",", i, ",",
                    branch.executed == 0 ? std::string("-") : std::to_string(directions[i]), "\n");
        ++found;
        hit += directions[i] != 0 ? 1 : 0;
      }
    }
  return text + cat("BRF:", found, "\nBRH:", hit, "\n");
}

std::string lines(const FileCount& file) {
  std::string text;
  for (const auto& [number, line] : file.lines) text += cat("DA:", number, ",", line.hits, "\n");
  const auto hit = std::ranges::count_if(file.lines, [](const auto& row) { return row.second.hits != 0; });
  return text + cat("LF:", file.lines.size(), "\nLH:", hit, "\n");
}

}  // namespace

std::string lcov_tracefile(const SourceCounts& counts) {
  std::string text;
  for (const auto& [name, file] : counts)
    text += cat("TN:\nSF:", name, "\n", functions(file), branches(file), lines(file), "end_of_record\n");
  return text;
}

}  // namespace skep::tools
