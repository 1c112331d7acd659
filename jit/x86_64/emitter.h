// SPDX-License-Identifier: Apache-2.0
// x86-64: one emit() per op. alu.cc, divide.cc, reciprocal.cc, memory.cc, branch.cc, call.cc, combined.cc and block.cc
// hold their definitions.
#pragma once
#include <optional>
#include <vector>

#include "jit/copies.h"
#include "jit/plan.h"
#include "jit/target.h"
#include "jit/x86_64/assembler.h"
#include "jit/x86_64/registers.h"
#include "skep/env.h"

namespace skep::jit::x86_64 {

class Emitter {
 public:
  Emitter(asmjit::CodeHolder& holder, const lower::Code& code, const lower::Bindings& bindings, const Plan& plan,
          const AssembleOptions& options);

  void begin_function(std::size_t index);
  void end_function();
  void bind(lower::Label at);
  [[nodiscard]] std::size_t offset() const { return as_.offset(); }

  void emit(const lower::Alu& op);
  void emit(const lower::ByteSwap& op);
  void emit(const lower::LoadSymbol& op);
  void emit(const lower::LoadEnv& op);
  void emit(const lower::Load& op);
  void emit(const lower::Store& op);
  void emit(const lower::Atomic& op);
  void emit(const lower::Branch& op);
  void emit(const lower::Jump& op);
  void emit(const lower::CallHelper& op);
  void emit(const lower::CallLocal& op);
  void emit(const lower::TailCall& op);
  void emit(const lower::Return& op);
  void emit(const lower::Illegal& op);

  void emit(const lower::Nop& op);
  void emit(const lower::Sum& op);
  void emit(const lower::Rotate& op);
  void emit(const lower::CountBits& op);
  void emit(const lower::AddWithCarry& op);
  void emit(const lower::AluLoad& op);
  void emit(const lower::Update& op);
  void emit(const lower::BranchLoad& op);
  void emit(const lower::Clear& op);
  void emit(const lower::Copy& op);

  [[nodiscard]] CodeMap take_map() { return map_.take(); }

  /// What stands behind the functions. Returns the offset of the code for Env::invoke, if there has to be any.
  std::optional<std::size_t> emit_trampolines();

 private:
  // alu.cc
  void load_immediate(const Gp& to, std::uint64_t value);
  void add(const lower::Alu& op, std::int64_t value);
  void bitwise(const lower::Alu& op, std::int64_t value);
  void multiply(const lower::Alu& op, std::int64_t value);
  void shift(const lower::Alu& op, std::uint32_t count);
  void shift_by_reg(const lower::Alu& op, lower::Reg count);
  void shift_by_cl(isa::AluOp op, const Gp& value);
  void extend(const lower::Alu& op);
  void truncate(lower::Reg reg, isa::Width width);
  void emit_imm(const lower::Alu& op, std::int64_t value);
  void emit_reg(const lower::Alu& op, lower::Reg src);
  /// Whether the instruction for the op may read its left side from another register than it writes.
  [[nodiscard]] bool reads_elsewhere(const lower::Alu& op) const;

  // divide.cc
  void divide(const lower::Alu& op, lower::Reg src);
  void divide(const lower::Alu& op, std::int64_t value);
  /// What the operation gives for a divisor of zero.
  void divided_by_zero(const lower::Alu& op);
  void divided_by_minus_one(const lower::Alu& op);
  /// Operand: Reg or std::int64_t.
  template <class Operand>
  void divide_native(const lower::Alu& op, const Operand& src);

  // reciprocal.cc
  /// By what is not 0, without a division.
  void divide_by_constant(const lower::Alu& op, std::int64_t value);
  void divide_by_power(const lower::Alu& op, std::uint32_t twos, bool negative);
  void divide_once(const lower::Alu& op, std::int64_t value);
  void quotient32(const lower::Alu& op, std::uint32_t divisor, const Gp& to);
  void quotient64(const lower::Alu& op, std::uint64_t divisor, const Gp& to);
  void multiply_high(const Gp& by, std::uint64_t multiplier, bool with_sign);

