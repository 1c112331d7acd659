// SPDX-License-Identifier: Apache-2.0
// Frames and calls. Between functions of one image the convention is that of the System V ABI with r0 in rax, r1 to r5
// in the first five argument registers, and Env* in r12; the entry function is an EntryFn. A frame saves only what the
// function uses:  [r12] rbx r13 r14 r15 | rbp <- r10 | stack_bytes, rounded up to align calls.
#include <array>
#include <cstddef>

#include "jit/harden.h"
#include "jit/x86_64/emitter.h"
#include "skep/env.h"

namespace skep::jit::x86_64 {

namespace x86 = asmjit::x86;

namespace {

constexpr std::uint32_t kRedZone = 128;
constexpr std::array kSaved = {isa::Reg{6}, isa::Reg{7}, isa::Reg{8}, isa::Reg{9}, kSpareEnv, kSpareFrame};

/// A frame of the leaf kind may use the red zone below rsp, which signal handlers leave alone.
std::uint32_t frame_bytes(const FunctionPlan& function, bool saves_env) {
  if (!function.calls) return function.uses(isa::kR10) && function.stack_bytes > kRedZone ? function.stack_bytes : 0;
  std::uint32_t pushed = 8 + (saves_env ? 8 : 0);  // The return address.
  for (const isa::Reg reg : kSaved) pushed += function.uses(reg) ? 8 : 0;
  if (function.uses(isa::kR10)) pushed += 8;
  const std::uint32_t stack = function.uses(isa::kR10) ? (function.stack_bytes + 7) / 8 * 8 : 0;
  return stack + ((pushed + stack) % 16 == 0 ? 0 : 8);
}

}  // namespace

Emitter::Emitter(asmjit::CodeHolder& holder, const lower::Code& code, const lower::Bindings& bindings, const Plan& plan,
                 const AssembleOptions& options)
    : as_(&holder),
      code_(code),
      bindings_(bindings),
      plan_(plan),
      features_(options.compile.features),
      limits_(options.compile.limits),
      harden_(options.compile.harden),
      base_(options.base),
      map_(options.mapping) {
  // Padding runs when a loop is entered from above: few long nops instead of many short ones.
  as_.addEncodingOptions(asmjit::EncodingOptions::kOptimizedAlign);
  labels_.resize(code.ops.size());
  for (std::size_t i = 0; i < code.ops.size(); ++i)
    if (plan.marks[i] != Mark::kNone) labels_[i] = as_.newLabel().id();
  functions_.resize(plan.functions.size());
  for (asmjit::Label& function : functions_) function = as_.newLabel();
}

asmjit::Label Emitter::function_label(lower::Label entry) const {
  for (std::size_t i = 0; i < functions_.size(); ++i)
    if (plan_.functions[i].entry == entry) return functions_[i];
  return {};
}

x86::Mem Emitter::env(std::size_t offset, std::uint32_t size) const {
  return x86::ptr(kEnv, static_cast<std::int32_t>(offset), size);
}

void Emitter::begin_function(std::size_t index) {
  function_ = index;
  leave_ = as_.newLabel();
  leave_used_ = false;
  if (!plan_.charges.empty()) {
    out_of_budget_ = as_.newLabel();
    stopped_ = as_.newLabel();
  }
  out_of_budget_used_ = stopped_used_ = false;
  const FunctionPlan& function = plan_.functions[index];
  const bool saves_env = index == 0 && plan_.uses_env;
  frame_bytes_ = frame_bytes(function, saves_env);
  if (index != 0) as_.align(asmjit::AlignMode::kCode, 16);
  as_.bind(functions_[index]);
  map_.function(as_.offset());
  map_.row(as_.offset(), kNoOp);
  pushed_ = 8;
  if (saves_env) {
    push(kEnv);
    as_.mov(kEnv, x86::rdx);
  }
  for (const isa::Reg reg : kSaved)
    if (function.uses(reg) && !(saves_env && reg == kSpareEnv)) push(reg64(reg));
  if (function.uses(isa::kR10)) {
    push(x86::rbp);
    as_.mov(x86::rbp, x86::rsp);
    cfa(x86::rbp, pushed_);
  }
  if (index == 0) clear_state();
  if (frame_bytes_ == 0) return;
  as_.sub(x86::rsp, frame_bytes_);
  if (!function.uses(isa::kR10)) cfa(x86::rsp, pushed_ + frame_bytes_);
}

void Emitter::bind(lower::Label at) {
  if (harden_.mask_speculation && at != plan_.functions[function_].entry && needs_fence(code_.ops[at - 1], features_))
    fence();
  at_ = at;
  const Mark mark = plan_.marks[at];
  if (begins_loop(mark)) as_.align(asmjit::AlignMode::kCode, alignment(mark));
  map_.row(as_.offset(), at);
  if (mark != Mark::kNone) as_.bind(label(at));
}

void Emitter::push(const Gp& gp) {
  as_.push(gp);
  pushed_ += 8;
  cfa(x86::rsp, pushed_);
  map_.frame(as_.offset(), FrameStep::Kind::kSaved, kDwarf[gp.id()], static_cast<std::int32_t>(pushed_));
}

void Emitter::popped(const Gp& gp, std::uint32_t& pushed) {
  pushed -= 8;
  cfa(x86::rsp, pushed);
  map_.frame(as_.offset(), FrameStep::Kind::kRestored, kDwarf[gp.id()]);
}

void Emitter::pop(const Gp& gp, std::uint32_t& pushed) {
  as_.pop(gp);
  popped(gp, pushed);
}

void Emitter::cfa(const Gp& base, std::uint32_t bytes) {
  map_.frame(as_.offset(), FrameStep::Kind::kCfa, kDwarf[base.id()], static_cast<std::int32_t>(bytes));
}

void Emitter::restore_frame() {
  const FunctionPlan& function = plan_.functions[function_];
  const bool saves_env = function_ == 0 && plan_.uses_env;
  std::uint32_t pushed = pushed_;
  map_.frame(as_.offset(), FrameStep::Kind::kRemember);
  if (function.uses(isa::kR10)) {
    if (frame_bytes_ != 0) {
      as_.leave();
      popped(x86::rbp, pushed);
    } else {
      pop(x86::rbp, pushed);
    }
  } else if (frame_bytes_ != 0) {
    as_.add(x86::rsp, frame_bytes_);
    cfa(x86::rsp, pushed);
  }
  for (std::size_t i = kSaved.size(); i-- > 0;)
    if (function.uses(kSaved[i]) && !(saves_env && kSaved[i] == kSpareEnv)) pop(reg64(kSaved[i]), pushed);
  if (saves_env) pop(kEnv, pushed);
}

void Emitter::resume_frame() { map_.frame(as_.offset(), FrameStep::Kind::kResume); }

void Emitter::leave() {
  restore_frame();
  as_.ret();
  resume_frame();
}

void Emitter::emit(const lower::Return&) {
  check_limits(at_);
  leave();
}

void Emitter::leave_if_trapped() {
  if (harden_.mask_speculation) as_.mov(kTemp, -1);
  as_.cmp(env(offsetof(Env, trap), sizeof(Trap)), 0);
  as_.jne(leave_);
  if (harden_.mask_speculation) as_.cmovne(kState, kTemp);
  leave_used_ = true;
}

void Emitter::emit(const lower::CallHelper& op) {
  const std::uint64_t target = bindings_.helpers[op.index];
  guard_arguments();
  as_.mov(x86::r9, kEnv);
  const std::uint64_t next = base_ + as_.offset() + 5;
  const auto distance = static_cast<std::int64_t>(target - next);
  if (distance == static_cast<std::int32_t>(distance)) {
    as_.call(asmjit::Imm(target));
  } else {
    load_immediate(kTemp, target);
    call_indirect(kTemp);
  }
  fence();
  if (may_trap(code_.helpers[op.index])) leave_if_trapped();
}

void Emitter::emit(const lower::CallLocal& op) {
  as_.call(function_label(op.target));
  if (plan_.traps) leave_if_trapped();
}

/// Where the program goes on, r1 and the run are the arguments of an EntryFn, and this frame is gone. The slot is read
/// as any word is: on x86 a load is sequentially consistent when the stores are (vm/tail_targets.h counts on that).
void Emitter::emit(const lower::TailCall& op) {
  if (op.map == lower::kUnknownMap || harden_.mask_speculation) return ask_for_tail_call();
  const asmjit::Label none = as_.newLabel();
  const Gp index = reg64(isa::kR2), target = kTemp, image = reg64(isa::kR4);
  const x86::Mem count = env(offsetof(Env, tail_calls), sizeof(Env::tail_calls));
  as_.mov(index.r32(), reg32(isa::kR3));
  as_.cmp(index.r32(), static_cast<std::int32_t>(op.entries));
  as_.short_().jae(none);
  as_.cmp(count, kMaxTailCalls);
  as_.short_().jae(none);
  load_immediate(target, bindings_.map_values[op.map]);
  as_.mov(target, x86::ptr(target, index, 3));
  as_.test(target, target);
  as_.short_().jz(none);
  as_.inc(count);
  as_.mov(image, x86::ptr(target, offsetof(TailTarget, image)));
  as_.mov(env(offsetof(Env, image), 8), image);
  charge(at_);
  as_.mov(x86::rdx, kEnv);
  restore_frame();
  if (harden_.retpolines) {
    as_.mov(kTemp, x86::ptr(target, offsetof(TailTarget, entry)));
    jump_indirect();
  } else {
    as_.jmp(x86::ptr(target, offsetof(TailTarget, entry)));
  }
  resume_frame();
  as_.bind(none);
}

/// Env::tail_call says where to go on. r0 stays what it was if there is nothing.
void Emitter::ask_for_tail_call() {
  const asmjit::Label none = as_.newLabel();
  // Where rbp is r10, the caller's stack pointer is known by it.
  const bool by_rsp = !plan_.functions[function_].uses(isa::kR10);
  guard_arguments();
  as_.push(x86::rdi);
  if (by_rsp) cfa(x86::rsp, pushed_ + frame_bytes_ + 8);
  as_.push(x86::rax);
  if (by_rsp) cfa(x86::rsp, pushed_ + frame_bytes_ + 16);
  as_.mov(x86::rdi, kEnv);
  if (harden_.retpolines) {
    as_.mov(kTemp, env(offsetof(Env, tail_call), 8));
    call_indirect(kTemp);
  } else {
    as_.call(env(offsetof(Env, tail_call), 8));
  }
  fence();
  as_.mov(kTemp, x86::rax);
  as_.pop(x86::rax);
  if (by_rsp) cfa(x86::rsp, pushed_ + frame_bytes_ + 8);
  as_.pop(x86::rdi);
  if (by_rsp) cfa(x86::rsp, pushed_ + frame_bytes_);
  as_.test(kTemp, kTemp);
  as_.short_().jz(none);
  charge(at_);
  as_.mov(x86::rdx, kEnv);
  restore_frame();
  jump_indirect();
  resume_frame();
  as_.bind(none);
}

void Emitter::emit(const lower::Illegal&) {
  set_trap(Trap::kIllegal);
  leave();
}

/// invoke(env, function, args): r12 is the only register that the called function expects and does not restore.
void Emitter::emit_invoke() {
  map_.invoke(as_.offset());
  map_.row(as_.offset(), kNoOp);
  pushed_ = 8;
  push(kEnv);
  as_.mov(kEnv, x86::rdi);
  as_.mov(x86::rax, x86::rsi);
  as_.mov(kTemp, x86::rdx);
  const std::array<Gp, 5> args = {x86::rdi, x86::rsi, x86::rdx, x86::rcx, x86::r8};
  for (std::size_t i = 0; i < args.size(); ++i) as_.mov(args[i], x86::ptr(kTemp, static_cast<std::int32_t>(8 * i)));
  clear_state();
  call_indirect(x86::rax);
  pop(kEnv, pushed_);
  as_.ret();
}

std::optional<std::size_t> Emitter::emit_trampolines() {
  std::optional<std::size_t> invoke;
  if (plan_.invokes) {
    as_.align(asmjit::AlignMode::kCode, 16);
    invoke = as_.offset();
    emit_invoke();
  }
  emit_retpoline();
  return invoke;
}

}  // namespace skep::jit::x86_64
