// SPDX-License-Identifier: Apache-2.0
#include "tools/render/rejection.h"

#include <algorithm>
#include <span>
#include <sstream>

#include "base/unreachable.h"
#include "skep/isa.h"

namespace skep::tools {
namespace {

constexpr std::size_t kLongestWay = 12;      // Branches shown of the way to the instruction.
constexpr std::size_t kLongestPath = 1'000;  // Branches in JSON, where a million steps would make half a gigabyte.

/// What the hundreds of a diagnostic's code mean (tables/diagnostics.def).
std::string_view family(DiagCode code) {
  constexpr auto kFamilies =
      std::to_array<std::string_view>({"", "control flow", "registers", "memory access", "calls", "limits",
                                       "instruction encoding", "program", "objects", "skep"});
  const auto hundreds = static_cast<std::size_t>(code) / 100;
  return hundreds < kFamilies.size() ? kFamilies[hundreds] : "";
}

std::string_view words(CauseKind kind) {
  switch (kind) {
    case CauseKind::kSet:
      return "set by";
    case CauseKind::kStored:
      return "stored by";
    case CauseKind::kTested:
      return "tested by";
    case CauseKind::kPassed:
      return "passed by";
    case CauseKind::kAcquired:
      return "acquired by";
  }
  unreachable();
}

std::string instruction(const Program& program, InsnIndex at) { return isa::print(program.insns, at, isa::Syntax::kC); }

/// A source line without its indentation.
std::string source(const LineInfo& line) {
  const std::size_t indent = line.text.find_first_not_of(" \t");
  return indent == std::string::npos ? std::string() : line.text.substr(indent);
}

/// "   12 | text" lines under one margin.
class Excerpt {
 public:
  Excerpt(std::ostream& out, std::uint32_t widest_line) : out_(out), width_(std::to_string(widest_line).size()) {}
  void place(const LineInfo& line) const {
    out_ << std::string(width_, ' ') << "--> " << line.file << ":" << line.line << ":" << line.column << "\n";
  }
  void empty() const { out_ << std::string(width_ + 1, ' ') << "|\n"; }
  void text(const LineInfo& line) const {
    const std::string number = std::to_string(line.line);
    out_ << std::string(width_ - number.size(), ' ') << number << " | " << source(line) << "\n";
  }
  void caret(const LineInfo& line, const std::string& label) const {
    const std::size_t indent = std::min(line.text.find_first_not_of(" \t"), line.text.size());
    if (line.column <= indent || line.column > line.text.size()) return;
    out_ << std::string(width_ + 1, ' ') << "| " << std::string(line.column - 1 - indent, ' ') << "^ " << label << "\n";
  }
  void note(const std::string& text) const { out_ << std::string(width_ + 1, ' ') << "= " << text << "\n"; }

