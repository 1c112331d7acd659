// SPDX-License-Identifier: Apache-2.0
// print(): chooses the syntax, and writes what has the same text in all of them.
#include "isa/print.h"

#include <array>
#include <bit>

#include "base/unreachable.h"

namespace skep::isa {
namespace detail {

std::string print_raw(const RawInsn& raw) {
  std::uint64_t word = raw.opcode;
  word |= static_cast<std::uint64_t>(raw.dst) << 8 | static_cast<std::uint64_t>(raw.src) << 12;
  word |= static_cast<std::uint64_t>(static_cast<std::uint16_t>(raw.offset)) << 16;
  word |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(raw.imm)) << 32;
  const std::string digits = number(word, 16);
  return ".8byte 0x" + std::string(16 - digits.size(), '0') + digits;
}

std::string print_symbol(const LoadImm64& insn) {
  const std::string low = number(insn.low), high = number(insn.high);
  switch (insn.kind) {
    case Imm64Kind::kConstant:
      return number(static_cast<std::int64_t>(insn.constant()));
    case Imm64Kind::kMapFd:
      return "map[fd:" + low + "]";
    case Imm64Kind::kMapValueFd:
      return "map[fd:" + low + "][0]" + with_sign(insn.high);
    case Imm64Kind::kVariable:
      return "variable[id:" + low + ",module:" + high + "]";
    case Imm64Kind::kFunction:
      return "subprog[" + with_sign(insn.low) + "]";
    case Imm64Kind::kMapIndex:
      return "map[idx:" + low + "]";
    case Imm64Kind::kMapValueIndex:
      return "map[idx:" + low + "][0]" + with_sign(insn.high);
  }
  unreachable();
}

}  // namespace detail

std::string print(std::span<const Insn> insns, InsnIndex at, Syntax syntax) {
  const Insn& insn = insns[at];
  if (std::holds_alternative<Continuation>(insn)) return {};
  if (const auto* illegal = std::get_if<Illegal>(&insn)) return detail::print_raw(illegal->raw);
  const bool whole = at + 1 < insns.size() && std::holds_alternative<Continuation>(insns[at + 1]);
  if (std::holds_alternative<LoadImm64>(insn) && !whole) return detail::print_raw(encode(insns.subspan(at, 1)).front());
  switch (syntax) {
    case Syntax::kC:
      return detail::print_c(insn);
    case Syntax::kMnemonic:
      return detail::print_mnemonic(insn);
    case Syntax::kKernel:
      return detail::print_kernel(insn);
  }
  unreachable();
}

}  // namespace skep::isa
