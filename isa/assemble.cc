// SPDX-License-Identifier: Apache-2.0
// assemble(): goes through the lines, collects labels, and resolves the branches to them at the end.
#include "isa/assemble.h"

#include <limits>
#include <map>
#include <vector>

#include "base/overloaded.h"
#include "base/try.h"
#include "base/unreachable.h"
#include "skep/isa.h"

namespace skep::isa {
namespace {

using detail::Cursor;
using detail::LabelUse;
using detail::Statement;

Result<Statement> parse_statement(Cursor& cursor, Syntax syntax) {
  switch (syntax) {
    case Syntax::kC:
      return detail::parse_c(cursor);
    case Syntax::kMnemonic:
      return detail::parse_mnemonic(cursor);
    case Syntax::kKernel:
      return detail::parse_kernel(cursor);
  }
  unreachable();
}

RawInsn raw_from_word(std::uint64_t word) {
  RawInsn raw;
  raw.opcode = static_cast<std::uint8_t>(word);
  raw.dst = static_cast<std::uint8_t>(word >> 8 & 0xf);
  raw.src = static_cast<std::uint8_t>(word >> 12 & 0xf);
  raw.offset = static_cast<std::int16_t>(word >> 16);
  raw.imm = static_cast<std::int32_t>(word >> 32);
  return raw;
}

class Assembler {
 public:
  explicit Assembler(Syntax syntax) : syntax_(syntax) {}

  Status line(std::string_view text, std::size_t number) {
    Cursor cursor(text, number);
    TRY_OK(labels(cursor));
    if (cursor.at_end()) return kOk;
    if (cursor.accept_word(".8byte")) return raw(cursor);
    TRY(Statement statement, parse_statement(cursor, syntax_));
    if (!cursor.at_end()) return cursor.expected("the end of the line");
    if (statement.label) uses_.push_back({insns_.size(), *std::move(statement.label)});
    if (std::holds_alternative<Exit>(statement.insn)) last_exit_ = insns_.size();
    const bool wide = std::holds_alternative<LoadImm64>(statement.insn);
    insns_.push_back(statement.insn);
    if (wide) insns_.emplace_back(Continuation{});
    return kOk;
  }

  Result<Insns> finish() {
    for (const Use& use : uses_) TRY_OK(resolve(use));
    // Slots given as numbers may be the two halves of one instruction.
    return has_raw_ ? decode(encode(insns_)) : std::move(insns_);
  }

 private:
  struct Use {
    std::size_t slot = 0;
    LabelUse label;
  };

  Status labels(Cursor& cursor) {
    for (;;) {
      const std::size_t start = cursor.position();
      const auto name = cursor.name();
      if (!name || !cursor.accept(":")) {
        cursor.move_to(start);
        return kOk;
      }
      if (!labels_.emplace(*name, insns_.size()).second) {
        cursor.move_to(start);
        return cursor.error_here("label '" + std::string(*name) + "' is defined a second time");
      }
    }
  }

  Status raw(Cursor& cursor) {
    const auto word = cursor.number();
    if (!word) return cursor.expected("a 64-bit number");
    if (!cursor.at_end()) return cursor.expected("the end of the line");
    insns_.emplace_back(Illegal{raw_from_word(word->word), Field::kOpcode});
    has_raw_ = true;
    return kOk;
  }

  Result<std::int64_t> find(const LabelUse& use) const {
    if (const auto found = labels_.find(use.name); found != labels_.end())
      return static_cast<std::int64_t>(found->second);
    // The conformance files jump to `exit` without defining it: the program's last exit instruction.
    if (use.name == "exit" && last_exit_) return static_cast<std::int64_t>(*last_exit_);
    return detail::located(use.line, use.column, "label '" + use.name + "' is not defined");
  }

  Status resolve(const Use& use) {
    TRY(const std::int64_t slot, find(use.label));
    const std::int64_t distance = slot - static_cast<std::int64_t>(use.slot) - 1;
    const auto long_distance = static_cast<std::int32_t>(distance);
    const auto short_distance = static_cast<std::int16_t>(distance);
    const bool fits = short_distance == distance;
    const bool done =
        std::visit(Overloaded{
                       [&](Branch& insn) { return insn.offset = short_distance, fits; },
                       [&](MayGoto& insn) { return insn.offset = short_distance, fits; },
                       [&](Jump& insn) { return insn.offset = long_distance, fits || insn.form == JumpForm::kLong; },
                       [&](Call& insn) { return insn.imm = long_distance, true; },
                       [&](LoadImm64& insn) { return insn.low = long_distance, true; },
                       [](auto&) { return false; },
                   },
                   insns_[use.slot]);
    if (done) return kOk;
    return detail::located(use.label.line, use.label.column,
                           "label '" + use.label.name + "' is " + std::to_string(distance) +
                               " slots away, expected at most 32767: use the long jump");
  }

  Syntax syntax_;
  Insns insns_;
  std::vector<Use> uses_;
  std::map<std::string, std::size_t, std::less<>> labels_;
  std::optional<std::size_t> last_exit_;
  bool has_raw_ = false;
};

}  // namespace

Result<Insns> assemble(std::string_view text, Syntax syntax) {
  Assembler assembler(syntax);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    TRY_OK(assembler.line(text.substr(0, end), number));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return assembler.finish();
}

}  // namespace skep::isa
