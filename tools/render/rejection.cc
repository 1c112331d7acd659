// SPDX-License-Identifier: Apache-2.0
#include "tools/render/rejection.h"

#include <algorithm>
#include <sstream>

#include "skep/isa.h"

namespace skep::tools {
namespace {

constexpr std::size_t kLongestWay = 12;  // Branches shown of the way to the instruction.

std::string without_indent(const std::string& text, std::size_t& removed) {
  removed = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(removed);
}

void write_source(std::ostream& out, const LineInfo& line) {
  std::size_t removed = 0;
  const std::string text = without_indent(line.text, removed);
  if (text.empty()) return;
  const std::string number = std::to_string(line.line);
  const std::string margin(number.size(), ' ');
  out << " " << margin << " |\n " << number << " | " << text << "\n";
  if (line.column > removed && line.column <= line.text.size())
    out << " " << margin << " | " << std::string(line.column - 1 - removed, ' ') << "^\n";
}

void write_way(std::ostream& out, const Program& program, const std::vector<InsnIndex>& path) {
  if (path.empty()) return;
  out << "  way there:";
  const std::size_t first = path.size() > kLongestWay ? path.size() - kLongestWay : 0;
  if (first > 0) out << " ... (" << first << " earlier branches)";
  for (std::size_t i = first; i < path.size(); ++i) {
    const LineInfo* line = line_at(program, path[i]);
    out << (i == first ? " " : " -> ") << path[i];
    if (line != nullptr) out << " (line " << line->line << ")";
  }
  out << "\n";
}

}  // namespace

const LineInfo* line_at(const Program& program, InsnIndex at) {
  const auto after = std::upper_bound(program.lines.begin(), program.lines.end(), at,
                                      [](InsnIndex index, const LineInfo& line) { return index < line.first; });
  return after == program.lines.begin() ? nullptr : &*std::prev(after);
}

const FunctionInfo* function_at(const Program& program, InsnIndex at) {
  const auto after = std::upper_bound(program.functions.begin(), program.functions.end(), at,
                                      [](InsnIndex index, const FunctionInfo& one) { return index < one.first; });
  return after == program.functions.begin() ? nullptr : &*std::prev(after);
}

std::string render_rejection(const std::string& object, const Program& program, const Rejection& rejection) {
  const Diagnostic& reason = rejection.reason;
  std::ostringstream out;
  out << object << ": " << program.name << " rejected [" << name(reason.code) << "]: " << message(reason) << "\n";
  const LineInfo* line = line_at(program, reason.at);
  const FunctionInfo* function = function_at(program, reason.at);
  out << "  at: ";
  if (line != nullptr) out << line->file << ":" << line->line << ":" << line->column << ", ";
  if (function != nullptr) out << "function " << function->name << ", ";
  out << "instruction " << reason.at << "\n";
  if (line != nullptr) write_source(out, *line);
  if (reason.at < program.insns.size())
    out << "  instruction: " << isa::print(program.insns, reason.at, isa::Syntax::kC) << "\n";
  if (!reason.registers.empty()) {
    out << "  before it:";
    for (const std::string& one : reason.registers) out << " " << one;
    out << "\n";
  }
  write_way(out, program, reason.path);
  if (!hint(reason.code).empty()) out << "  what to do: " << hint(reason.code) << "\n";
  return out.str();
}

}  // namespace skep::tools
