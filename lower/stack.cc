// SPDX-License-Identifier: Apache-2.0
// How much stack a function needs: as deep as it reaches through r10 itself, or all of it where r10 is copied, because
// a copy may go anywhere in the 512 bytes that the verifier allows.
#include <algorithm>

#include "base/overloaded.h"
#include "lower/rewrite.h"

namespace skep::lower {
namespace {

constexpr std::int32_t kStackBytes = 512;  // MAX_BPF_STACK

/// Bytes below r10 that `insn` shows to be in use.
std::int32_t depth_of(const isa::Insn& insn) {
  const auto at = [](isa::Reg base, std::int32_t offset) { return base == isa::kR10 ? -offset : 0; };
  const auto copied = [](const isa::Operand& operand) {
    const auto* reg = std::get_if<isa::Reg>(&operand);
    return reg != nullptr && *reg == isa::kR10 ? kStackBytes : 0;
  };
  return std::visit(
      Overloaded{
          [&](const isa::Alu& alu) { return copied(alu.src); },
          [&](const isa::AddrSpaceCast& cast) { return cast.src == isa::kR10 ? kStackBytes : 0; },
          [&](const isa::Load& load) { return at(load.base, load.offset); },
          [&](const isa::Store& store) { return std::max(at(store.base, store.offset), copied(store.src)); },
          [&](const isa::Atomic& atomic) {
            return std::max(at(atomic.base, atomic.offset), copied(isa::Operand{atomic.reg}));
          },
          [](const auto&) { return 0; },
      },
      insn);
}

}  // namespace

std::uint32_t stack_bytes(const Source& source, std::uint32_t function) {
  if (!source.verified()) return kStackBytes;
  std::int32_t deepest = 0;
  for (InsnIndex at = source.flow.entries[function];
       at < source.program.insns.size() && source.flow.function_of[at] == function; ++at)
    if (source.flow.reachable[at] != 0) deepest = std::max(deepest, depth_of(source.program.insns[at]));
  return static_cast<std::uint32_t>(std::min((deepest + 7) / 8 * 8, kStackBytes));
}

}  // namespace skep::lower
