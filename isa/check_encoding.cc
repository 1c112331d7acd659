// SPDX-License-Identifier: Apache-2.0
// The first slot that is no instruction, said in words.
#include <string>

#include "base/unreachable.h"
#include "skep/isa.h"

namespace skep::isa {
namespace {

std::string hex(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  do {
    digits.insert(digits.begin(), kDigits[value & 0xf]);
    value >>= 4;
  } while (value != 0);
  return "0x" + digits;
}

/// "src register 11" and the like: the value that is at fault.
std::string describe(const Illegal& illegal) {
  const RawInsn& raw = illegal.raw;
  switch (illegal.field) {
    case Field::kOpcode:
      return "no such instruction";
    case Field::kDst:
      return "dst field is " + std::to_string(raw.dst);
    case Field::kSrc:
      return "src field is " + std::to_string(raw.src);
    case Field::kOffset:
      return "offset field is " + std::to_string(raw.offset);
    case Field::kImm:
      return "imm field is " + hex(static_cast<std::uint32_t>(raw.imm));
  }
  unreachable();
}

Error illegal_slot(std::size_t at, const Illegal& illegal) {
  std::string message =
      "slot " + std::to_string(at) + " (opcode " + hex(illegal.raw.opcode) + "): " + describe(illegal);
  if (illegal.field != Field::kOpcode) message += ", which this opcode does not allow";
  return {Errc::kMalformed, std::move(message)};
}

}  // namespace

Status check_encoding(std::span<const Insn> insns) {
  for (std::size_t at = 0; at < insns.size(); ++at) {
    if (const auto* illegal = std::get_if<Illegal>(&insns[at])) return illegal_slot(at, *illegal);
    const bool first = std::holds_alternative<LoadImm64>(insns[at]);
    const bool next_is_second = at + 1 < insns.size() && std::holds_alternative<Continuation>(insns[at + 1]);
    if (std::holds_alternative<Continuation>(insns[at]) &&
        (at == 0 || !std::holds_alternative<LoadImm64>(insns[at - 1])))
      return Error{Errc::kMalformed,
                   "slot " + std::to_string(at) + ": second half of a 16-byte load without the first"};
    if (!first || next_is_second) continue;
    if (at + 1 < insns.size())
      if (const auto* second = std::get_if<Illegal>(&insns[at + 1]); second != nullptr && second->raw.opcode == 0)
        return illegal_slot(at + 1, *second);
    return Error{Errc::kMalformed,
                 "slot " + std::to_string(at) + ": 16-byte load without its second slot, whose opcode is 0"};
  }
  return kOk;
}

}  // namespace skep::isa
