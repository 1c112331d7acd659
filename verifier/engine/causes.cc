// SPDX-License-Identifier: Apache-2.0
// Why a register holds what it holds: the instructions of the rejected path that made the value and the branches that
// tested it, found by walking the path backwards along the data flow. For people; no verdict depends on it.
#include <algorithm>
#include <variant>

#include "verifier/engine/run.h"

namespace skep::verifier {
namespace {

constexpr std::uint32_t kArguments = 0x3e, kFramePointer = 1u << 10;
constexpr std::size_t kMaxCauses = 8;
constexpr std::size_t kMaxSteps = 100'000;  // A path may be a million instructions long.

/// The instructions of a path, last one first.
class Backwards {
 public:
  Backwards(const State& state, InsnIndex last) : walk_(&state), left_(state.history_count), at_(last) { note(); }
  [[nodiscard]] InsnIndex at() const { return at_; }
  /// What was remembered of it; nullptr: nothing.
  [[nodiscard]] const HistoryEntry* entry() const { return entry_; }
  /// False: this was the first instruction of the path.
  bool step() {
    const bool first = at_ == walk_->first && (left_ == 0 || (left_ == 1 && entry_ != nullptr));
    if (first) {
      walk_ = walk_->parent;
      if (walk_ == nullptr || walk_->last == kNoInsn) return false;
      at_ = walk_->last;
      left_ = walk_->history_count;
    } else if (entry_ != nullptr) {
      at_ = entry_->previous;
      --left_;
    } else {
      if (at_ == 0) return false;
      --at_;
    }
    note();
    return at_ != kNoInsn;
  }

 private:
  void note() { entry_ = left_ > 0 && walk_->history[left_ - 1].at == at_ ? &walk_->history[left_ - 1] : nullptr; }

  const State* walk_;
  std::uint32_t left_;
  InsnIndex at_;
  const HistoryEntry* entry_ = nullptr;
};

/// Registers and slots, of one frame, whose origin is wanted.
class Slice {
 public:
  Slice(const Run& run, std::uint32_t regs) : run_(run), regs_(regs & ~kFramePointer) {}
  [[nodiscard]] bool empty() const { return regs_ == 0 && slots_ == 0; }

  /// Goes back over one instruction; what it had to do with the values asked for. `following`: what came after it.
  std::optional<CauseKind> undo(InsnIndex at, InsnIndex following, const HistoryEntry* entry) {
    const isa::Insn& insn = run_.program.insns[at];
    if (std::holds_alternative<isa::Exit>(insn)) return leave();
    if (const auto* call = std::get_if<isa::Call>(&insn); call != nullptr && following != at + 1) return enter(*call);
    const RegisterUse regs = register_use(insn, run_.program, run_.platform, run_.layout);
    if (std::holds_alternative<isa::Branch>(insn))
      return (regs.use & regs_) != 0 ? std::optional(CauseKind::kTested) : std::nullopt;
    const std::uint64_t slot = entry != nullptr && entry->stack_access ? std::uint64_t{1} << entry->slot : 0;
    if (std::holds_alternative<isa::Store>(insn)) return undo_store(insn, slot);
    if ((regs.def & regs_) == 0) return std::nullopt;
    const bool computed = std::holds_alternative<isa::Alu>(insn) || std::holds_alternative<isa::ByteSwap>(insn);
    regs_ &= ~std::uint32_t{regs.def};
    if (computed) regs_ |= regs.use & ~kFramePointer;
    if (std::holds_alternative<isa::Load>(insn)) slots_ |= slot;
    return CauseKind::kSet;
  }

 private:
  std::optional<CauseKind> undo_store(const isa::Insn& insn, std::uint64_t slot) {
    if ((slots_ & slot) == 0) return std::nullopt;
    slots_ &= ~slot;
    if (const auto* src = std::get_if<isa::Reg>(&std::get<isa::Store>(insn).src)) regs_ |= 1u << src->index;
    return CauseKind::kStored;
  }
  /// Out of the callee, whose arguments are the caller's registers.
  std::optional<CauseKind> enter(const isa::Call& call) {
    regs_ = call.kind == isa::CallKind::kLocal ? regs_ & kArguments : 0;
    slots_ = 0;
    return empty() ? std::nullopt : std::optional(CauseKind::kPassed);
  }
  /// Into a callee: only its result is wanted of it.
  std::optional<CauseKind> leave() {
    if ((regs_ & 1) == 0) regs_ = 0;
    regs_ &= 1;
    slots_ = 0;
    return std::nullopt;
  }

  const Run& run_;
  std::uint32_t regs_;
  std::uint64_t slots_ = 0;
};

/// The registers that the sentence names ("R{0}"); where it names none, those that the instruction reads.
std::uint32_t registers_at_fault(const Diagnostic& reason, const Run& run) {
  std::uint32_t regs = 0;
  for (const std::uint32_t reg : registers_named(reason)) regs |= reg < kRegs ? 1u << reg : 0;
  if (regs != 0 || reason.at >= run.program.insns.size()) return regs;
  return register_use(run.program.insns[reason.at], run.program, run.platform, run.layout).use;
}

bool is_leak(DiagCode code) {
  return code == DiagCode::kUnreleasedReference || code == DiagCode::kTailCallReference ||
         code == DiagCode::kLegacyLoadReference;
}
/// A limit was hit: no one value is to blame.
bool is_limit(DiagCode code) { return static_cast<unsigned>(code) / 100 == 5; }

std::vector<Cause> acquisitions(const State& state) {
  std::vector<Cause> result;
  for (std::uint32_t i = 0; i < state.reference_count; ++i)
    result.push_back({.at = state.references[i].at, .kind = CauseKind::kAcquired});
  return result;
}

bool has(const std::vector<Cause>& causes, InsnIndex insn) {
  return std::any_of(causes.begin(), causes.end(), [&](const Cause& cause) { return cause.at == insn; });
}

}  // namespace

std::vector<Cause> Run::causes(const Diagnostic& reason) const {
  if (is_leak(reason.code)) return acquisitions(state);
  std::vector<Cause> result;
  if (is_limit(reason.code)) return result;
  Slice slice(*this, registers_at_fault(reason, *this));
  Backwards path(state, at);
  InsnIndex following = at;
  for (std::size_t step = 0; step < kMaxSteps && !slice.empty() && path.step(); ++step) {
    const InsnIndex insn = path.at();
    if (insn >= program.insns.size()) break;
    // Of a loop's iterations the last one is told.
    if (const auto kind = slice.undo(insn, following, path.entry()); kind && !has(result, insn)) {
      const bool falls_through = following == insn + 1;
      result.push_back({.at = insn, .kind = *kind, .taken = *kind == CauseKind::kTested && !falls_through});
      if (result.size() == kMaxCauses) break;
    }
    following = insn;
  }
  std::reverse(result.begin(), result.end());
  return result;
}

}  // namespace skep::verifier
