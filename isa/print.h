// SPDX-License-Identifier: Apache-2.0
// What the printers of both syntaxes share.
#pragma once
#include <charconv>
#include <cstdint>
#include <string>

#include "skep/isa.h"

namespace skep::isa::detail {

template <class Integer>
std::string number(Integer value, int base = 10) {
  char buffer[24];
  const auto end = std::to_chars(std::begin(buffer), std::end(buffer), value, base).ptr;
  return {std::begin(buffer), end};
}
inline std::string hex(std::uint64_t value) { return "0x" + number(value, 16); }
/// "+5", "-5", "+0"
inline std::string with_sign(std::int64_t value) { return (value < 0 ? "" : "+") + number(value); }
/// ".8byte 0x0123456789abcdef"
std::string print_raw(const RawInsn& raw);
/// The address that a 16-byte load of another kind than kConstant names: "map[idx:3][0]+8", "subprog[+7]".
std::string print_symbol(const LoadImm64& insn);

std::string print_c(const Insn& insn);
std::string print_kernel(const Insn& insn);
std::string print_mnemonic(const Insn& insn);

}  // namespace skep::isa::detail
