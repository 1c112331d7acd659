// SPDX-License-Identifier: Apache-2.0
// What is known of a program before it is explored: its subprograms, where to look for equal states, which registers
// are live where, and which instructions lie on a loop. Built once, in the order in which Linux makes these checks.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "skep/platform.h"
#include "skep/verify.h"
#include "verifier/domain/state.h"
#include "verifier/engine/kfuncs.h"

namespace skep::verifier {

class Log;

/// What a function, or something that it calls, may do.
struct Effects {
  bool moves_packet = false;
  bool may_sleep = false;
  bool makes_skb_dynptr = false;
  bool writes_dynptr = false;  ///< With bpf_dynptr_write(), which may move the packet of an skb.

  void add(const Effects& other) {
    moves_packet |= other.moves_packet;
    may_sleep |= other.may_sleep;
    makes_skb_dynptr |= other.makes_skb_dynptr;
    writes_dynptr |= other.writes_dynptr;
  }
  friend bool operator==(const Effects&, const Effects&) = default;
};

struct Subprogram {
  InsnIndex first = 0;
  InsnIndex end = 0;
  bool global = false;
  bool has_tail_call = false;
  bool has_legacy_load = false;
  Effects effects{};
  bool callback = false;          ///< Somebody calls it back.
  bool async = false;             ///< A timer or work queue runs it, on a stack of its own.
  bool called = false;            ///< Global: a call of it was reached.
  bool verified = false;          ///< Global: judged on its own.
  std::uint32_t stack_bytes = 0;  ///< Deepest access seen.
};

/// Facts of one slot.
struct InsnPlan {
  std::uint16_t live_before = 0;  ///< Bit n: register n may be read from here on.
  std::uint16_t subprogram = 0;
  std::uint32_t scc = 0;        ///< Number of the loop that the instruction lies on; 0: none.
  bool prune : 1 = false;       ///< Compare with the states seen here before.
  bool jump : 1 = false;        ///< Reached otherwise than by falling through: remember the step.
  bool checkpoint : 1 = false;  ///< Always remember the state here.
  bool callback_call : 1 = false;
  bool iterator_next : 1 = false;  ///< Calls next() of an iterator.
};

struct Layout {
  std::vector<Subprogram> subprograms;
  std::vector<InsnPlan> insns;
  std::vector<Kfunc> kfuncs{};                        ///< That the program calls, by id.
  std::optional<std::uint32_t> exception_callback{};  ///< The subprogram that makes the result of what is thrown.

  /// Index of the subprogram that begins at `first`; nullopt: none does.
  [[nodiscard]] std::optional<std::uint32_t> find_subprogram(InsnIndex first) const;
  /// The kernel function of calls with this immediate; nullptr: none is called.
  [[nodiscard]] const Kfunc* find_kfunc(std::int32_t id) const;
  /// That the instruction calls.
  [[nodiscard]] const Kfunc* find_kfunc(const isa::Insn& insn) const;
};

/// Where control goes from one slot, within its subprogram.
struct Successors {
  bool falls_through = false;
  std::uint32_t width = 1;               ///< Slots to the next instruction.
  std::optional<std::int64_t> target{};  ///< Of a jump.
};
Successors successors(const isa::Insns& insns, InsnIndex at);

/// The callee of a local call or of a LoadImm64 of a function; nullopt: not such an instruction.
std::optional<std::int64_t> callee(const isa::Insns& insns, InsnIndex at);

/// Helpers that call back, and the argument (1 to 5) that is the callback; nullopt: none.
std::optional<std::uint8_t> callback_argument(const isa::Insn& insn, const Platform& platform);

/// What a call does with the callback that it is given: runs it, or has it run later in a state of its own.
enum class CallbackUse : std::uint8_t { kNone, kNow, kLater };
CallbackUse callback_use(const isa::Insn& insn, const Platform& platform, const Layout& layout);

/// The first instruction of the callback that the entry function names with the tag "exception_callback:NAME"; nullopt:
/// none is named.
std::variant<std::optional<InsnIndex>, Diagnostic> find_exception_callback(const Program& program);

using LayoutOrReason = std::variant<Layout, Diagnostic>;
LayoutOrReason make_layout(const Program& program, const Platform& platform, Log& log);

/// Parts of make_layout.
std::optional<Diagnostic> find_subprograms(const Program& program, Layout& layout);
std::optional<Diagnostic> find_kfuncs(const Program& program, Layout& layout);
std::optional<Diagnostic> check_encodings(const Program& program);
std::optional<Diagnostic> check_control_flow(const Program& program, const Platform& platform, Layout& layout);
void compute_live_registers(const Program& program, const Platform& platform, Layout& layout);
/// Registers that an instruction reads and writes (bit n: register n).
struct RegisterUse {
  std::uint16_t use = 0;
  std::uint16_t def = 0;
};
RegisterUse register_use(const isa::Insn& insn, const Program& program, const Platform& platform, const Layout& layout);
/// Those that the log shows after the instruction.
std::uint32_t touched_registers(const isa::Insn& insn, const Program& program, const Platform& platform,
                                const Layout& layout);
void compute_loops(const Program& program, Layout& layout);

}  // namespace skep::verifier
