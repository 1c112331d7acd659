// SPDX-License-Identifier: Apache-2.0
// Precision on demand. Scalars begin imprecise: their bounds do not matter when states are compared. When a rule or a
// branch relied on a scalar's bounds, the instructions that made it are walked backwards along the path, and every
// checkpoint that the walk passes gets the scalars that it came from marked precise.
#include <algorithm>
#include <variant>

#include "base/overloaded.h"
#include "verifier/engine/run.h"
#include "verifier/transfer/alu.h"

namespace skep::verifier {

struct Run::Marks {
  struct Of {
    std::uint32_t regs = 0;
    std::uint64_t slots = 0;
  };
  std::array<Of, kMaxFrames> frames{};
  std::uint32_t current = 0;

  [[nodiscard]] bool empty() const {
    return std::all_of(frames.begin(), frames.end(), [](const Of& of) { return of.regs == 0 && of.slots == 0; });
  }
  [[nodiscard]] bool has(std::uint32_t reg) const { return (frames[current].regs >> reg & 1) != 0; }
  void add(std::uint32_t reg) { frames[current].regs |= 1u << reg; }
  void add(const isa::Operand& operand) {
    if (const auto* reg = std::get_if<isa::Reg>(&operand)) add(reg->index);
  }
  void remove(std::uint32_t reg) { frames[current].regs &= ~(1u << reg); }
  [[nodiscard]] bool has_slot(const HistoryEntry& e) const { return (frames[e.frame].slots >> e.slot & 1) != 0; }
  void add_slot(const HistoryEntry& e) { frames[e.frame].slots |= std::uint64_t{1} << e.slot; }
  void remove_slot(const HistoryEntry& e) { frames[e.frame].slots &= ~(std::uint64_t{1} << e.slot); }

  [[nodiscard]] Log::PrecisionStep step(std::uint32_t frame, InsnIndex insn) const {
    return {.frame = frame, .regs = frames[frame].regs, .slots = frames[frame].slots, .at = insn};
  }

