// SPDX-License-Identifier: Apache-2.0
// Where programs spent their instructions: by instruction, by source line, by function.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "skep/vm.h"
#include "tools/sources.h"

namespace skep::tools {

struct BranchCount {
  std::uint64_t executed = 0;
  std::uint64_t taken = 0;
};
/// Code of one line that stands in several places (inlined, unrolled) is one line.
struct LineCount {
  std::string text;
  std::uint64_t hits = 0;   ///< Executions of that instruction of the line that ran most often.
  std::uint64_t insns = 0;  ///< Executions of all its instructions.
  std::vector<BranchCount> branches;
};
struct FunctionCount {
  std::uint32_t line = 0;
  std::uint64_t calls = 0;
};
struct FileCount {
  std::map<std::uint32_t, LineCount> lines;
  std::map<std::string, FunctionCount> functions;
};
/// By Sources::path. Programs that share a line are added up.
using SourceCounts = std::map<std::string, FileCount>;
SourceCounts count_sources(std::span<const Image> images, Sources& sources);

/// For people: the lines that took most, the source with counts, the instructions with counts.
void print_profile(std::ostream& out, std::span<const Image> images, Sources& sources);
/// lines [{file, line, text, hits, insns}] and programs [{program, insns [{insn, text, executed, taken?, file?,
/// line?}]}].
nlohmann::ordered_json profile_json(std::span<const Image> images, Sources& sources);

/// The counts as lcov's tracefile (geninfo(1)): lines, functions, and both directions of each conditional branch.
std::string lcov_tracefile(const SourceCounts& counts);

}  // namespace skep::tools
