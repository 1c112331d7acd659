// SPDX-License-Identifier: Apache-2.0
// Code under optimisation, with the analyses that passes share: which ops are branched to, and which registers are live
// after each. They are computed when asked for and forgotten when a pass says that it changed something they depend on.
#pragma once
#include <optional>
#include <unordered_map>
#include <vector>

#include "lower/code.h"
#include "lower/effects.h"
#include "lower/optimize/spares.h"
#include "skep/verify.h"

namespace skep::lower {

/// Code written anew (rebuild.h), with the outline of each op.
struct Rebuilt {
  Code code;
  std::vector<Outline> outlines;
};

class Graph {
 public:
  /// `facts` are of the program that the code was lowered from; empty: nothing is known. They outlive the graph.
  Graph(Code code, const Facts& facts, const Spares& spares = {})
      : code_(std::move(code)), facts_(facts), spares_(spares) {
    describe();
  }

  [[nodiscard]] const Code& code() const { return code_; }
  [[nodiscard]] Label size() const { return static_cast<Label>(code_.ops.size()); }
  [[nodiscard]] const Op& op(Label at) const { return code_.ops[at]; }
  template <class T>
  [[nodiscard]] const T* get(Label at) const {
    return std::get_if<T>(&code_.ops[at]);
  }

  /// What the load or store at `at` points into, as the verifier has it.
  [[nodiscard]] MemoryKind memory(Label at) const {
    return facts_.insns.empty() ? MemoryKind::kUnknown : facts_.insns[code_.origin[at]].memory;
  }
  [[nodiscard]] const std::vector<Outline>& outlines() const { return outlines_; }
  /// Which bytes of its function's own frame it touches; nullptr: nothing is known.
  [[nodiscard]] const StackAccess* stack_access(Label at) const {
    return facts_.insns.empty() ? nullptr : &facts_.insns[code_.origin[at]].stack;
  }
  [[nodiscard]] const Spares& spares() const { return spares_; }
  /// As effects_of(op(at)), kept at hand because passes ask all the time; after give_spares() also what the op's native
  /// code overwrites of them.
  [[nodiscard]] Effects effects(Label at) const { return outlines_[at].effects; }
  /// Whether the op behind it may run next.
  [[nodiscard]] bool continues(Label at) const { return outlines_[at].continues; }
  /// only_computes(op(at)).
  [[nodiscard]] bool is_pure(Label at) const { return outlines_[at].pure; }
  /// Whether it may lead elsewhere.
  [[nodiscard]] bool branches(Label at) const { return outlines_[at].branches; }

  /// Whether control can come to the op otherwise than from the op before it.
  [[nodiscard]] bool is_target(Label at) { return sources(at) != 0; }
  /// In how many ways: by branches, and as a function's entry. 255 may be more.
  [[nodiscard]] std::uint8_t sources(Label at) {
    if (sources_.empty()) find_sources();
    return sources_[at];
  }
  /// Registers whose value after the op may still be read.
  [[nodiscard]] RegSet live_after(Label at) {
    if (live_after_.empty()) find_liveness();
    return live_after_[at];
  }
  /// Before it.
  [[nodiscard]] RegSet live_before(Label at) {
    return static_cast<RegSet>((live_after(at) & ~outlines_[at].effects.writes) | outlines_[at].effects.reads);
  }
  [[nodiscard]] bool dead_after(Label at, Reg reg) { return !contains(live_after(at), reg); }

  /// The op that last wrote the register before `at`, in the straight line that leads there and not before `stop`.
  [[nodiscard]] std::optional<Label> last_write(Reg reg, Label at, Label stop) {
    if (sources_.empty()) find_sources();
    for (const RegSet bit = set_of(reg); at > stop; --at) {
      const Outline& before = outlines_[at - 1];
      if (sources_[at] != 0 || !before.continues) return std::nullopt;
      if ((before.effects.writes & bit) != 0) return at - 1;
    }
    return std::nullopt;
  }

  /// What the register that is the Alu op's src holds there, where it is a constant that has no room in the op and may
  /// come from far; nullopt: unknown. Until the op is replaced, or the code rebuilt.
  [[nodiscard]] std::optional<std::uint64_t> wide_constant(Label at) const {
    const auto found = wide_constants_.find(at);
    return found == wide_constants_.end() ? std::nullopt : std::optional(found->second);
  }
  void note_wide_constant(Label at, std::uint64_t value) { wide_constants_[at] = value; }

  /// Puts `op` in the place of another one, whose label stays. Liveness is then recomputed by the next pass that asks
  /// after fresh(); within one pass it may keep answering for the code as it was.
  void replace(Label at, const Op& op);
  /// Everything changed.
  void rebuild(Rebuilt all);
  /// A new pass begins: analyses that changes have made stale are forgotten.
  void fresh();

  /// From here on ops use spare registers. What rebuilds the code comes before.
  void give_spares();

  /// Drops the Nops.
  void compact();
  /// The code without Nops.
  Code take() &&;

 private:
  [[nodiscard]] Outline outline(const Op& op) const;
  void describe();
  void forget();
  /// False: there were none.
  bool drop_nops();
  void find_sources();
  void find_liveness();

  Code code_;
  const Facts& facts_;
  Spares spares_;
  bool gave_spares_ = false;
  std::vector<Outline> outlines_;  // By op, always up to date.
  std::vector<std::uint8_t> sources_;
  std::vector<RegSet> live_after_;
  std::unordered_map<Label, std::uint64_t> wide_constants_;
  bool changed_ = false, branches_changed_ = false;
};

}  // namespace skep::lower
