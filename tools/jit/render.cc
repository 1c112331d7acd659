// SPDX-License-Identifier: Apache-2.0
#include "tools/jit/render.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/unreachable.h"

namespace skep::tools {
namespace {

using Json = nlohmann::ordered_json;
using Kind = Part::Kind;

/// A line of the listing: instruction, op, machine code, bytes.
using Row = std::array<std::string, 4>;

std::string function_name(const JitListing& listing, std::uint32_t function) {
  const FunctionInfo* found = function_at(*listing.program, listing.code.functions[function].insn);
  return found == nullptr ? listing.program->name : found->name;
}

std::string title(const JitListing& listing, const Part& part) {
  switch (part.kind) {
    case Kind::kPrologue:
      return "function " + function_name(listing, part.function) + ", " +
             std::to_string(listing.code.functions[part.function].stack_bytes) + " bytes of stack";
    case Kind::kLeave:
      return "where a run ends inside a callee of " + function_name(listing, part.function);
    case Kind::kInvoke:
      return "calls from helpers";
    case Kind::kInsn:
      return {};
  }
  unreachable();
}

/// "  1a: mov rax, 1"; of what has no bytes, the text alone.
void add_code(std::vector<Row>& rows, std::size_t first, const std::vector<CodeLine>& code) {
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (first + i >= rows.size()) rows.emplace_back();
    char offset[16];
    std::snprintf(offset, sizeof(offset), "%5x: ", code[i].offset);
    rows[first + i][2] = (code[i].bytes.empty() ? "       " : offset) + code[i].text;
    rows[first + i][3] = code[i].bytes;
  }
}

std::vector<Row> rows_of(const Part& part) {
  std::vector<Row> rows;
  if (part.kind != Kind::kInsn) {
    add_code(rows, 0, part.code);
    return rows;
  }
  for (const OpListing& op : part.ops) {
    const std::size_t first = rows.size();
    rows.push_back({"", "L" + std::to_string(op.op) + ": " + op.text, "", ""});
    add_code(rows, first, op.code);
  }
  if (rows.empty()) rows.push_back({"", "-", "", ""});
  char number[16];
  std::snprintf(number, sizeof(number), "%5u: ", part.insn);
  rows.front()[0] = number + part.text;
  return rows;
}

/// Wide enough for most of the column: a few long texts may push what is behind them to the right.
std::size_t width(const std::vector<std::vector<Row>>& all, std::size_t column) {
  std::vector<std::size_t> sizes;
  for (const auto& rows : all)
    for (const Row& row : rows)
      if (!row[column].empty()) sizes.push_back(row[column].size());
  if (sizes.empty()) return 0;
  std::ranges::sort(sizes);
  return sizes[(sizes.size() - 1) * 19 / 20] + 2;
}

std::string joined(const Row& row, const std::array<std::size_t, 3>& widths) {
  std::string line;
  std::size_t end = 0;
  for (std::size_t column = 0; column < row.size(); ++column) {
    if (line.size() < end) line.append(end - line.size(), ' ');
    if (column > 0 && !row[column].empty() && !line.empty() && line.back() != ' ') line += "  ";
    line += row[column];
    if (column < widths.size()) end += widths[column];
  }
  const std::size_t last = line.find_last_not_of(' ');
  return line.substr(0, last == std::string::npos ? 0 : last + 1) + "\n";
}

Json json_of(const std::vector<CodeLine>& code) {
  Json all = Json::array();
  for (const CodeLine& line : code)
    all.push_back({{"offset", line.offset}, {"bytes", line.bytes}, {"text", line.text}});
  return all;
}

Json insn_json(const JitListing& listing, const Part& part, Sources& sources) {
  Json json = {{"kind", "insn"}, {"insn", part.insn}, {"text", part.text}};
  if (const LineInfo* line = line_at(*listing.program, part.insn); line != nullptr && line->line != 0) {
    json["file"] = line->file;
    json["line"] = line->line;
    json["column"] = line->column;
    json["source"] = sources.text(*line);
  }
  json["ops"] = Json::array();
  for (const OpListing& op : part.ops) {
    Json row = {{"op", op.op}, {"text", op.text}};
    row["code"] = json_of(op.code);
    json["ops"].push_back(std::move(row));
  }
  return json;
}

}  // namespace

std::string_view arch_name(jit::Arch arch) {
  switch (arch) {
    case jit::Arch::kX86_64:
      return "x86_64";
    case jit::Arch::kArm64:
      return "arm64";
    case jit::Arch::kOther:
      return "other";
  }
  unreachable();
}

std::string render_listing(const JitListing& listing, Sources& sources) {
  std::vector<std::vector<Row>> all;
  for (const Part& part : listing.parts) all.push_back(rows_of(part));
  const std::array<std::size_t, 3> widths = {width(all, 0), width(all, 1), width(all, 2)};
  std::string out;
  const LineInfo* shown = nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Part& part = listing.parts[i];
    if (part.kind != Kind::kInsn) {
      out += title(listing, part) + "\n";
      shown = nullptr;
    } else if (const LineInfo* line = line_at(*listing.program, part.insn); line != nullptr) {
      if (shown == nullptr || !same_line(*line, *shown))
        out +=
            "; " + (line->line == 0 ? "no source line" : place(*line) + "  " + std::string(sources.text(*line))) + "\n";
      shown = line;
    }
    for (const Row& row : all[i]) out += joined(row, widths);
  }
  return out;
}

Json listing_json(const JitListing& listing, Sources& sources) {
  Json functions = Json::array(), parts = Json::array();
  for (std::size_t i = 0; i < listing.code.functions.size(); ++i)
    functions.push_back({{"name", function_name(listing, static_cast<std::uint32_t>(i))},
                         {"offset", listing.assembled.map.functions[i]},
                         {"stack_bytes", listing.code.functions[i].stack_bytes}});
  for (const Part& part : listing.parts) {
    if (part.kind == Kind::kInsn) {
      parts.push_back(insn_json(listing, part, sources));
      continue;
    }
    const char* kind = part.kind == Kind::kPrologue ? "prologue" : part.kind == Kind::kLeave ? "leave" : "invoke";
    Json row = {{"kind", kind}};
    if (part.kind != Kind::kInvoke) row["function"] = part.function;
    row["code"] = json_of(part.code);
    parts.push_back(std::move(row));
  }
  return {{"program", listing.program->name},
          {"section", listing.program->section},
          {"type", info(listing.program->type).name},
          {"arch", arch_name(listing.target.arch)},
          {"base", kListingBase},
          {"insns", listing.program->insns.size()},
          {"bytes", listing.assembled.bytes.size()},
          {"functions", std::move(functions)},
          {"parts", std::move(parts)}};
}

}  // namespace skep::tools