 private:
  std::ostream& out_;
  std::size_t width_;
};

/// A cause in one line; the source line only where it is not that of the cause before.
void write_cause(const Excerpt& excerpt, const Program& program, const Cause& cause, const LineInfo*& shown) {
  const LineInfo* const line = line_at(program, cause.at);
  const bool again = line != nullptr && shown != nullptr && line->line == shown->line && line->file == shown->file;
  if (line != nullptr && !again && !source(*line).empty()) excerpt.text(*line);
  shown = line;
  std::string text(words(cause.kind));
  text += " " + std::to_string(cause.at) + ": " + instruction(program, cause.at);
  if (cause.kind == CauseKind::kTested) text += cause.taken ? "   (taken)" : "   (not taken)";
  excerpt.note(text);
}

std::string way(const Program& program, const std::vector<InsnIndex>& path) {
  const std::size_t first = path.size() > kLongestWay ? path.size() - kLongestWay : 0;
  std::string text = first > 0 ? "... (" + std::to_string(first) + " earlier branches)" : "";
  for (std::size_t i = first; i < path.size(); ++i) {
    const LineInfo* const line = line_at(program, path[i]);
    text += (text.empty() ? "" : " -> ") + std::to_string(path[i]);
    if (line != nullptr) text += " (line " + std::to_string(line->line) + ")";
  }
  return text;
}

/// The registers that the sentence speaks of first, then the others.
std::string state(const Diagnostic& reason) {
  std::vector<std::string> ordered = reason.registers;
  for (const std::uint32_t reg : registers_named(reason)) {
    const std::string prefix = "R" + std::to_string(reg) + "=";
    std::stable_partition(ordered.begin(), ordered.end(),
                          [&](const std::string& one) { return one.starts_with(prefix); });
  }
  std::string text;
  for (const std::string& one : ordered) text += (text.empty() ? "" : " ") + one;
  return text;
}

std::uint32_t widest_line(const Program& program, const Diagnostic& reason) {
  std::uint32_t widest = 1;
  const auto see = [&](InsnIndex at) {
    if (const LineInfo* const line = line_at(program, at); line != nullptr) widest = std::max(widest, line->line);
  };
  see(reason.at);
  for (const Cause& cause : reason.causes) see(cause.at);
  return widest;
}

}  // namespace

std::string render_rejection(const std::string& object, const Program& program, const Rejection& rejection) {
  const Diagnostic& reason = rejection.reason;
  std::ostringstream out;
  out << object << ": " << program.name << " rejected [" << name(reason.code) << "]: " << message(reason) << "\n";
  const Excerpt excerpt(out, widest_line(program, reason));
  const LineInfo* const line = line_at(program, reason.at);
  const LineInfo* shown = nullptr;
  if (line != nullptr) {
    excerpt.place(*line);
    excerpt.empty();
  }
  for (const Cause& cause : reason.causes) write_cause(excerpt, program, cause, shown);
  if (!reason.causes.empty() && line != nullptr) excerpt.empty();
  if (line != nullptr && !source(*line).empty()) {
    excerpt.text(*line);
    excerpt.caret(*line, std::string(family(reason.code)));
  }
  if (reason.at < program.insns.size()) {
    const FunctionInfo* const function = function_at(program, reason.at);
    excerpt.note("at " + std::to_string(reason.at) + ": " + instruction(program, reason.at) +
                 (function == nullptr ? "" : "   (function " + function->name + ")"));
  }
  if (!reason.registers.empty()) excerpt.note("before it: " + state(reason));
  if (!reason.path.empty()) excerpt.note("way there: " + way(program, reason.path));
  if (const std::string advice = hint(reason); !advice.empty()) excerpt.note("what to do: " + advice);
  return out.str();
}

nlohmann::ordered_json program_json(const std::string& object, const Program* program) {
  const bool known = program != nullptr;
  return {{"object", object},
          {"program", known ? program->name : ""},
          {"section", known ? program->section : ""},
          {"type", known ? info(program->type).name : ""}};
}

void set_rejected(nlohmann::ordered_json& json, const Diagnostic& reason) {
  json["verdict"] = "reject";
  json["code"] = name(reason.code);
  json["message"] = message(reason);
  json["insn"] = reason.at;
}

nlohmann::ordered_json rejection_json(const Program& program, const Diagnostic& reason) {
  const auto place = [&](InsnIndex at) {
    nlohmann::ordered_json json;
    json["insn"] = at;
    json["text"] = at < program.insns.size() ? instruction(program, at) : "";
    if (const LineInfo* const line = line_at(program, at); line != nullptr) {
      json["file"] = line->file;
      json["line"] = line->line;
      json["column"] = line->column;
      json["source"] = source(*line);
    }
    return json;
  };
  nlohmann::ordered_json json;
  json["family"] = family(reason.code);
  json["at"] = place(reason.at);
  json["registers"] = reason.registers;
  json["path"] = nlohmann::ordered_json::array();
  const std::size_t hidden = reason.path.size() > kLongestPath ? reason.path.size() - kLongestPath : 0;
  for (const InsnIndex branch : std::span(reason.path).subspan(hidden)) json["path"].push_back(place(branch));
  json["causes"] = nlohmann::ordered_json::array();
  for (const Cause& cause : reason.causes) {
    nlohmann::ordered_json one = place(cause.at);
    one["kind"] = words(cause.kind);
    if (cause.kind == CauseKind::kTested) one["taken"] = cause.taken;
    json["causes"].push_back(std::move(one));
  }
  json["hint"] = hint(reason);
  return json;
}

}  // namespace skep::tools
