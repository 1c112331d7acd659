// SPDX-License-Identifier: Apache-2.0
// Control flow of a program: what can run, where functions begin, and whether calls stay within the limits.
#pragma once
#include <cstdint>
#include <vector>

#include "skep/result.h"
#include "skep/verify.h"

namespace skep::lower {

using isa::InsnIndex;

inline constexpr std::uint32_t kMaxFrames = 8;  ///< Functions on one call chain, the entry counted, as in Linux.

struct Flow {
  std::vector<std::uint8_t> reachable;     ///< By slot: 1 or 0; 0 for second slots of a LoadImm64.
  std::vector<std::uint8_t> jumped_to;     ///< By slot: 1 where some instruction that can run jumps.
  std::vector<InsnIndex> entries;          ///< First slots of functions, sorted; the first is 0.
  std::vector<std::uint32_t> function_of;  ///< By slot: index into entries.
  bool counts_loops = false;               ///< Some MayGoto can run.
};

/// Where an instruction may continue, and which function it calls or names.
struct Successors {
  std::int64_t next = -1;    ///< The instruction after it; -1: it never falls through.
  std::int64_t target = -1;  ///< Of a jump; -1: none.
  std::int64_t callee = -1;  ///< Of a local call or a function's address; -1: none.
  bool jumps = false, calls = false;
};
inline Successors successors(const isa::Insns& insns, InsnIndex at) {
  const isa::Insn& insn = insns[at];
  const std::int64_t next = std::int64_t{at} + 1;
  const auto jump = [&](std::int64_t offset, std::int64_t fall) {
    return Successors{.next = fall, .target = next + offset, .jumps = true};
  };
  if (const auto* branch = std::get_if<isa::Branch>(&insn)) return jump(branch->offset, next);
  if (const auto* may = std::get_if<isa::MayGoto>(&insn)) return jump(may->offset, next);
  if (const auto* always = std::get_if<isa::Jump>(&insn)) return jump(always->offset, -1);
  if (std::holds_alternative<isa::Exit>(insn)) return {};
  if (const auto* call = std::get_if<isa::Call>(&insn); call != nullptr && call->kind == isa::CallKind::kLocal)
    return {.next = next, .callee = next + call->imm, .calls = true};
  if (const auto* load = std::get_if<isa::LoadImm64>(&insn)) {
    // The offset in kFunction counts from the next slot, as in a call (RFC 9669 §5.4).
    const bool function = load->kind == isa::Imm64Kind::kFunction;
    return {.next = next + 1, .callee = function ? next + load->low : -1, .calls = function};
  }
  return {.next = next};
}

/// Reachability is the verifier's where it is known, else what the control flow graph says. Error: something reachable
/// is illegal, missing, jumps out of its function, recurses or is called too deep.
Result<Flow> find_flow(const VerifiedProgram& program);

}  // namespace skep::lower
