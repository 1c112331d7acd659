// SPDX-License-Identifier: Apache-2.0
// The rewritings, one a file. Each emits the ops of one instruction.
#pragma once
#include "lower/builder.h"
#include "skep/platform.h"
#include "skep/result.h"
#include "skep/verify.h"

namespace skep::lower {

/// What a rewriting may look at.
struct Source {
  const Program& program;
  const Facts& facts;
  const Flow& flow;
  const Platform& platform;
  bool inline_helpers = true;
  [[nodiscard]] bool verified() const { return !facts.insns.empty(); }
};

/// context.cc: what to add to an access' offset so that it hits the run-time member of the UAPI field, and the size of
/// that member.
struct ContextAccess {
  std::int32_t shift = 0;
  isa::Size size{};
};
/// Error: no row of tables/contexts.def covers the access.
Result<ContextAccess> rewrite_context(const Source& source, InsnIndex at, isa::Size size);

/// packet.cc: legacy packet loads.
void lower_packet_load(Builder& builder, const Source& source, const isa::LoadPacket& insn);

/// may_goto.cc: the loop allowance lives in a stack slot of its own, below the `stack_bytes` that the program uses.
void lower_may_goto_prologue(Builder& builder, std::uint32_t stack_bytes);
void lower_may_goto(Builder& builder, std::uint32_t stack_bytes, InsnIndex target);

/// address.cc: 16-byte loads. Error: a reference that loading should have resolved.
Status lower_load_imm64(Builder& builder, const Source& source, InsnIndex at, const isa::LoadImm64& insn);

/// call.cc. kWithTest: the ops do what the branch behind the call does, too.
enum class Lowered : std::uint8_t { kCall, kWithTest };
Result<Lowered> lower_call(Builder& builder, const Source& source, InsnIndex at, const isa::Call& insn);

/// stack.cc: bytes of stack that the function with index `function` uses.
std::uint32_t stack_bytes(const Source& source, std::uint32_t function);

}  // namespace skep::lower
