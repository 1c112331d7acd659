// SPDX-License-Identifier: Apache-2.0
// The C-like syntax: LLVM's and the kernel's spellings of each instruction.
#include <array>
#include <limits>
#include <string>

#include "base/try.h"
#include "base/unreachable.h"
#include "isa/assemble.h"

namespace skep::isa::detail {
namespace {

enum class Dialect : std::uint8_t { kLlvm, kKernel };

struct WideReg {
  Reg reg;
  Width width{};
};
std::optional<WideReg> accept_reg(Cursor& cursor) {
  if (const auto reg = cursor.reg("r")) return WideReg{*reg, Width::k64};
  if (const auto reg = cursor.reg("w")) return WideReg{*reg, Width::k32};
  return std::nullopt;
}
/// Of either width: memory accesses name the register as their value is wide, or as it is.
Result<Reg> parse_reg(Cursor& cursor) {
  if (const auto reg = accept_reg(cursor)) return reg->reg;
  return cursor.expected("a register from r0 to r10");
}
Result<Reg> parse_reg(Cursor& cursor, Width width) {
  if (const auto reg = cursor.reg(width == Width::k64 ? "r" : "w")) return *reg;
  return cursor.expected(width == Width::k64 ? "a register from r0 to r10" : "a register from w0 to w10");
}
Result<Operand> parse_operand(Cursor& cursor, Width width) {
  if (const auto reg = cursor.reg(width == Width::k64 ? "r" : "w")) return Operand{*reg};
  TRY(const std::int32_t value, cursor.imm32());
  return Operand{Imm{value}};
}

struct MemoryType {
  Size size{};
  Extend extend{};
};
/// "u32 *)": what follows an opening parenthesis.
Result<MemoryType> parse_type(Cursor& cursor) {
  for (const SizeInfo& row : kSizeTable) {
    std::string signed_type(row.c_type);
    signed_type[0] = 's';
    const bool is_unsigned = cursor.accept_word(row.c_type);
    if (!is_unsigned && !cursor.accept_word(signed_type)) continue;
    TRY_OK(cursor.expect("*"));
    TRY_OK(cursor.expect(")"));
    return MemoryType{row.size, is_unsigned ? Extend::kZero : Extend::kSign};
  }
  return cursor.expected("a type: u8, u16, u32, u64, s8, s16, s32");
}

struct Address {
  Reg base;
  std::int16_t offset = 0;
};
/// "r1 + 4", "r1 +4", "r1 - 4", "r1"
Result<Address> parse_sum(Cursor& cursor) {
  TRY(const Reg base, parse_reg(cursor, Width::k64));
  const std::size_t sign = cursor.position();
  const bool minus = cursor.accept("-");
  if (!minus && !cursor.accept("+")) return Address{base, 0};
  cursor.move_to(sign);
  static_cast<void>(minus ? cursor.accept("-") : cursor.accept("+"));
  TRY(const std::int64_t magnitude, cursor.integer(minus ? 0 : -0x8000, minus ? 0x8000 : 0x7fff, "an offset"));
  return Address{base, static_cast<std::int16_t>(minus ? -magnitude : magnitude)};
}
Result<Address> parse_address(Cursor& cursor) {
  TRY_OK(cursor.expect("("));
  TRY(const Address address, parse_sum(cursor));
  TRY_OK(cursor.expect(")"));
  return address;
}
struct TypedAddress {
  MemoryType type;
  Address at;
};
/// "(u32 *)(r1 + 4)"
Result<TypedAddress> parse_typed_address(Cursor& cursor) {
  TRY_OK(cursor.expect("("));
  TRY(const MemoryType type, parse_type(cursor));
  TRY(const Address at, parse_address(cursor));
  return TypedAddress{type, at};
}

Result<Statement> atomic(Cursor& cursor, AtomicOp op, Size size, Address at, Reg reg) {
  const bool any_size = op == AtomicOp::kLoadAcquire || op == AtomicOp::kStoreRelease;
  if (!any_size && size != Size::k32 && size != Size::k64)
    return cursor.error_here("this atomic operation exists for u32 and u64 only");
  return Statement{Atomic{op, size, at.base, at.offset, reg}, {}};
}

/// "lock" was read: *(u64 *)(r1 + 0) += r2
Result<Statement> parse_lock(Cursor& cursor) {
  static constexpr struct {
    std::string_view token;
    AtomicOp op{};
  } kOps[] = {{"+=", AtomicOp::kAdd}, {"|=", AtomicOp::kOr}, {"&=", AtomicOp::kAnd}, {"^=", AtomicOp::kXor}};
  TRY_OK(cursor.expect("*"));
  TRY(const TypedAddress to, parse_typed_address(cursor));
  for (const auto& row : kOps) {
    if (!cursor.accept(row.token)) continue;
    TRY(const Reg reg, parse_reg(cursor));
    return atomic(cursor, row.op, to.type.size, to.at, reg);
  }
  return cursor.expected("'+=', '|=', '&=' or '^='");
}

/// '*' was read: (u64 *)(r1 + 0) = r2
Result<Statement> parse_store(Cursor& cursor) {
  TRY(const TypedAddress to, parse_typed_address(cursor));
  TRY_OK(cursor.expect("="));
  if (const auto reg = accept_reg(cursor))
    return Statement{Store{to.type.size, to.at.base, to.at.offset, reg->reg}, {}};
  TRY(const std::int32_t value, cursor.imm32());
  return Statement{Store{to.type.size, to.at.base, to.at.offset, Imm{value}}, {}};
}

Result<Statement> parse_store_release(Cursor& cursor) {
  TRY_OK(cursor.expect("("));
  TRY(const TypedAddress to, parse_typed_address(cursor));
  TRY_OK(cursor.expect(","));
  TRY(const Reg reg, parse_reg(cursor));
  TRY_OK(cursor.expect(")"));
  return atomic(cursor, AtomicOp::kStoreRelease, to.type.size, to.at, reg);
}

/// "if" was read.
Result<Statement> parse_branch(Cursor& cursor) {
  const auto dst = accept_reg(cursor);
  if (!dst) return cursor.expected("a register");
  // The longest token first: ">" begins ">=" too.
  const JmpInfo* found = nullptr;
  for (const std::size_t length : {3u, 2u, 1u})
    for (const JmpInfo& row : kJmpTable)
      if (found == nullptr && row.token.size() == length && cursor.accept(row.token)) found = &row;
  if (found == nullptr) return cursor.expected("a comparison");
  TRY(const Operand src, parse_operand(cursor, dst->width));
  if (!cursor.accept_word("goto")) return cursor.expected("'goto'");
  TRY(Target target, parse_short_target(cursor));
  return Statement{Branch{found->op, dst->width, dst->reg, src, static_cast<std::int16_t>(target.offset)},
                   std::move(target.label)};
}

Result<Statement> parse_jump(Cursor& cursor, JumpForm form) {
  TRY(Target target, form == JumpForm::kLong ? parse_long_target(cursor) : parse_short_target(cursor));
  return Statement{Jump{form, target.offset}, std::move(target.label)};
}
Result<Statement> parse_may_goto(Cursor& cursor) {
  TRY(Target target, parse_short_target(cursor));
  return Statement{MayGoto{static_cast<std::int16_t>(target.offset)}, std::move(target.label)};
}

/// "ld_pseudo" was read: r1, kind, low word (LLVM's for an address whose second word is 0).
Result<Statement> parse_ld_pseudo(Cursor& cursor) {
  TRY(const Reg dst, parse_reg(cursor, Width::k64));
  TRY_OK(cursor.expect(","));
  TRY(const std::int64_t kind, cursor.integer(0, 6, "a kind of address"));
  TRY_OK(cursor.expect(","));
  TRY(const std::int32_t low, cursor.imm32());
  return Statement{LoadImm64{static_cast<Imm64Kind>(kind), dst, low, 0}, {}};
}

/// "r1 = *(" was read.
Result<Statement> parse_load(Cursor& cursor, WideReg dst) {
  TRY(const MemoryType type, parse_type(cursor));
  if (cursor.accept_word("skb")) {
    TRY_OK(cursor.expect("["));
    LoadPacket load{.mode = PacketMode::kAbsolute, .size = type.size, .src = {}, .imm = 0};
    if (const auto reg = cursor.reg("r")) {
      load.mode = PacketMode::kIndirect;
      load.src = *reg;
      static_cast<void>(cursor.accept("+"));
      if (cursor.accept("]")) return Statement{load, {}};
    }
    TRY(load.imm, cursor.imm32());
    TRY_OK(cursor.expect("]"));
    if (dst.reg != kR0 || type.size == Size::k64) return cursor.error_here("a packet load goes to r0, and is not u64");
    return Statement{load, {}};
  }
  TRY(const Address at, parse_address(cursor));
  if (type.extend == Extend::kSign && type.size == Size::k64) return cursor.error_here("there is no load of an s64");
  return Statement{Load{type.size, type.extend, dst.reg, at.base, at.offset}, {}};
}

/// "r1 = addr_space_cast" was read.
Result<Statement> parse_addr_space_cast(Cursor& cursor, Reg dst) {
  TRY_OK(cursor.expect("("));
  TRY(const Reg src, parse_reg(cursor, Width::k64));
  TRY_OK(cursor.expect(","));
  TRY(const std::int64_t to, cursor.integer(0, 0xffff, "an address space"));
  TRY_OK(cursor.expect(","));
  TRY(const std::int64_t from, cursor.integer(0, 0xffff, "an address space"));
  TRY_OK(cursor.expect(")"));
  return Statement{AddrSpaceCast{dst, src, static_cast<std::uint16_t>(to), static_cast<std::uint16_t>(from)}, {}};
}

/// The functions that "r1 = NAME(" can call, in both dialects. LLVM's exchanges carry the size in their name.
struct AtomicCall {
  std::string_view name;
  AtomicOp op{};
  std::optional<Size> size;  ///< Absent: the argument is a typed address.
};
constexpr AtomicCall kAtomicCalls[] = {
    {"atomic_fetch_add", AtomicOp::kFetchAdd, {}},
    {"atomic64_fetch_add", AtomicOp::kFetchAdd, {}},
    {"atomic_fetch_or", AtomicOp::kFetchOr, {}},
    {"atomic64_fetch_or", AtomicOp::kFetchOr, {}},
    {"atomic_fetch_and", AtomicOp::kFetchAnd, {}},
    {"atomic64_fetch_and", AtomicOp::kFetchAnd, {}},
    {"atomic_fetch_xor", AtomicOp::kFetchXor, {}},
    {"atomic64_fetch_xor", AtomicOp::kFetchXor, {}},
    {"atomic_xchg", AtomicOp::kXchg, {}},
    {"atomic64_xchg", AtomicOp::kXchg, {}},
    {"atomic_cmpxchg", AtomicOp::kCmpXchg, {}},
    {"atomic64_cmpxchg", AtomicOp::kCmpXchg, {}},
    {"xchg32_32", AtomicOp::kXchg, Size::k32},
    {"xchg_64", AtomicOp::kXchg, Size::k64},
    {"cmpxchg32_32", AtomicOp::kCmpXchg, Size::k32},
    {"cmpxchg_64", AtomicOp::kCmpXchg, Size::k64},
    {"load_acquire", AtomicOp::kLoadAcquire, {}},
};
Result<Statement> parse_atomic_call(Cursor& cursor, const AtomicCall& row, Reg dst) {
  TRY_OK(cursor.expect("("));
  Size size = row.size.value_or(Size::k64);
  Address at;
  if (row.size) {
    TRY(at, parse_sum(cursor));
  } else {
    TRY(const TypedAddress typed, parse_typed_address(cursor));
    at = typed.at;
    size = typed.type.size;
  }
  Reg reg = dst;
  if (row.op != AtomicOp::kLoadAcquire) {
    TRY_OK(cursor.expect(","));
    if (row.op == AtomicOp::kCmpXchg) {
      TRY(const Reg expected, parse_reg(cursor));
      if (expected != kR0 || dst != kR0) return cursor.error_here("the result and the expected value are in r0");
      TRY_OK(cursor.expect(","));
    }
    TRY(reg, parse_reg(cursor));
    if (row.op != AtomicOp::kCmpXchg && reg != dst)
      return cursor.error_here("the old value goes to the register that holds the operand");
  }
  TRY_OK(cursor.expect(")"));
  return atomic(cursor, row.op, size, at, reg);
}

/// "r1 = le16" and the like: nullopt, when no such word is there.
Result<std::optional<Statement>> parse_swap(Cursor& cursor, Reg dst) {
  static constexpr struct {
    std::string_view prefix;
    ByteOrder order{};
  } kSwaps[] = {{"le", ByteOrder::kToLittle}, {"be", ByteOrder::kToBig}, {"bswap", ByteOrder::kSwap}};
  for (const auto& row : kSwaps)
    for (const std::uint8_t bits : std::initializer_list<std::uint8_t>{16, 32, 64}) {
      if (!cursor.accept_word(std::string(row.prefix) + std::to_string(bits))) continue;
      TRY(const Reg src, parse_reg(cursor, Width::k64));
      if (src != dst) return cursor.error_here("the bytes are reordered in place: expected the same register twice");
      return std::optional{Statement{ByteSwap{row.order, bits, dst}, {}}};
    }
  return std::optional<Statement>{};
}

/// "(s8)r2"; '(' was read.
Result<Statement> parse_sign_extension(Cursor& cursor, WideReg dst) {
  for (const AluInfo& row : kAluTable) {
    const int width_bit = dst.width == Width::k32 ? 1 : 2;
    if (row.forms != Forms::RegOnly || (row.widths & width_bit) == 0) continue;
    // The token is "= (s8)".
    if (!cursor.accept(row.token.substr(row.token.find('(') + 1))) continue;
    TRY(const Reg src, parse_reg(cursor, dst.width));
    return Statement{Alu{row.op, dst.width, dst.reg, src}, {}};
  }
  return cursor.expected(dst.width == Width::k64 ? "'s8)', 's16)' or 's32)'" : "'s8)' or 's16)'");
}

Statement load_constant(Reg dst, std::uint64_t value) {
  return {
      LoadImm64{Imm64Kind::kConstant, dst, static_cast<std::int32_t>(value), static_cast<std::int32_t>(value >> 32)},
      {}};
}

/// "r1 = 5", "r1 = 5 ll"; the kernel writes the constant of a 16-byte load, and only that, in hexadecimal.
Result<Statement> parse_constant(Cursor& cursor, WideReg dst, Dialect dialect) {
  const std::size_t start = cursor.position();
  const auto value = cursor.number();
  if (!value) return cursor.expected("an operand");
  const bool wide = cursor.accept_word("ll") || (dialect == Dialect::kKernel && value->hex && dst.width == Width::k64);
  if (wide) {
    if (dst.width != Width::k64) return cursor.error_here("a 64-bit constant goes to a register from r0 to r10");
    return load_constant(dst.reg, value->word);
  }
  cursor.move_to(start);
  TRY(const std::int32_t imm, cursor.imm32());
  return Statement{Alu{AluOp::kMov, dst.width, dst.reg, Imm{imm}}, {}};
}

/// "-r1" after "r1 =": nullopt, when a number or something else is there.
Result<std::optional<Statement>> parse_negation(Cursor& cursor, WideReg dst) {
  const std::size_t start = cursor.position();
  if (!cursor.accept("-")) return std::optional<Statement>{};
  const auto src = accept_reg(cursor);
  if (!src) {
    cursor.move_to(start);
    return std::optional<Statement>{};
  }
  if (src->reg != dst.reg || src->width != dst.width)
    return cursor.error_here("negation is in place: expected the same register twice");
  return std::optional{Statement{Alu{AluOp::kNeg, dst.width, dst.reg, Imm{0}}, {}}};
}

/// "r1 =" was read.
Result<Statement> parse_assignment(Cursor& cursor, WideReg dst, Dialect dialect) {
  TRY(std::optional<Statement> negation, parse_negation(cursor, dst));
  if (negation) return *std::move(negation);
  if (const auto src = accept_reg(cursor)) {
    if (src->width != dst.width) return cursor.error_here("both registers have the same width");
    return Statement{Alu{AluOp::kMov, dst.width, dst.reg, src->reg}, {}};
  }
  if (cursor.accept("*")) {
    TRY_OK(cursor.expect("("));
    return parse_load(cursor, dst);
  }
  if (cursor.accept("(")) return parse_sign_extension(cursor, dst);
  for (const AtomicCall& row : kAtomicCalls)
    if (cursor.accept_word(row.name)) return parse_atomic_call(cursor, row, dst.reg);
  if (cursor.accept_word("addr_space_cast")) return parse_addr_space_cast(cursor, dst.reg);
  TRY(std::optional<Statement> swap, parse_swap(cursor, dst.reg));
  if (swap) return *std::move(swap);
  TRY(std::optional<Statement> symbol, parse_symbol(cursor, dst.reg));
  if (symbol) return *std::move(symbol);
  return parse_constant(cursor, dst, dialect);
}

/// A register was read: an assignment or `r1 += ...`.
Result<Statement> parse_alu(Cursor& cursor, WideReg dst, Dialect dialect) {
  for (const std::size_t length : {4u, 3u, 2u})
    for (const AluInfo& row : kAluTable)
      if (row.forms == Forms::Both && row.token.size() == length && cursor.accept(row.token)) {
        TRY(const Operand src, parse_operand(cursor, dst.width));
        return Statement{Alu{row.op, dst.width, dst.reg, src}, {}};
      }
  if (cursor.accept("=")) return parse_assignment(cursor, dst, dialect);
  return cursor.expected("an assignment such as '=' or '+='");
}

Result<Statement> parse(Cursor& cursor, Dialect dialect) {
  if (const auto dst = accept_reg(cursor)) return parse_alu(cursor, *dst, dialect);
  if (cursor.accept_word("if")) return parse_branch(cursor);
  if (cursor.accept_word("exit")) return Statement{Exit{}, {}};
  if (cursor.accept_word("goto")) return parse_jump(cursor, JumpForm::kShort);
  if (cursor.accept_word("gotol")) return parse_jump(cursor, JumpForm::kLong);
  if (cursor.accept_word("may_goto")) return parse_may_goto(cursor);
  if (cursor.accept_word("call")) return parse_call(cursor);
  if (cursor.accept_word("lock")) return parse_lock(cursor);
  if (cursor.accept_word("store_release")) return parse_store_release(cursor);
  if (cursor.accept_word("ld_pseudo")) return parse_ld_pseudo(cursor);
  if (cursor.accept("*")) return parse_store(cursor);
  return cursor.expected("an instruction");
}

}  // namespace

Result<Statement> parse_c(Cursor& cursor) { return parse(cursor, Dialect::kLlvm); }
Result<Statement> parse_kernel(Cursor& cursor) { return parse(cursor, Dialect::kKernel); }

}  // namespace skep::isa::detail
