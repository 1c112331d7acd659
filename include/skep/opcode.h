// SPDX-License-Identifier: Apache-2.0
// The enumerations of the instruction set and what the table says of each enumerator.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skep::isa {

/// Conformance groups of RFC 9669 §2.4 that an operation by itself decides.
enum class Group : std::uint8_t { Base, DivMul };
/// Operand forms of an ALU operation.
enum class Forms : std::uint8_t { Both, RegOnly, Unary };

enum class AluOp : std::uint8_t {
#define ISA_ALU(name, ...) k##name,
#include "skep/tables/opcodes.def"
};
enum class JmpOp : std::uint8_t {
#define ISA_JMP(name, ...) k##name,
#include "skep/tables/opcodes.def"
};
enum class AtomicOp : std::uint8_t {
#define ISA_ATOMIC(name, ...) k##name,
#include "skep/tables/opcodes.def"
};
enum class Imm64Kind : std::uint8_t {
#define ISA_IMM64(name, src, ...) k##name = src,
#include "skep/tables/opcodes.def"
};
/// Size of a memory access; the enumerator's value is the number of bytes.
enum class Size : std::uint8_t {
#define ISA_SIZE(name, bits, bytes, ...) k##name = bytes,
#include "skep/tables/opcodes.def"
};
/// Width of an operation; the enumerator's value is the number of bits.
enum class Width : std::uint8_t { k32 = 32, k64 = 64 };

struct AluInfo {
  AluOp op{};
  std::uint8_t code = 0;    ///< Bits 4-7 of the opcode byte.
  std::int16_t offset = 0;  ///< Value that the offset field must hold.
  std::string_view mnemonic;
  std::string_view token;
  Forms forms{};
  std::uint8_t widths = 3;  ///< Bit 0: 32-bit form exists; bit 1: 64-bit form exists.
  Group group{};
};
inline constexpr auto kAluTable = std::to_array<AluInfo>({
#define ISA_ALU(name, code, offset, mnemonic, token, forms, widths, group) \
  {AluOp::k##name, code, offset, mnemonic, token, Forms::forms, widths, Group::group},
#include "skep/tables/opcodes.def"
});

struct JmpInfo {
  JmpOp op{};
  std::uint8_t code = 0;
  std::string_view mnemonic;
  std::string_view token;
};
inline constexpr auto kJmpTable = std::to_array<JmpInfo>({
#define ISA_JMP(name, code, mnemonic, token) {JmpOp::k##name, code, mnemonic, token},
#include "skep/tables/opcodes.def"
});

struct SizeInfo {
  Size size{};
  std::uint8_t bits = 0;  ///< Bits 3-4 of the opcode byte.
  std::string_view suffix;
  std::string_view c_type;
};
inline constexpr auto kSizeTable = std::to_array<SizeInfo>({
#define ISA_SIZE(name, bits, bytes, suffix, c_type) {Size::k##name, bits, suffix, c_type},
#include "skep/tables/opcodes.def"
});

struct AtomicInfo {
  AtomicOp op{};
  std::int32_t imm = 0;
  bool fetch = false;  ///< The source register (for cmpxchg: r0) receives the old value.
  std::string_view mnemonic;
};
inline constexpr auto kAtomicTable = std::to_array<AtomicInfo>({
#define ISA_ATOMIC(name, imm, fetch, mnemonic) {AtomicOp::k##name, imm, fetch, mnemonic},
#include "skep/tables/opcodes.def"
});

constexpr const AluInfo& info(AluOp op) { return kAluTable[static_cast<std::size_t>(op)]; }
constexpr const JmpInfo& info(JmpOp op) { return kJmpTable[static_cast<std::size_t>(op)]; }
constexpr const AtomicInfo& info(AtomicOp op) { return kAtomicTable[static_cast<std::size_t>(op)]; }
constexpr const SizeInfo& info(Size size) {
  for (const SizeInfo& row : kSizeTable)
    if (row.size == size) return row;
  return kSizeTable[0];
}
constexpr std::uint32_t bytes(Size size) { return static_cast<std::uint32_t>(size); }
/// The inverse; of 1, 2, 4 or 8.
constexpr Size size_of(std::uint32_t bytes) { return static_cast<Size>(bytes); }
constexpr std::uint32_t bits(Width width) { return static_cast<std::uint32_t>(width); }

namespace detail {
template <class Table, class Same>
consteval bool all_differ(const Table& table, Same same) {
  for (std::size_t i = 0; i < table.size(); ++i)
    for (std::size_t j = i + 1; j < table.size(); ++j)
      if (same(table[i], table[j])) return false;
  return true;
}
}  // namespace detail
static_assert(detail::all_differ(kAluTable, [](const AluInfo& a, const AluInfo& b) {
  return a.code == b.code && a.offset == b.offset;
}));
static_assert(detail::all_differ(kJmpTable, [](const JmpInfo& a, const JmpInfo& b) { return a.code == b.code; }));
static_assert(detail::all_differ(kAtomicTable,
                                 [](const AtomicInfo& a, const AtomicInfo& b) { return a.imm == b.imm; }));

}  // namespace skep::isa
