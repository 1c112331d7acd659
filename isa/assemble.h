// SPDX-License-Identifier: Apache-2.0
// What the two parsers hand to assemble(): one statement, whose branch may go to a label that comes later.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "isa/cursor.h"
#include "skep/insn.h"
#include "skep/result.h"

namespace skep::isa::detail {

/// A label that an instruction refers to, and where the text names it.
struct LabelUse {
  std::string name;
  std::size_t line = 0, column = 0;
};
/// A branch target: a number of slots after the next instruction, or a label (offset is then 0).
struct Target {
  std::int32_t offset = 0;
  std::optional<LabelUse> label;
};
struct Statement {
  Insn insn;
  std::optional<LabelUse> label;  ///< To be resolved into insn's offset.
};

/// "+3", "pc-2", "7", a label; after it "<symbol+0x10>", as llvm-objdump adds. The range is that of the field.
Result<Target> parse_target(Cursor& cursor, std::int32_t low, std::int32_t high);
/// The same for the 16-bit offset of a branch, and for a 32-bit immediate.
Result<Target> parse_short_target(Cursor& cursor);
Result<Target> parse_long_target(Cursor& cursor);

/// What print_symbol() writes, into a 16-byte load of `dst`; nullopt: something else is there.
Result<std::optional<Statement>> parse_symbol(Cursor& cursor, Reg dst);
/// `call` was read: number, name or name#number of a helper; `local TARGET`, `pc+3` or a label; a kfunc.
Result<Statement> parse_call(Cursor& cursor);

Result<Statement> parse_c(Cursor& cursor);
Result<Statement> parse_kernel(Cursor& cursor);
Result<Statement> parse_mnemonic(Cursor& cursor);

}  // namespace skep::isa::detail
