// SPDX-License-Identifier: Apache-2.0
// Small functions that call nothing take the place of calls of them. A call costs the saving of registers and a frame,
// and hides what it computes from other passes. The caller's registers that the function would overwrite are spared by
// giving it others: r1 to r5 are free behind a call anyway. Its stack lies below the caller's.
#include <algorithm>
#include <bit>
#include <optional>

#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"
#include "lower/optimize/rename.h"

namespace skep::lower::passes {
namespace {

constexpr Label kSmall = 24;      // Ops of a function that is inlined wherever it is called,
constexpr Label kSmallOnce = 64;  // or that is called in one place.
constexpr std::uint32_t kStackBytes = 512;
constexpr Label kMostAdded = 4096;  // Ops, beyond as many as there were: functions may be called everywhere.
constexpr int kRounds = 3;          // A function whose calls were all inlined calls nothing.

constexpr RegSet kSaved = 0b1111000000;  // r6 to r9.
constexpr RegSet kFree = 0b111110;       // r1 to r5.

/// The op in a function whose frame begins `bytes` lower; nothing if r10 is used otherwise than for addresses.
std::optional<Op> with_lower_frame(Op op, std::uint32_t bytes) {
  int uses = 0;
  for_each_register(op, [&](const Reg& reg) { uses += reg == isa::kR10 ? 1 : 0; });
  if (uses == 0) return op;
  const auto distance = static_cast<std::int32_t>(bytes);
  if (const Alu* alu = std::get_if<Alu>(&op)) {
    const bool copies = alu->op == isa::AluOp::kMov && alu->width == isa::Width::k64 && !(alu->dst == isa::kR10);
    if (!copies) return std::nullopt;
    return Sum{.width = isa::Width::k64, .dst = alu->dst, .base = isa::kR10, .offset = -distance};
  }
  if (uses > 1) return std::nullopt;
  const bool moved = std::visit(
      [&](auto& any) {
        if constexpr (requires {
                        any.base;
                        any.offset;
                      }) {
          if (!(any.base == isa::kR10)) return false;
          any.offset -= distance;
          return true;
        } else {
          return false;
        }
      },
      op);
  return moved ? std::optional(op) : std::nullopt;
}

/// A function, and whether it may take the place of calls.
struct Callee {
  Label entry = 0, end = 0;
  std::uint32_t calls = 0;
  bool referenced = false;  ///< Its address is taken.
  bool inlinable = false;
  RegSet named = 0, writes = 0;
  std::uint32_t stack_bytes = 0;
  [[nodiscard]] bool uses_stack() const { return contains(named, isa::kR10); }
  [[nodiscard]] Label size() const { return end - entry; }
};

class Inlining {
 public:
  explicit Inlining(Graph& graph) : graph_(graph) {}

  /// Whether anything was inlined.
  bool round() {
    find_callees();
    if (!choose()) return false;
    Rebuild out(graph_);
    for (std::size_t i = 0; i < callees_.size(); ++i)
      if (kept(i)) copy(i, out);
    std::vector<std::uint32_t> stacks;
    for (std::size_t i = 0; i < callees_.size(); ++i)
      if (kept(i)) stacks.push_back(stacks_[i]);
    const std::vector<std::uint8_t> takes_in = where_sites_are();
    Rebuilt all = out.finish();
    for (std::size_t i = 0; i < stacks.size(); ++i) {
      Function& function = all.code.functions[i];
      function.stack_bytes = stacks[i];
      function.inlines = function.inlines || takes_in[i] != 0;
    }
    graph_.rebuild(std::move(all));
    return true;
  }

 private:
  /// A call that is to go.
  struct Site {
    Label at = 0;
    std::size_t callee = 0;
    Renaming renaming{};
    std::uint32_t lower_by = 0;  // The callee's frame, than the caller's.
  };

  /// By function that stays: whether others come into it.
  [[nodiscard]] std::vector<std::uint8_t> where_sites_are() const {
    std::vector<std::uint8_t> there;
    for (std::size_t i = 0; i < callees_.size(); ++i)
      if (kept(i))
        there.push_back(std::ranges::lower_bound(sites_, callees_[i].entry, {}, &Site::at) !=
                        std::ranges::lower_bound(sites_, callees_[i].end, {}, &Site::at));
    return there;
  }

  void find_callees() {
    const std::vector<Function>& functions = graph_.code().functions;
    for (std::size_t i = 0; i < functions.size(); ++i) {
      const Label end = i + 1 < functions.size() ? functions[i + 1].entry : graph_.size();
      callees_.push_back({.entry = functions[i].entry, .end = end, .stack_bytes = functions[i].stack_bytes});
      stacks_.push_back(functions[i].stack_bytes);
    }
    for (Label at = 0; at < graph_.size(); ++at) {
      if (const auto* call = graph_.get<CallLocal>(at)) ++callees_[function_at(call->target)].calls;
      if (const auto* symbol = graph_.get<LoadSymbol>(at); symbol != nullptr && symbol->kind == SymbolKind::kFunction)
        callees_[function_at(symbol->index)].referenced = true;
    }
    for (std::size_t i = 1; i < callees_.size(); ++i) callees_[i].inlinable = is_inlinable(callees_[i]);
    inlined_.assign(callees_.size(), 0);
  }
  [[nodiscard]] std::size_t function_at(Label entry) const {
    const auto row = std::ranges::lower_bound(callees_, entry, {}, &Callee::entry);
    return static_cast<std::size_t>(row - callees_.begin());
  }

