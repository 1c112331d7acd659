// SPDX-License-Identifier: Apache-2.0
#include "tools/run/profile.h"

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <numeric>
#include <variant>

#include "skep/isa.h"

namespace skep::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kHottest = 10;

bool is_conditional(const isa::Insn& insn) {
  return std::holds_alternative<isa::Branch>(insn) || std::holds_alternative<isa::MayGoto>(insn);
}
bool is_instruction(const isa::Insn& insn) { return !std::holds_alternative<isa::Continuation>(insn); }

const LineInfo* known_line(const Program& program, InsnIndex at) {
  const LineInfo* line = line_at(program, at);
  return line == nullptr || line->line == 0 ? nullptr : line;
}

/// The lines of one program; those of others are added to them.
void add_lines(SourceCounts& all, const Program& program, const Profile& profile, Sources& sources) {
  SourceCounts own;
  for (InsnIndex at = 0; at < program.insns.size(); ++at) {
    const LineInfo* info = known_line(program, at);
    if (info == nullptr || !is_instruction(program.insns[at])) continue;
    LineCount& line = own[sources.path(info->file)].lines[info->line];
    if (line.text.empty()) line.text = sources.text(*info);
    line.hits = std::max(line.hits, profile.executed[at]);
    line.insns += profile.executed[at];
    if (is_conditional(program.insns[at])) line.branches.push_back({profile.executed[at], profile.taken[at]});
  }
  for (auto& [file, count] : own)
    for (auto& [number, line] : count.lines) {
      LineCount& to = all[file].lines[number];
      to.text = line.text;
      to.hits += line.hits;
      to.insns += line.insns;
      to.branches.resize(std::max(to.branches.size(), line.branches.size()));
      for (std::size_t i = 0; i < line.branches.size(); ++i) {
        to.branches[i].executed += line.branches[i].executed;
        to.branches[i].taken += line.branches[i].taken;
      }
    }
}

void add_functions(SourceCounts& all, const Program& program, const Profile& profile, Sources& sources) {
  for (const FunctionInfo& function : program.functions) {
    const LineInfo* info = known_line(program, function.first);
    if (info == nullptr) continue;
    FunctionCount& count = all[sources.path(info->file)].functions[function.name];
    count.line = info->line;
    count.calls += profile.executed[function.first];
  }
}

struct Hot {
  const std::string* file = nullptr;
  std::uint32_t number = 0;
  const LineCount* line = nullptr;
};
std::vector<Hot> hottest(const SourceCounts& counts) {
  std::vector<Hot> all;
  for (const auto& [file, count] : counts)
    for (const auto& [number, line] : count.lines) all.push_back({&file, number, &line});
  std::ranges::stable_sort(all, [](const Hot& a, const Hot& b) { return a.line->insns > b.line->insns; });
  return all;
}

std::string short_name(const std::string& file) { return std::filesystem::path(file).filename().string(); }

void print_hottest(std::ostream& out, const SourceCounts& counts, std::uint64_t total) {
  out << "hottest lines\n       insns      %        hits  line\n";
  std::vector<Hot> all = hottest(counts);
  if (all.size() > kHottest) all.resize(kHottest);
  for (const Hot& hot : all) {
    if (hot.line->insns == 0) break;
    const double share = 100.0 * static_cast<double>(hot.line->insns) / static_cast<double>(total);
    out << std::setw(12) << hot.line->insns << std::setw(7) << std::fixed << std::setprecision(1) << share
        << std::setw(12) << hot.line->hits << "  " << short_name(*hot.file) << ':' << hot.number << "  "
        << hot.line->text << '\n';
  }
}

void print_sources(std::ostream& out, const SourceCounts& counts) {
  for (const auto& [file, count] : counts) {
    out << "source " << short_name(file) << "\n       insns        hits  line\n";
    for (const auto& [number, line] : count.lines)
      out << std::setw(12) << line.insns << std::setw(12) << line.hits << std::setw(6) << number << "  " << line.text
          << '\n';
  }
}

void print_instructions(std::ostream& out, const Program& program, const Profile& profile, Sources& sources) {
  out << "program " << program.name << "\n    executed  instruction\n";
  const LineInfo* shown = nullptr;
  for (InsnIndex at = 0; at < program.insns.size(); ++at) {
    if (!is_instruction(program.insns[at])) continue;
    for (const FunctionInfo& function : program.functions)
      if (function.first == at) out << "  " << function.name << ":\n";
    const LineInfo* line = known_line(program, at);
    if (line != nullptr && (shown == nullptr || !same_line(*line, *shown)))
      out << "  ; " << place(*line) << "  " << sources.text(*line) << '\n';
    shown = line;
    out << std::setw(12) << profile.executed[at] << std::setw(7) << at << ": "
        << isa::print(program.insns, at, isa::Syntax::kC);
    if (is_conditional(program.insns[at])) out << "   (taken " << profile.taken[at] << ')';
    out << '\n';
  }
}

}  // namespace

SourceCounts count_sources(std::span<const Image> images, Sources& sources) {
  SourceCounts counts;
  for (const Image& image : images) {
    const Profile profile = image.profile();
    add_lines(counts, image.program(), profile, sources);
    add_functions(counts, image.program(), profile, sources);
  }
  return counts;
}

void print_profile(std::ostream& out, std::span<const Image> images, Sources& sources) {
  std::uint64_t total = 0, on_lines = 0;
  for (const Image& image : images) {
    const Profile profile = image.profile();
    total = std::accumulate(profile.executed.begin(), profile.executed.end(), total);
  }
  const SourceCounts counts = count_sources(images, sources);
  for (const auto& [file, count] : counts)
    for (const auto& [number, line] : count.lines) on_lines += line.insns;
  out << "profile: " << total << " instructions executed";
  if (on_lines != total) out << ", " << total - on_lines << " of them on no source line";
  out << '\n';
  if (!counts.empty() && total != 0) print_hottest(out, counts, total);
  print_sources(out, counts);
  for (const Image& image : images) print_instructions(out, image.program(), image.profile(), sources);
}

Json profile_json(std::span<const Image> images, Sources& sources) {
  Json lines = Json::array(), programs = Json::array();
  const SourceCounts counts = count_sources(images, sources);
  for (const Hot& hot : hottest(counts))
    lines.push_back({{"file", *hot.file},
                     {"line", hot.number},
                     {"text", hot.line->text},
                     {"hits", hot.line->hits},
                     {"insns", hot.line->insns}});
  for (const Image& image : images) {
    const Program& program = image.program();
    const Profile profile = image.profile();
    Json insns = Json::array();
    for (InsnIndex at = 0; at < program.insns.size(); ++at) {
      if (!is_instruction(program.insns[at])) continue;
      Json row = {
          {"insn", at}, {"text", isa::print(program.insns, at, isa::Syntax::kC)}, {"executed", profile.executed[at]}};
      if (is_conditional(program.insns[at])) row["taken"] = profile.taken[at];
      if (const LineInfo* line = known_line(program, at); line != nullptr) {
        row["file"] = sources.path(line->file);
        row["line"] = line->line;
      }
      insns.push_back(std::move(row));
    }
    programs.push_back({{"program", program.name}, {"insns", std::move(insns)}});
  }
  return {{"lines", std::move(lines)}, {"programs", std::move(programs)}};
}

}  // namespace skep::tools
