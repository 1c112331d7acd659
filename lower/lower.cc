// SPDX-License-Identifier: Apache-2.0
// The list of steps: find what can run, then rewrite it slot by slot.
#include "lower/lower.h"

#include <string>

#include "base/inline_visit.h"
#include "base/overloaded.h"
#include "base/try.h"
#include "lower/effects.h"
#include "lower/rewrite.h"

namespace skep::lower {
namespace {

Operand operand(const isa::Operand& from) {
  return std::visit(
      Overloaded{[](isa::Reg reg) -> Operand { return reg; }, [](isa::Imm imm) -> Operand { return Imm{imm.value}; }},
      from);
}

/// 0 needs a test and, in signed division, so does -1: what is known to be neither needs none.
Divisor divisor(const isa::Alu& insn) {
  const auto* imm = std::get_if<isa::Imm>(&insn.src);
  return divides(insn.op) && imm != nullptr && imm->value != 0 && imm->value != -1 ? Divisor::kNonZero
                                                                                   : Divisor::kMayBeZero;
}

class Lowering {
 public:
  Lowering(const Source& source, bool every_insn) : source_(source), every_insn_(every_insn), builder_(source.flow) {}

  Result<Code> run() {
    const isa::Insns& insns = source_.program.insns;
    for (at_ = 0; at_ < insns.size(); ++at_) {
      if (!reachable(at_)) continue;
      if (is_entry(at_)) begin_function();
      builder_.begin_slot(at_);
      if (source_.verified() && source_.facts.insns[at_].memory == MemoryKind::kKernel)
        return Error{Errc::kUnsupported, "instruction " + std::to_string(at_) +
                                             ": access to an object of the kernel, which skep does not have"};
      TRY_OK(inline_visit(*this, insns[at_]));
      const Successors to = successors(insns, at_);
      // The verifier knows that this point is never passed (a branch always taken, a call that never returns).
      if (to.next >= 0 && !reachable(to.next) && !ended_) builder_.emit(Illegal{});
      ended_ = false;
      if (did_test_) ++at_;
      did_test_ = false;
    }
    return builder_.finish();
  }

  // Instructions that are one op.
  Status operator()(const isa::Alu& insn) {
    builder_.emit(
        Alu{.op = insn.op, .width = insn.width, .divisor = divisor(insn), .dst = insn.dst, .src = operand(insn.src)});
    return kOk;
  }
  Status operator()(const isa::ByteSwap& insn) {
    builder_.emit(ByteSwap{.order = insn.order, .bits = insn.bits, .dst = insn.dst});
    return kOk;
  }
  // skep keeps arenas, which it does not have yet, at their own addresses: the cast changes nothing.
  Status operator()(const isa::AddrSpaceCast& insn) {
    builder_.emit(Alu{.op = isa::AluOp::kMov, .width = isa::Width::k64, .dst = insn.dst, .src = insn.src});
    return kOk;
  }
  Status operator()(const isa::Load& insn) {
    TRY(const ContextAccess access, rewrite_context(source_, at_, insn.size));
    builder_.emit(Load{.size = access.size,
                       .extend = access.size == isa::Size::k64 ? isa::Extend::kZero : insn.extend,
                       .dst = insn.dst,
                       .base = insn.base,
                       .offset = insn.offset + access.shift});
    return kOk;
  }
  Status operator()(const isa::Store& insn) {
    TRY(const ContextAccess access, rewrite_context(source_, at_, insn.size));
    builder_.emit(
        Store{.size = insn.size, .base = insn.base, .offset = insn.offset + access.shift, .src = operand(insn.src)});
    return kOk;
  }
  Status operator()(const isa::Atomic& insn) {
    if (insn.op == isa::AtomicOp::kLoadAcquire) {
      builder_.emit(Load{.size = insn.size,
                         .ordering = Ordering::kAcquireRelease,
                         .dst = insn.reg,
                         .base = insn.base,
                         .offset = insn.offset});
      return kOk;
    }
    if (insn.op == isa::AtomicOp::kStoreRelease) {
      builder_.emit(Store{.size = insn.size,
                          .ordering = Ordering::kAcquireRelease,
                          .base = insn.base,
                          .offset = insn.offset,
                          .src = insn.reg});
      return kOk;
    }
    builder_.emit(Atomic{.op = insn.op, .size = insn.size, .base = insn.base, .offset = insn.offset, .reg = insn.reg});
    return kOk;
  }
  Status operator()(const isa::Exit&) {
    builder_.emit(Return{});
    return kOk;
  }

