// SPDX-License-Identifier: Apache-2.0
#include "vm/debug/symbols.h"

#include <algorithm>

namespace skep::debug {
namespace {

class Build {
 public:
  Build(const Program& program, const lower::Code& code, const jit::CodeMap& map) : program_(program), code_(code) {
    out_.program = program.name;
    out_.frames = map.frames;
  }

  Symbols run(const jit::CodeMap& map, const Placed& placed) {
    out_.arch = placed.arch;
    out_.address = placed.address;
    out_.code = placed.bytes;
    const auto size = static_cast<std::uint32_t>(placed.bytes.size());
    const std::uint32_t invoke = map.invoke.value_or(size);
    for (std::size_t i = 0; i < map.functions.size(); ++i)
      add_function(i, map.functions[i], i + 1 < map.functions.size() ? map.functions[i + 1] : invoke);
    if (map.invoke) out_.functions.push_back({.name = "skep_invoke", .begin = invoke, .end = size});
    for (const jit::CodeMap::Row& row : map.rows) add_row(row);
    return std::move(out_);
  }

 private:
  [[nodiscard]] InsnIndex slot(lower::Label op) const { return code_.origin[op]; }

  void add_function(std::size_t index, std::uint32_t begin, std::uint32_t end) {
    const InsnIndex first = code_.functions[index].insn;
    const FunctionInfo* const function = function_at(program_, first);
    Symbol symbol{.name = std::string(kPrefix) + (function == nullptr ? program_.name : function->name),
                  .begin = begin,
                  .end = end};
    if (const LineInfo* line = line_at(program_, first); line != nullptr) {
      symbol.file = file(line->file);
      symbol.line = line->line;
    }
    out_.functions.push_back(std::move(symbol));
  }

  /// A prologue is on the line of the function. The first op has a row even when it is on the same line: debuggers
  /// take the second row for the end of the prologue.
  void add_row(const jit::CodeMap::Row& row) {
    const auto function = std::ranges::find(out_.functions, row.offset, &Symbol::begin);
    const bool begins = row.op == jit::kNoOp && function != out_.functions.end() && function->line != 0;
    if (begins) {
      out_.lines.push_back({.offset = row.offset, .file = function->file, .line = function->line});
      prologue_ = true;
    }
    if (row.op == jit::kNoOp) return;
    const LineInfo* line = line_at(program_, slot(row.op));
    if (line == nullptr || line->line == 0) return;
    const LineRow next{.offset = row.offset, .file = file(line->file), .line = line->line, .column = line->column};
    const bool same = !out_.lines.empty() && out_.lines.back().file == next.file &&
                      out_.lines.back().line == next.line && out_.lines.back().column == next.column;
    if (prologue_ || !same) out_.lines.push_back(next);
    prologue_ = false;
  }

  std::uint32_t file(const std::string& name) {
    const auto found = std::ranges::find(out_.files, name);
    const auto index = static_cast<std::uint32_t>(found - out_.files.begin());
    if (found == out_.files.end()) out_.files.push_back(name);
    return index;
  }

  const Program& program_;
  const lower::Code& code_;
  Symbols out_;
  bool prologue_ = false;  // The last row is that of a prologue.
};

}  // namespace

Symbols symbols(const Program& program, const lower::Code& code, const jit::CodeMap& map, const Placed& placed) {
  return Build(program, code, map).run(map, placed);
}

}  // namespace skep::debug