  // memory.cc
  void load(const lower::Load& op, const asmjit::x86::Mem& from);
  /// Access: an op with base, index, shift and offset.
  template <class Access>
  [[nodiscard]] static asmjit::x86::Mem memory(const Access& op, isa::Size size);
  /// lea-like ops on a register or on memory. To: Gp or Mem; From: Gp, Mem or a number.
  template <class To, class From>
  void combine(isa::AluOp op, const To& to, const From& from);
  void load_swapped(const lower::Load& op);
  void store_swapped(const lower::Store& op);
  void atomic(const lower::Atomic& op);
  void fetch_by_loop(const lower::Atomic& op);

  // combined.cc
  void count_ones(const lower::CountBits& op);
  /// Whether the sum and the op behind it are x & (x - 1), which then is emitted.
  bool clears_lowest_bit(const lower::Sum& op);

  // branch.cc
  void compare(const lower::Branch& op, std::int64_t value);
  /// `next`: the op behind the branch.
  [[nodiscard]] bool is_near(lower::Label next, lower::Label target) const;
  void compare(const lower::Branch& op);
  void jump(lower::Label next, lower::Label target);
  void branch(asmjit::x86::CondCode condition, lower::Label next, lower::Label target);
  /// On the flags of a comparison.
  void branch_on(isa::JmpOp op, bool unless, lower::Label target);
  [[nodiscard]] asmjit::Label label(lower::Label target) const { return asmjit::Label(labels_[target]); }

  // harden.cc
  /// All ones in what was loaded, while kState says so.
  void guard(lower::Reg loaded);
  void guard_arguments();
  /// Nothing behind it runs before all branches before it are decided.
  void fence();
  void clear_state();
  void guarded_branch(asmjit::x86::CondCode condition, lower::Label next, lower::Label target);
  void call_indirect(const Gp& target);
  void jump_indirect();  // To kTemp.
  asmjit::Label retpoline();
  void emit_retpoline();

  // limits.cc
  /// The op `from` leaves what it was in: takes its charge from the budget. Keeps kTemp.
  void charge(lower::Label from);
  /// And ends the run if nothing is left, or if it was stopped.
  void check_limits(lower::Label from);
  void set_trap(Trap trap);

  // call.cc
  void push(const Gp& gp);
  /// `pushed`: as pushed_, which an epilogue in the middle of a function leaves alone.
  void pop(const Gp& gp, std::uint32_t& pushed);
  void popped(const Gp& gp, std::uint32_t& pushed);
  /// Where the caller's stack pointer is: `base` (rsp or rbp) + bytes.
  void cfa(const Gp& base, std::uint32_t bytes);
  void restore_frame();
  /// Behind what a restore_frame() was for.
  void resume_frame();
  void ask_for_tail_call();
  void leave();
  void leave_if_trapped();
  [[nodiscard]] asmjit::x86::Mem env(std::size_t offset, std::uint32_t size) const;
  void emit_invoke();
  [[nodiscard]] asmjit::Label function_label(lower::Label entry) const;

  Assembler as_;
  const lower::Code& code_;
  const lower::Bindings& bindings_;
  const Plan& plan_;
  Features features_;
  LimitOptions limits_;
  HardenOptions harden_;
  std::uint64_t base_;
  Mapper map_;
  std::vector<std::uint32_t> labels_;     // Ids by op; of ops that are branched to.
  std::vector<asmjit::Label> functions_;  // By function.
  asmjit::Label retpoline_;               // Valid once something uses it.

  // Of the function and the op that are being emitted.
  std::size_t function_ = 0;
  bool carry_left_ = false;  // By the last AddWithCarry, for the next one.
  lower::Label at_ = 0;
  lower::Label done_ = kNoOp;  // This op was emitted with the one before it.
  LeftCopies copies_;
  lower::Reg left_;                // Where the left side of an Alu is: its dst, or what that is a copy of.
  std::uint32_t frame_bytes_ = 0;  // What the prologue subtracts from rsp.
  std::uint32_t pushed_ = 0;       // With the return address, in bytes.
  asmjit::Label leave_;            // The epilogue for runs that end here; valid once something jumps to it.
  bool leave_used_ = false;
  asmjit::Label out_of_budget_, stopped_;  // Set their trap and leave.
  bool out_of_budget_used_ = false, stopped_used_ = false;
};

}  // namespace skep::jit::x86_64
