// SPDX-License-Identifier: Apache-2.0
// arm64: one emit() per op. alu.cc, divide.cc, reciprocal.cc, memory.cc, branch.cc, call.cc, combined.cc and block.cc
// hold their definitions.
#pragma once
#include <optional>
#include <vector>

#include <asmjit/arm/a64assembler.h>
#include <asmjit/arm/a64utils.h>

#include "jit/arm64/registers.h"
#include "jit/copies.h"
#include "jit/plan.h"
#include "jit/target.h"
#include "skep/env.h"

namespace skep::jit::arm64 {

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
  void load_function(const Gp& to, lower::Label entry);
  void load_immediate(const Gp& to, std::uint64_t value);
  /// Whether the value fits an addition: 12 bits, or 12 bits shifted by 12.
  [[nodiscard]] static bool is_add_immediate(std::int64_t value);
  /// to = from + value.
  void add(const Gp& to, const Gp& from, std::int64_t value);
  void bitwise(isa::AluOp op, const Gp& to, const Gp& from, std::int64_t value);
  void multiply(const lower::Alu& op, std::int64_t value);
  void shift(const lower::Alu& op, std::uint32_t count);
  /// dst = the left side.
  void pass(const lower::Alu& op);
  void extend(const lower::Alu& op, const Gp& src);
  void emit_imm(const lower::Alu& op, std::int64_t value);
  void emit_reg(const lower::Alu& op, const Gp& src);

  // divide.cc
  void divide(const lower::Alu& op, const Gp& src);
  void divide(const lower::Alu& op, std::int64_t value);

  // reciprocal.cc
  /// By what is not 0, without a division.
  void divide_by_constant(const lower::Alu& op, std::int64_t value);
  void divide_by_power(const lower::Alu& op, std::uint32_t twos, bool negative);
  void divide_once(const lower::Alu& op, std::uint64_t divisor);
  void quotient32(const lower::Alu& op, std::uint32_t divisor, const Gp& to);
  void quotient64(const lower::Alu& op, std::uint64_t divisor, const Gp& to);

  // memory.cc
  void load_any(const lower::Load& op);
  void load(const Gp& to, isa::Size size, isa::Extend extend, const asmjit::a64::Mem& from);
  /// An address that a load or store of `size` bytes can name; kTemp may hold a part of it.
  [[nodiscard]] asmjit::a64::Mem memory(lower::Reg base, std::int32_t offset, isa::Size size);
  /// Access: an op with base, index, shift and offset.
  template <class Access>
  [[nodiscard]] asmjit::a64::Mem memory(const Access& op, isa::Size size);
  void store(const Gp& src, isa::Size size, const asmjit::a64::Mem& to);
  void reverse(const Gp& to, const Gp& from, isa::Size size);
  /// One that consists of a register only.
  [[nodiscard]] asmjit::a64::Mem plain_memory(lower::Reg base, std::int32_t offset);
  void atomic_lse(const lower::Atomic& op, const asmjit::a64::Mem& at);
  void atomic_loop(const lower::Atomic& op, const asmjit::a64::Mem& at);

  // block.cc
  /// Where pairs of words at base + offset can be named; `temp` may hold a part of it.
  struct Block {
    Gp base;
    std::int32_t offset = 0;
  };
  Block block(lower::Reg base, std::int32_t offset, std::uint32_t bytes, const Gp& temp);

  // branch.cc
  void compare(const lower::Branch& op, std::int64_t value);
  /// `next`: the op behind the branch.
  [[nodiscard]] bool is_near(lower::Label next, lower::Label target) const;
  void compare(const lower::Branch& op);
  void jump(lower::Label next, lower::Label target);
  void branch(asmjit::arm::CondCode condition, lower::Label next, lower::Label target);
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
  void guarded_branch(asmjit::arm::CondCode condition, lower::Label next, lower::Label target);
  void poison_unless(asmjit::arm::CondCode condition);

  // limits.cc
  /// The op `from` leaves what it was in: takes its charge from the budget. Keeps kTemp.
  void charge(lower::Label from);
  /// And ends the run if nothing is left, or if it was stopped.
  void check_limits(lower::Label from);
  void set_trap(Trap trap);

  // call.cc
  /// Where the caller's stack pointer is: `base` (sp or x25) + bytes.
  void cfa(const Gp& base, std::uint32_t bytes);
  void restore_frame();
  /// Behind what a restore_frame() was for.
  void resume_frame();
  void ask_for_tail_call();
  void leave();
  void leave_if_trapped();
  void call(std::uint64_t target);
  void emit_invoke();
  [[nodiscard]] asmjit::Label function_label(lower::Label entry) const;

  asmjit::a64::Assembler as_;
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

  // Of the function and the op that are being emitted.
  std::size_t function_ = 0;
  bool carry_left_ = false;  // By the last AddWithCarry, for the next one.
  lower::Label at_ = 0;
  LeftCopies copies_;
  lower::Reg left_;        // Where the left side of an Alu is: its dst, or what that is a copy of.
  std::vector<Gp> saved_;  // What the prologue pushes, in pairs.
  [[nodiscard]] std::uint32_t saved_bytes() const { return static_cast<std::uint32_t>((saved_.size() + 1) / 2 * 16); }
  std::uint32_t frame_bytes_ = 0;
  asmjit::Label leave_;  // The epilogue for runs that end here; valid once something jumps to it.
  bool leave_used_ = false;
  asmjit::Label out_of_budget_, stopped_;  // Set their trap and leave.
  bool out_of_budget_used_ = false, stopped_used_ = false;
};

}  // namespace skep::jit::arm64