  // Control flow.
  Status operator()(const isa::Branch& insn) {
    const std::int64_t target = successors(source_.program.insns, at_).target;
    if (!reachable(target)) return fall_through();  // Never taken, the verifier says.
    if (!every_insn_ && !reachable(std::int64_t{at_} + 1)) return jump(target);
    builder_.emit_to_slot(Branch{.op = insn.op, .width = insn.width, .dst = insn.dst, .src = operand(insn.src)},
                          static_cast<InsnIndex>(target));
    return kOk;
  }
  Status operator()(const isa::Jump&) { return jump(successors(source_.program.insns, at_).target); }
  Status operator()(const isa::MayGoto&) {
    const std::int64_t target = successors(source_.program.insns, at_).target;
    if (!reachable(target)) return fall_through();
    lower_may_goto(builder_, stack_bytes_, static_cast<InsnIndex>(target));
    return kOk;
  }

  // Rewritings.
  Status operator()(const isa::LoadImm64& insn) { return lower_load_imm64(builder_, source_, at_, insn); }
  Status operator()(const isa::LoadPacket& insn) {
    lower_packet_load(builder_, source_, insn);
    return kOk;
  }
  Status operator()(const isa::Call& insn) {
    TRY(const Lowered lowered, lower_call(builder_, source_, at_, insn));
    did_test_ = lowered == Lowered::kWithTest;
    return kOk;
  }

  // find_flow() reports these where they are reachable.
  Status operator()(const isa::Continuation&) { return kOk; }
  Status operator()(const isa::Illegal&) {
    builder_.emit(Illegal{});
    return kOk;
  }

 private:
  [[nodiscard]] bool reachable(std::int64_t slot) const {
    return source_.flow.reachable[static_cast<std::size_t>(slot)] != 0;
  }
  [[nodiscard]] bool is_entry(InsnIndex slot) const {
    return source_.flow.entries[source_.flow.function_of[slot]] == slot;
  }

  /// For an instruction that only goes on to the next one.
  Status fall_through() {
    if (every_insn_ && reachable(std::int64_t{at_} + 1)) builder_.emit_to_slot(Jump{}, at_ + 1);
    return kOk;
  }

  Status jump(std::int64_t target) {
    ended_ = true;
    if (target == std::int64_t{at_} + 1) return fall_through();
    builder_.emit_to_slot(Jump{}, static_cast<InsnIndex>(target));
    return kOk;
  }

  void begin_function() {
    const std::uint32_t function = source_.flow.function_of[at_];
    stack_bytes_ = stack_bytes(source_, function);
    const bool loops = source_.flow.counts_loops && counts_loops(function);
    builder_.begin_function(at_, stack_bytes_ + (loops ? 8 : 0));
    if (loops) lower_may_goto_prologue(builder_, stack_bytes_);
  }

  /// A MayGoto of the function that begins here can run.
  [[nodiscard]] bool counts_loops(std::uint32_t function) const {
    const isa::Insns& insns = source_.program.insns;
    for (InsnIndex slot = at_; slot < insns.size() && source_.flow.function_of[slot] == function; ++slot)
      if (reachable(slot) && std::holds_alternative<isa::MayGoto>(insns[slot])) return true;
    return false;
  }

  const Source& source_;
  const bool every_insn_;
  Builder builder_;
  InsnIndex at_ = 0;
  std::uint32_t stack_bytes_ = 0;  // Of the current function, without the slot of may_goto.
  bool ended_ = false;             // The current slot emitted an unconditional jump.
  bool did_test_ = false;          // The current slot did what the branch behind it does.
};

}  // namespace

Result<Code> lower(const VerifiedProgram& program, const Platform& platform, const LowerOptions& options) {
  TRY(const Flow flow, find_flow(program));
  const Source source{.program = program.program(),
                      .facts = program.facts(),
                      .flow = flow,
                      .platform = platform,
                      .inline_helpers = options.inline_helpers};
  return Lowering(source, options.every_insn).run();
}

}  // namespace skep::lower