  /// Registers that carried one scalar id: if one matters, all do.
  void spread(const HistoryEntry* entry) {
    if (entry == nullptr || entry->linked_count == 0) return;
    const auto wanted = [&](std::uint32_t i) {
      const Of& of = frames[entry->linked_frame[i]];
      const std::uint32_t what = entry->linked[i];
      return what < kRegs ? (of.regs >> what & 1) != 0 : (of.slots >> (what - kRegs) & 1) != 0;
    };
    bool any = false;
    for (std::uint32_t i = 0; i < entry->linked_count; ++i) any = any || wanted(i);
    if (!any) return;
    for (std::uint32_t i = 0; i < entry->linked_count; ++i) {
      Of& of = frames[entry->linked_frame[i]];
      const std::uint32_t what = entry->linked[i];
      if (what < kRegs)
        of.regs |= 1u << what;
      else
        of.slots |= std::uint64_t{1} << (what - kRegs);
    }
  }
};

namespace {
constexpr std::uint32_t kArgumentMask = 0x3e;
}  // namespace

// One short case for each alternative of Insn.
// NOLINTNEXTLINE(readability-function-size)
Run::Step Run::undo(InsnIndex insn, InsnIndex following, const HistoryEntry* entry, Marks& marks) {
  const bool slot_access = entry != nullptr && entry->stack_access;
  const auto load = [&](std::uint32_t dst) {
    if (!marks.has(dst)) return Step::kDone;
    marks.remove(dst);
    if (slot_access) marks.add_slot(*entry);
    return Step::kDone;
  };
  const auto store = [&](isa::Reg base, const isa::Operand& src) {
    if (marks.has(base.index)) return Step::kLost;
    if (!slot_access || !marks.has_slot(*entry)) return Step::kDone;
    marks.remove_slot(*entry);
    marks.add(src);
    return Step::kDone;
  };
  // What an atomic operation fetched is what lay there before. (Linux 6.18 looks for it in what the register held.)
  const auto fetch_and_store = [&](const isa::Atomic& i) {
    const std::uint32_t result = i.op == isa::AtomicOp::kCmpXchg ? 0 : i.reg.index;
    const bool fetched = isa::info(i.op).fetch && marks.has(result);
    if (fetched) marks.remove(result);
    const Step step = store(i.base, isa::Operand{i.reg});
    if (fetched && slot_access) marks.add_slot(*entry);
    return step;
  };
  const auto clobber_r0 = [&] {
    marks.remove(0);
    return (marks.frames[marks.current].regs & kArgumentMask) != 0 ? Step::kLost : Step::kDone;
  };

  marks.spread(entry);
  const Step result = std::visit(Overloaded{
                                     [&](const isa::Alu& i) {
                                       if (!marks.has(i.dst.index)) return Step::kDone;
                                       if (is_move(i.op)) marks.remove(i.dst.index);
                                       marks.add(i.src);
                                       marks.remove(10);
                                       return Step::kDone;
                                     },
                                     [&](const isa::ByteSwap&) { return Step::kDone; },
                                     [&](const isa::AddrSpaceCast& i) { return load(i.dst.index); },
                                     [&](const isa::LoadImm64& i) {
                                       marks.remove(i.dst.index);
                                       return Step::kDone;
                                     },
                                     [&](const isa::LoadPacket&) {
                                       const bool returned = following != insn + 1;
                                       if (!returned && !marks.has(0)) return Step::kDone;
                                       return Step::kLost;
                                     },
                                     [&](const isa::Load& i) { return load(i.dst.index); },
                                     [&](const isa::Store& i) { return store(i.base, i.src); },
                                     [&](const isa::Atomic& i) {
                                       if (i.op == isa::AtomicOp::kLoadAcquire) return load(i.reg.index);
                                       return fetch_and_store(i);
                                     },
                                     [&](const isa::Branch& i) {
                                       const auto* src = std::get_if<isa::Reg>(&i.src);
                                       if (src == nullptr || (!marks.has(i.dst.index) && !marks.has(src->index)))
                                         return Step::kDone;
                                       marks.add(i.dst.index);
                                       marks.add(src->index);
                                       return Step::kDone;
                                     },
                                     [&](const isa::Jump&) { return Step::kDone; },
                                     [&](const isa::MayGoto&) { return Step::kDone; },
                                     [&](const isa::Call& i) {
                                       const bool into_callback =
                                           layout.insns[insn].callback_call && following != insn + 1;
                                       const bool enters = i.kind == isa::CallKind::kLocal && following != insn + 1;
                                       if (!enters && !into_callback) return clobber_r0();
                                       if (marks.current == 0) return Step::kLost;
                                       Marks::Of& callee = marks.frames[marks.current];
                                       if (callee.slots != 0 || (callee.regs & ~kArgumentMask) != 0) return Step::kLost;
                                       // Arguments of a call are the caller's registers; those of a callback are made
                                       // up by the helper.
                                       const std::uint32_t arguments = into_callback ? 0 : callee.regs;
                                       callee = {};
                                       marks.frames[--marks.current].regs |= arguments;
                                       return Step::kDone;
                                     },
                                     [&](const isa::Exit&) {
                                       // Walking back into the subprogram that returned to `following`: the next
                                       // instruction after a call, or the call itself when a helper called back.
                                       if (following == kNoInsn || marks.current + 1 >= kMaxFrames) return Step::kLost;
                                       const bool callback = layout.insns[following].callback_call;
                                       if (callback) marks.frames[marks.current].regs &= ~kArgumentMask;
                                       if ((marks.frames[marks.current].regs & kArgumentMask) != 0) return Step::kLost;
                                       const bool wants_r0 = !callback && marks.has(0);
                                       marks.remove(0);
                                       ++marks.current;
                                       if (wants_r0) marks.add(0);
                                       return Step::kDone;
                                     },
                                     [&](const isa::Continuation&) { return Step::kDone; },
                                     [&](const isa::Illegal&) { return Step::kLost; },
                                 },
                                 program.insns[insn]);
  marks.spread(entry);
  return result;
}

void Run::mark_everything_precise(State& start) {
  for (State* at_state = start.parent; at_state != nullptr; at_state = at_state->parent)
    for_each_value(*at_state, [](Value& value) {
      if (value.is_scalar()) value.precise = true;
    });
}

namespace {
/// Marks what is wanted in `state`; drops what is there already or is no scalar.
template <class Of>
void mark_frame(Frame& frame, Of& wanted, bool* changed) {
  for (std::uint32_t reg = 0; reg < kRegs; ++reg) {
    if ((wanted.regs >> reg & 1) == 0) continue;
    Value& value = frame.regs[reg];
    if (!value.is_scalar() || value.precise) {
      wanted.regs &= ~(1u << reg);
      continue;
    }
    value.precise = true;
    if (changed != nullptr) *changed = true;
  }
  for (std::uint32_t slot = 0; slot < kStackSlots; ++slot) {
    if ((wanted.slots >> slot & 1) == 0) continue;
    if (slot >= frame.slots || !frame.slot(slot).is_scalar_spill() || frame.slot(slot).value.precise) {
      wanted.slots &= ~(std::uint64_t{1} << slot);
      continue;
    }
    frame.slot(slot).value.precise = true;
    if (changed != nullptr) *changed = true;
  }
}
}  // namespace

void Run::backtrack(State& start, Marks& marks, InsnIndex last, bool* changed) {
  State* walk = &start;
  InsnIndex following = kNoInsn;
  bool skip = true;
  while (true) {
    if (log.detailed()) log.precision_range(marks.current, last, walk->first, following);
    std::uint32_t left = walk->history_count;
    for (InsnIndex insn = last;;) {
      const HistoryEntry* entry = left > 0 && walk->history[left - 1].at == insn ? &walk->history[left - 1] : nullptr;
      if (!skip && log.detailed()) log.precision(*this, marks.step(marks.current, insn));
      if (skip) {
        skip = false;
      } else if (undo(insn, following, entry, marks) == Step::kLost) {
        mark_everything_precise(start);
        return;
      }
      if (marks.empty()) return;
      following = insn;
      if (insn == walk->first && (left == 0 || (left == 1 && walk->history[0].at == insn))) break;
      if (entry != nullptr) {
        insn = entry->previous;
        --left;
      } else {
        --insn;
      }
      if (insn >= program.insns.size()) break;
    }
    const State* const from = walk;
    walk = walk->parent;
    if (walk == nullptr) break;
    for (std::uint32_t i = std::min(marks.current, walk->current) + 1; i-- > 0;) {
      mark_frame(*walk->frames[i], marks.frames[i], changed);
      if (log.detailed()) log.precision_parent(*this, *walk, marks.step(i, 0));
    }
    if (marks.empty()) return;
    following = from->first;
    last = walk->last;
    // The parent's own instructions end where the child's begin.
    if (last == kNoInsn) break;
  }
  // What remains are the arguments of a global function, which are judged for all that they can be.
  const bool only_arguments = marks.current == 0 && marks.frames[0].slots == 0 &&
                              (marks.frames[0].regs & ~kArgumentMask) == 0 && start.frames[0]->subprogram != 0;
  if (!marks.empty() && !only_arguments) mark_everything_precise(start);
}

void Run::mark_precise(std::uint32_t reg) {
  if (!state.frame().regs[reg].is_scalar()) return;
  Marks marks;
  marks.current = state.current;
  marks.add(reg);
  backtrack(state, marks, at, nullptr);
}

void Run::mark_slot_precise(std::uint32_t frame, std::uint32_t slot) {
  Marks marks;
  marks.current = state.current;
  marks.frames[frame].slots |= std::uint64_t{1} << slot;
  backtrack(state, marks, at, nullptr);
}

void Run::propagate_precision(const State& from, State& to, bool is_live, bool* changed) {
  Marks marks;
  marks.current = to.current;
  for (std::uint32_t i = 0; i <= from.current; ++i) {
    const Frame& frame = *from.frames[i];
    for (std::uint32_t reg = 0; reg < kRegs - 1; ++reg)
      if (frame.regs[reg].is_scalar() && frame.regs[reg].precise) marks.frames[i].regs |= 1u << reg;
    for (std::uint32_t slot = 0; slot < frame.slots; ++slot)
      if (frame.slot(slot).is_scalar_spill() && frame.slot(slot).value.precise)
        marks.frames[i].slots |= std::uint64_t{1} << slot;
    if (log.detailed()) log.propagating(marks.step(i, 0));
  }
  if (marks.empty()) return;
  backtrack(to, marks, is_live ? at : to.insn, changed);
}

void Run::remember(const HistoryEntry& entry) {
  if (remembered_) {
    HistoryEntry& last = state.history[state.history_count - 1];
    if (entry.stack_access) {
      last.stack_access = true;
      last.frame = entry.frame;
      last.slot = entry.slot;
    }
    if (entry.linked_count != 0) {
      last.linked_count = entry.linked_count;
      last.linked = entry.linked;
      last.linked_frame = entry.linked_frame;
    }
    return;
  }
  remembered_ = true;
  HistoryEntry made = entry;
  made.at = at;
  made.previous = previous;
  live.push_history(made);
}

}  // namespace skep::verifier
