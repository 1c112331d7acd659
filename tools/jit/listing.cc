// SPDX-License-Identifier: Apache-2.0
#include "tools/jit/listing.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <functional>
#include <map>
#include <span>
#include <utility>

#include "base/overloaded.h"
#include "base/try.h"
#include "lower/lower.h"
#include "lower/optimize/optimize.h"
#include "lower/print.h"
#include "skep/isa.h"

namespace skep::tools {
namespace {

using jit::CodeMap;
using jit::kNoOp;

lower::Bindings made_up(const Program& program, const lower::Code& code) {
  constexpr std::uint64_t kMaps = 0x7f0000000000, kHelpers = kListingBase + 0x10000000;
  lower::Bindings out;
  for (std::size_t i = 0; i < program.maps.size(); ++i) {
    out.maps.push_back(kMaps + i * 0x1000);
    out.map_values.push_back(kMaps + i * 0x1000 + 0x800);
  }
  for (std::size_t i = 0; i < code.helpers.size(); ++i) out.helpers.push_back(kHelpers + i * 0x1000);
  return out;
}

/// The op's text, with the names of what it numbers.
std::string op_text(const lower::Op& op, const JitListing& listing, const Platform& platform) {
  const std::string name = std::visit(Overloaded{[&](const lower::CallHelper& call) -> std::string {
                                                   const HelperProto* proto =
                                                       platform.helper(listing.code.helpers[call.index]);
                                                   return proto == nullptr ? "" : std::string(proto->name);
                                                 },
                                                 [&](const lower::LoadSymbol& load) -> std::string {
                                                   const bool function = load.kind == lower::SymbolKind::kFunction;
                                                   return function ? "" : listing.program->maps[load.index]->name;
                                                 },
                                                 [](const auto&) { return std::string(); }},
                                      op);
  const std::string text = lower::print(op, listing.code);
  return name.empty() ? text : text + " (" + name + ")";
}

std::string hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

/// The assembler's text ends in the bytes as it first wrote them, without the distances of jumps forward: those come
/// from the finished code instead.
std::string without_bytes(const std::string& text) {
  std::string_view out = text;
  out = out.substr(0, out.find(';'));
  const std::size_t last = out.find_last_not_of(' ');
  return std::string(out.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

/// How many bytes it says behind the text; there is a dot for each digit that was not known yet.
std::uint32_t bytes_listed(std::string_view text) {
  const std::size_t at = text.find(';');
  if (at == std::string_view::npos) return 0;
  return static_cast<std::uint32_t>(std::ranges::count_if(text.substr(at + 1), [](char c) { return c != ' '; }) / 2);
}

std::string hex_number(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// Where each of the assembler's labels is. They are numbered, and so are ops: a listing with both would confuse.
std::map<std::string, std::uint32_t, std::less<>> label_offsets(std::span<const jit::ListedLine> lines) {
  std::map<std::string, std::uint32_t, std::less<>> found;
  for (const jit::ListedLine& line : lines)
    if (line.text.starts_with('L') && line.text.ends_with(':'))
      found.emplace(line.text.substr(0, line.text.size() - 1), line.offset);
  return found;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Labels as offsets, and small negative numbers as such.
std::string readable(const std::string& text, const std::map<std::string, std::uint32_t, std::less<>>& labels) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string word = text.substr(at, std::max<std::size_t>(end - at, 1));
    at += word.size();
    const auto label = labels.find(word);
    const std::uint64_t number = word.starts_with("0x") ? std::stoull(word, nullptr, 16) : 0;
    if (label != labels.end()) {
      out += hex_number(label->second);
    } else if (number >= ~std::uint64_t{0} - 0x80000000) {
      out += "-" + hex_number(~number + 1);
    } else {
      out += word;
    }
  }
  return out;
}

class Lister {
 public:
  Lister(JitListing& out, const Platform& platform)
      : out_(out),
        platform_(platform),
        labels_(label_offsets(out.assembled.listing)),
        has_op_(out.program->insns.size()) {
    for (const InsnIndex insn : out.code.origin) has_op_[insn] = true;
  }

  void run() {
    const std::vector<CodeMap::Row>& rows = out_.assembled.map.rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool last = i + 1 == rows.size();
      const std::uint32_t end = last ? static_cast<std::uint32_t>(out_.assembled.bytes.size()) : rows[i + 1].offset;
      std::vector<CodeLine> code = lines(end, last);
      if (rows[i].op == kNoOp) {
        add_other(rows[i], std::move(code));
        continue;
      }
      add_op(rows[i].op, std::move(code));
    }
    add_insns_before(out_.program->insns.size());
  }

 private:
  /// The lines that are left and begin before `end`. What takes no bytes belongs to what follows it.
  std::vector<CodeLine> lines(std::uint32_t end, bool last) {
    const std::vector<jit::ListedLine>& all = out_.assembled.listing;
    std::vector<CodeLine> found;
    for (; next_line_ < all.size() && (last || all[next_line_].offset < end); ++next_line_) {
      if (all[next_line_].text.ends_with(':')) continue;
      const std::uint32_t from = begin_of(next_line_), to = begin_of(next_line_ + 1);
      found.push_back({.offset = from,
                       .bytes = hex(std::span(out_.assembled.bytes).subspan(from, to - from)),
                       .text = readable(without_bytes(all[next_line_].text), labels_)});
    }
    return found;
  }

  /// Padding is listed behind its bytes, which begin where the instruction before ends.
  [[nodiscard]] std::uint32_t begin_of(std::size_t line) const {
    const std::vector<jit::ListedLine>& all = out_.assembled.listing;
    if (line == all.size()) return static_cast<std::uint32_t>(out_.assembled.bytes.size());
    const bool pads = line > 0 && all[line].text.starts_with("align");
    return pads ? all[line - 1].offset + bytes_listed(all[line - 1].text) : all[line].offset;
  }

  void add_other(const CodeMap::Row& row, std::vector<CodeLine> code) {
    const auto& functions = out_.assembled.map.functions;
    const auto function = std::ranges::find(functions, row.offset);
    const bool invoke = row.offset >= out_.assembled.map.invoke.value_or(~0u);
    Part part{
        .kind = invoke ? Part::Kind::kInvoke : Part::Kind::kLeave, .function = function_, .code = std::move(code)};
    if (!invoke && function != functions.end()) {
      function_ = static_cast<std::uint32_t>(function - functions.begin());
      part.kind = Part::Kind::kPrologue;
      part.function = function_;
      add_insns_before(out_.code.functions[function_].insn);
    }
    out_.parts.push_back(std::move(part));
  }

  void add_op(lower::Label op, std::vector<CodeLine> code) {
    const InsnIndex insn = out_.code.origin[op];
    const bool same =
        !out_.parts.empty() && out_.parts.back().kind == Part::Kind::kInsn && out_.parts.back().insn == insn;
    if (!same) {
      add_insns_before(insn);
      add_insn(insn);
    }
    out_.parts.back().ops.push_back(
        {.op = op, .text = op_text(out_.code.ops[op], out_, platform_), .code = std::move(code)});
  }

  /// Those that have no op: they cannot run, or do nothing.
  void add_insns_before(std::size_t end) {
    for (InsnIndex insn = next_insn_; insn < end; ++insn)
      if (!has_op_[insn]) add_insn(insn);
  }
  void add_insn(InsnIndex insn) {
    next_insn_ = std::max(next_insn_, insn + 1);
    std::string text = isa::print(out_.program->insns, insn, isa::Syntax::kC);
    if (text.empty()) return;  // The second slot of a 16-byte load.
    out_.parts.push_back({.kind = Part::Kind::kInsn, .function = function_, .insn = insn, .text = std::move(text)});
  }

  JitListing& out_;
  const Platform& platform_;
  const std::map<std::string, std::uint32_t, std::less<>> labels_;
  std::vector<bool> has_op_;  // By instruction.
  std::size_t next_line_ = 0;
  InsnIndex next_insn_ = 0;
  std::uint32_t function_ = 0;
};

}  // namespace

Result<JitListing> list_native(const VerifiedProgram& program, const Platform& platform, const jit::Target& target,
                               PassSet passes) {
  JitListing out;
  out.program = &program.program();
  out.target = target;
  TRY(lower::Code code, lower::lower(program, platform));
  out.code =
      lower::optimize(std::move(code), jit::suited(passes, target.arch), program.facts(), jit::spares(target.arch));
  const lower::Bindings bindings = made_up(*out.program, out.code);
  TRY(out.assembled, jit::assemble(out.code, bindings, target.arch,
                                   {.compile = {.features = target.features},
                                    .base = kListingBase,
                                    .listing = jit::Listing::kOn,
                                    .mapping = jit::Mapping::kOn}));
  Lister(out, platform).run();
  return out;
}

}  // namespace skep::tools
