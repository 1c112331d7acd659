// SPDX-License-Identifier: Apache-2.0
// The mnemonic syntax: a word decides the instruction, its operands follow. The words come from the tables.
#include <string>

#include "base/try.h"
#include "isa/assemble.h"

namespace skep::isa::detail {
namespace {

Result<Reg> parse_reg(Cursor& cursor) {
  if (const auto reg = cursor.reg("%r")) return *reg;
  if (const auto reg = cursor.reg("r")) return *reg;
  return cursor.expected("a register from %r0 to %r10");
}
Result<Operand> parse_operand(Cursor& cursor) {
  if (const auto reg = cursor.reg("%r")) return Operand{*reg};
  if (const auto reg = cursor.reg("r")) return Operand{*reg};
  TRY(const std::int32_t value, cursor.imm32());
  return Operand{Imm{value}};
}
struct Address {
  Reg base;
  std::int16_t offset = 0;
};
/// "[%r1+4]", "[%r1]"
Result<Address> parse_address(Cursor& cursor) {
  TRY_OK(cursor.expect("["));
  TRY(const Reg base, parse_reg(cursor));
  std::int16_t offset = 0;
  if (!cursor.accept("]")) {
    TRY(offset, cursor.offset16());
    TRY_OK(cursor.expect("]"));
  }
  return Address{base, offset};
}
Result<Reg> parse_then_reg(Cursor& cursor) {
  TRY_OK(cursor.expect(","));
  return parse_reg(cursor);
}
Result<Address> parse_then_address(Cursor& cursor) {
  TRY_OK(cursor.expect(","));
  return parse_address(cursor);
}
Result<Operand> parse_then_operand(Cursor& cursor) {
  TRY_OK(cursor.expect(","));
  return parse_operand(cursor);
}

Result<Statement> parse_alu(Cursor& cursor, AluOp op, Width width) {
  TRY(const Reg dst, parse_reg(cursor));
  const Forms forms = info(op).forms;
  if (forms == Forms::Unary) return Statement{Alu{op, width, dst, Imm{0}}, {}};
  if (forms == Forms::RegOnly) {
    TRY(const Reg src, parse_then_reg(cursor));
    return Statement{Alu{op, width, dst, src}, {}};
  }
  TRY(const Operand src, parse_then_operand(cursor));
  return Statement{Alu{op, width, dst, src}, {}};
}

Result<Statement> parse_branch(Cursor& cursor, JmpOp op, Width width) {
  TRY(const Reg dst, parse_reg(cursor));
  TRY(const Operand src, parse_then_operand(cursor));
  TRY_OK(cursor.expect(","));
  TRY(Target target, parse_short_target(cursor));
  return Statement{Branch{op, width, dst, src, static_cast<std::int16_t>(target.offset)}, std::move(target.label)};
}

Result<Statement> parse_jump(Cursor& cursor, JumpForm form) {
  TRY(Target target, form == JumpForm::kLong ? parse_long_target(cursor) : parse_short_target(cursor));
  return Statement{Jump{form, target.offset}, std::move(target.label)};
}
Result<Statement> parse_may_goto(Cursor& cursor) {
  TRY(Target target, parse_short_target(cursor));
  return Statement{MayGoto{static_cast<std::int16_t>(target.offset)}, std::move(target.label)};
}

/// `lock` was read.
Result<Statement> parse_lock(Cursor& cursor) {
  std::string word = cursor.accept_word("fetch") ? "fetch_" : "";
  const std::size_t start = cursor.position();
  word += cursor.name().value_or("");
  const Size size = word.ends_with("32") ? Size::k32 : Size::k64;
  if (size == Size::k32) word.resize(word.size() - 2);
  if (word.ends_with("64")) word.resize(word.size() - 2);
  for (const AtomicInfo& row : kAtomicTable) {
    if (row.mnemonic != word || row.op == AtomicOp::kLoadAcquire || row.op == AtomicOp::kStoreRelease) continue;
    TRY(const Address at, parse_address(cursor));
    TRY(const Reg reg, parse_then_reg(cursor));
    return Statement{Atomic{row.op, size, at.base, at.offset, reg}, {}};
  }
  cursor.move_to(start);
  return cursor.expected("an atomic operation: add, or, and, xor (after 'lock fetch' too), xchg, cmpxchg");
}

Result<Statement> parse_load_acquire(Cursor& cursor, Size size) {
  TRY(const Reg dst, parse_reg(cursor));
  TRY(const Address at, parse_then_address(cursor));
  return Statement{Atomic{AtomicOp::kLoadAcquire, size, at.base, at.offset, dst}, {}};
}
Result<Statement> parse_store_release(Cursor& cursor, Size size) {
  TRY(const Address at, parse_address(cursor));
  TRY(const Reg src, parse_then_reg(cursor));
  return Statement{Atomic{AtomicOp::kStoreRelease, size, at.base, at.offset, src}, {}};
}

Result<Statement> parse_load(Cursor& cursor, Size size, Extend extend) {
  TRY(const Reg dst, parse_reg(cursor));
  TRY(const Address at, parse_then_address(cursor));
  return Statement{Load{size, extend, dst, at.base, at.offset}, {}};
}
Result<Statement> parse_store_reg(Cursor& cursor, Size size) {
  TRY(const Address at, parse_address(cursor));
  TRY(const Reg src, parse_then_reg(cursor));
  return Statement{Store{size, at.base, at.offset, src}, {}};
}
Result<Statement> parse_store_imm(Cursor& cursor, Size size) {
  TRY(const Address at, parse_address(cursor));
  TRY_OK(cursor.expect(","));
  TRY(const std::int32_t value, cursor.imm32());
  return Statement{Store{size, at.base, at.offset, Imm{value}}, {}};
}

Result<Statement> parse_lddw(Cursor& cursor) {
  TRY(const Reg dst, parse_reg(cursor));
  TRY_OK(cursor.expect(","));
  TRY(std::optional<Statement> symbol, parse_symbol(cursor, dst));
  if (symbol) return *std::move(symbol);
  const auto value = cursor.number();
  if (!value) return cursor.expected("a 64-bit number");
  return Statement{LoadImm64{Imm64Kind::kConstant, dst, static_cast<std::int32_t>(value->word),
                             static_cast<std::int32_t>(value->word >> 32)},
                   {}};
}
Result<Statement> parse_packet_absolute(Cursor& cursor, Size size) {
  TRY(const std::int32_t imm, cursor.imm32());
  return Statement{LoadPacket{PacketMode::kAbsolute, size, Reg{}, imm}, {}};
}
Result<Statement> parse_packet_indirect(Cursor& cursor, Size size) {
  TRY(const Reg src, parse_reg(cursor));
  TRY_OK(cursor.expect(","));
  TRY(const std::int32_t imm, cursor.imm32());
  return Statement{LoadPacket{PacketMode::kIndirect, size, src, imm}, {}};
}
Result<Statement> parse_addr_space_cast(Cursor& cursor) {
  TRY(const Reg dst, parse_reg(cursor));
  TRY(const Reg src, parse_then_reg(cursor));
  TRY_OK(cursor.expect(","));
  TRY(const std::int64_t to, cursor.integer(0, 0xffff, "an address space"));
  TRY_OK(cursor.expect(","));
  TRY(const std::int64_t from, cursor.integer(0, 0xffff, "an address space"));
  return Statement{AddrSpaceCast{dst, src, static_cast<std::uint16_t>(to), static_cast<std::uint16_t>(from)}, {}};
}

/// add, add32, add64, movsx864...; nullopt: no such word.
std::optional<Result<Statement>> parse_alu_word(Cursor& cursor, std::string_view word) {
  for (const AluInfo& row : kAluTable) {
    if (!word.starts_with(row.mnemonic)) continue;
    const std::string_view rest = word.substr(row.mnemonic.size());
    const bool implied = rest.empty() && row.forms != Forms::RegOnly;
    if (implied || rest == "64") return parse_alu(cursor, row.op, Width::k64);
    if (rest == "32" && (row.widths & 1) != 0) return parse_alu(cursor, row.op, Width::k32);
  }
  return std::nullopt;
}

std::optional<Result<Statement>> parse_branch_word(Cursor& cursor, std::string_view word) {
  for (const JmpInfo& row : kJmpTable) {
    if (!word.starts_with(row.mnemonic)) continue;
    const std::string_view rest = word.substr(row.mnemonic.size());
    if (rest.empty() || rest == "64") return parse_branch(cursor, row.op, Width::k64);
    if (rest == "32") return parse_branch(cursor, row.op, Width::k32);
  }
  return std::nullopt;
}

std::optional<Result<Statement>> parse_swap_word(Cursor& cursor, std::string_view word) {
  static constexpr struct {
    std::string_view prefix;
    ByteOrder order{};
  } kSwaps[] = {
      {"le", ByteOrder::kToLittle}, {"be", ByteOrder::kToBig}, {"bswap", ByteOrder::kSwap}, {"swap", ByteOrder::kSwap}};
  for (const auto& row : kSwaps)
    for (const std::uint8_t bits : std::initializer_list<std::uint8_t>{16, 32, 64})
      if (word == std::string(row.prefix) + std::to_string(bits)) {
        const auto dst = parse_reg(cursor);
        if (!dst) return dst.error();
        return Statement{ByteSwap{row.order, bits, *dst}, {}};
      }
  return std::nullopt;
}

/// Loads and stores: a prefix and the suffix of the size.
std::optional<Result<Statement>> parse_memory_word(Cursor& cursor, std::string_view word) {
  for (const SizeInfo& row : kSizeTable) {
    const std::string letters(row.suffix), digits = std::to_string(8 * bytes(row.size));
    if (word == "ldx" + letters) return parse_load(cursor, row.size, Extend::kZero);
    if (word == "stx" + letters) return parse_store_reg(cursor, row.size);
    if (word == "st" + letters) return parse_store_imm(cursor, row.size);
    if (word == "load_acquire" + digits) return parse_load_acquire(cursor, row.size);
    if (word == "store_release" + digits) return parse_store_release(cursor, row.size);
    if (row.size == Size::k64) continue;
    if (word == "ldxs" + letters) return parse_load(cursor, row.size, Extend::kSign);
    if (word == "ldabs" + letters) return parse_packet_absolute(cursor, row.size);
    if (word == "ldind" + letters) return parse_packet_indirect(cursor, row.size);
  }
  return std::nullopt;
}

std::optional<Result<Statement>> parse_other_word(Cursor& cursor, std::string_view word) {
  if (word == "exit") return Statement{Exit{}, {}};
  if (word == "lddw") return parse_lddw(cursor);
  if (word == "lock") return parse_lock(cursor);
  if (word == "call") return parse_call(cursor);
  if (word == "ja") return parse_jump(cursor, JumpForm::kShort);
  if (word == "ja32") return parse_jump(cursor, JumpForm::kLong);
  if (word == "may_goto") return parse_may_goto(cursor);
  if (word == "addr_space_cast") return parse_addr_space_cast(cursor);
  return std::nullopt;
}

}  // namespace

Result<Statement> parse_mnemonic(Cursor& cursor) {
  const std::size_t start = cursor.position();
  const std::string_view word = cursor.name().value_or("");
  for (const auto family : {parse_other_word, parse_memory_word, parse_branch_word, parse_swap_word, parse_alu_word})
    if (auto statement = family(cursor, word)) return *std::move(statement);
  cursor.move_to(start);
  return cursor.expected("an instruction");
}

}  // namespace skep::isa::detail
