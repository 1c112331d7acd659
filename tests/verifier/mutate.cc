// SPDX-License-Identifier: Apache-2.0
#include "tests/verifier/mutate.h"

#include <utility>
#include <vector>

#include "skep/isa.h"

namespace skep::test {
namespace {

constexpr isa::RawInsn kNothing{.opcode = 0x05, .dst = 0, .src = 0, .offset = 0, .imm = 0};  // goto +0

constexpr std::uint8_t kExit = 0x95;

bool is_wide(const isa::Insn& insn) {
  return std::holds_alternative<isa::LoadImm64>(insn) || std::holds_alternative<isa::Continuation>(insn);
}

void change_field(isa::RawInsn& insn, std::mt19937_64& random) {
  const auto small = static_cast<std::int32_t>(random() % 33) - 16;
  switch (random() % 5) {
    case 0:
      insn.dst = static_cast<std::uint8_t>(random() % 11) & 0xf;
      break;
    case 1:
      insn.src = static_cast<std::uint8_t>(random() % 11) & 0xf;
      break;
    case 2:
      if (insn.opcode != kExit) insn.offset = static_cast<std::int16_t>(small);  // Linux does not look at it.
      break;
    case 3:
      insn.imm = small;
      break;
    default:
      insn.opcode ^= static_cast<std::uint8_t>(1u << (3 + random() % 5));
  }
}

/// Calls of helpers and kernel functions mean the same wherever they stand; those of functions do not.
bool is_movable_call(const isa::Insn& insn) {
  const auto* call = std::get_if<isa::Call>(&insn);
  return call != nullptr && call->kind != isa::CallKind::kLocal;
}

void exchange_call(const Program& program, std::vector<isa::RawInsn>& raw, std::size_t at, std::mt19937_64& random) {
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < raw.size(); ++i)
    if (is_movable_call(program.insns[i])) others.push_back(i);
  raw[at] = raw[others[random() % others.size()]];
}

}  // namespace

void mutate(Program& program, std::mt19937_64& random) {
  auto raw = isa::encode(program.insns);
  const std::size_t at = random() % raw.size();
  if (is_wide(program.insns[at])) return;
  const bool call = std::holds_alternative<isa::Call>(program.insns[at]);
  switch (random() % 4) {
    case 0:
      raw[at] = kNothing;
      break;
    case 1:
      if (is_movable_call(program.insns[at])) {
        exchange_call(program, raw, at, random);
      } else if (at + 1 < raw.size() && !is_wide(program.insns[at + 1]) && !call) {
        std::swap(raw[at], raw[at + 1]);
      }
      break;
    default:
      if (!call) change_field(raw[at], random);
  }
  program.insns = isa::decode(raw);
}

}  // namespace skep::test