  bool is_inlinable(Callee& callee) {
    if (callee.calls == 0) return false;
    if (callee.size() > (callee.calls == 1 && !callee.referenced ? kSmallOnce : kSmall)) return false;
    for (Label at = callee.entry; at < callee.end; ++at) {
      Op op = graph_.op(at);
      const bool leaves = std::holds_alternative<CallLocal>(op) || std::holds_alternative<CallHelper>(op) ||
                          std::holds_alternative<TailCall>(op);
      if (leaves || !with_lower_frame(op, 0)) return false;
      if (const Label* target = target_of(op); target != nullptr && (*target < callee.entry || *target >= callee.end))
        return false;
      RegSet named = set_of(isa::kR0);
      for_each_register(op, [&](const Reg& reg) { named |= set_of(reg); });
      const Effects effects = graph_.effects(at);
      // Of an op that renaming does not know, registers would be missing.
      if (((effects.reads | effects.writes) & ~named) != 0) return false;
      callee.named |= named;
      callee.writes |= effects.writes;
    }
    if (!never_continues(graph_.op(callee.end - 1)) || contains(callee.writes, isa::kR10)) return false;
    // What the caller left in its registers must not be seen in others.
    return (graph_.live_before(callee.entry) & kSaved) == 0;
  }

  bool choose() {
    Label added = 0;
    for (std::size_t caller = 0; caller < callees_.size(); ++caller) {
      for (Label at = callees_[caller].entry; at < callees_[caller].end; ++at) {
        const auto* call = graph_.get<CallLocal>(at);
        if (call == nullptr) continue;
        const std::size_t target = function_at(call->target);
        const Callee& callee = callees_[target];
        const bool fits = callee.calls == 1 || added + callee.size() <= graph_.size() + kMostAdded;
        const auto renaming = callee.inlinable && fits ? find_registers(callee, at) : std::nullopt;
        if (!renaming) continue;
        const std::uint32_t own = callees_[caller].stack_bytes;
        if (callee.uses_stack()) {
          if (own + callee.stack_bytes > kStackBytes) continue;
          stacks_[caller] = std::max(stacks_[caller], own + callee.stack_bytes);
        }
        sites_.push_back({.at = at, .callee = target, .renaming = *renaming, .lower_by = own});
        ++inlined_[target];
        added += callee.size();
      }
    }
    return !sites_.empty();
  }

  /// Registers for the callee that are free at the call.
  std::optional<Renaming> find_registers(const Callee& callee, Label call) {
    const RegSet live = graph_.live_after(call) & kSaved;
    auto clash = static_cast<RegSet>(callee.writes & live);
    auto free = static_cast<RegSet>((kFree | (kSaved & ~live)) & ~callee.named);
    Renaming renaming = no_renaming();
    while (clash != 0) {
      if (free == 0) return std::nullopt;
      const auto from = static_cast<std::uint8_t>(std::countr_zero(clash));
      const auto to = static_cast<std::uint8_t>(std::countr_zero(free));
      renaming[from] = Reg{to};
      clash &= static_cast<RegSet>(clash - 1);
      free &= static_cast<RegSet>(free - 1);
    }
    return renaming;
  }

  /// A function goes with the last call of it.
  [[nodiscard]] bool kept(std::size_t function) const {
    const Callee& callee = callees_[function];
    return inlined_[function] == 0 || inlined_[function] < callee.calls || callee.referenced;
  }

  void copy(std::size_t function, Rebuild& out) const {
    auto site = std::ranges::lower_bound(sites_, callees_[function].entry, {}, &Site::at);
    for (Label at = callees_[function].entry; at < callees_[function].end; ++at) {
      if (site != sites_.end() && site->at == at) {
        out.place(at);
        // A function keeps the place in the program at which it begins.
        expand(*site, at == callees_[function].entry, out);
        ++site;
      } else {
        out.keep(at);
      }
    }
  }

  void expand(const Site& site, bool begins_function, Rebuild& out) const {
    const Callee& callee = callees_[site.callee];
    const Label begin = out.next();
    for (Label at = callee.entry; at < callee.end; ++at) {
      const bool first = at == callee.entry, last = at + 1 == callee.end;
      const InsnIndex origin = graph_.code().origin[first && begins_function ? site.at : at];
      const Op op = renamed(*with_lower_frame(graph_.op(at), site.lower_by), site.renaming);
      if (const Label* target = target_of(op)) {
        out.emit_to(op, origin, begin + (*target - callee.entry));
      } else if (!std::holds_alternative<Return>(op)) {
        out.emit(op, origin);
      } else if (last) {
        out.emit(Nop{}, origin);
      } else {
        out.emit_to(Jump{}, origin, begin + callee.size());
      }
    }
  }

  Graph& graph_;
  std::vector<Callee> callees_;         // By function.
  std::vector<std::uint32_t> stacks_;   // By function, what it needs with those that it takes in.
  std::vector<std::uint32_t> inlined_;  // By function, how many calls of it go.
  std::vector<Site> sites_;             // In order.
};

}  // namespace

void inlining(Graph& graph) {
  for (int i = 0; i < kRounds && graph.code().functions.size() > 1; ++i) {
    graph.compact();
    if (!Inlining(graph).round()) return;
  }
}

}  // namespace skep::lower::passes
