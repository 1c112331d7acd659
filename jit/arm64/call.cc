// SPDX-License-Identifier: Apache-2.0
// Frames and calls. All functions of an image follow AAPCS64 with r1 to r5 in x0 to x4 and the result in x0, and expect
// Env* in x23; the entry function is an EntryFn. A frame saves only what the function uses, in pairs:
// [x29 x30] [x23] x19 x20 x21 x22 x25 | x25 = r10 | stack_bytes, rounded up to 16.
#include <array>
#include <cstddef>

#include "jit/arm64/emitter.h"
#include "skep/env.h"

namespace skep::jit::arm64 {

namespace a64 = asmjit::a64;

namespace {

constexpr std::array kPreserved = {isa::Reg{6}, isa::Reg{7}, isa::Reg{8}, isa::Reg{9}, isa::kR10};

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
  saved_.clear();
  if (function.calls) saved_.insert(saved_.end(), {a64::x29, a64::x30});
  if (saves_env) saved_.push_back(kEnv);
  for (const isa::Reg reg : kPreserved)
    if (function.uses(reg)) saved_.push_back(reg64(reg));
  frame_bytes_ = function.uses(isa::kR10) ? (function.stack_bytes + 15) / 16 * 16 : 0;

  as_.bind(functions_[index]);
  map_.function(as_.offset());
  map_.row(as_.offset(), kNoOp);
  for (std::size_t i = 0; i < saved_.size(); i += 2) {
    const a64::Mem push = a64::ptr_pre(a64::sp, -16);
    if (i + 1 < saved_.size()) {
      as_.stp(saved_[i], saved_[i + 1], push);
    } else {
      as_.str(saved_[i], push);
    }
    const auto pushed = static_cast<std::uint32_t>(8 * i + 16);
    cfa(a64::sp, pushed);
    for (std::size_t j = i; j < saved_.size() && j < i + 2; ++j)
      map_.frame(as_.offset(), FrameStep::Kind::kSaved, saved_[j].id(), static_cast<std::int32_t>(8 * (2 * i + 2 - j)));
    if (i == 0 && function.calls) as_.mov(a64::x29, a64::sp);
  }
  if (saves_env) as_.mov(kEnv, a64::x2);
  if (function.uses(isa::kR10)) {
    as_.mov(reg64(isa::kR10), a64::sp);
    cfa(reg64(isa::kR10), saved_bytes());
  }
  if (frame_bytes_ != 0) as_.sub(a64::sp, a64::sp, frame_bytes_);
  if (index == 0) clear_state();
}

void Emitter::bind(lower::Label at) {
  at_ = at;
  map_.row(as_.offset(), at);
  if (plan_.marks[at] != Mark::kNone) as_.bind(label(at));
}

void Emitter::cfa(const Gp& base, std::uint32_t bytes) {
  map_.frame(as_.offset(), FrameStep::Kind::kCfa, base.id(), static_cast<std::int32_t>(bytes));
}

void Emitter::restore_frame() {
  map_.frame(as_.offset(), FrameStep::Kind::kRemember);
  if (frame_bytes_ != 0) as_.add(a64::sp, a64::sp, frame_bytes_);
  if (plan_.functions[function_].uses(isa::kR10)) cfa(a64::sp, saved_bytes());
  for (std::size_t i = (saved_.size() + 1) / 2 * 2; i > 0; i -= 2) {
    const a64::Mem pop = a64::ptr_post(a64::sp, 16);
    if (i <= saved_.size()) {
      as_.ldp(saved_[i - 2], saved_[i - 1], pop);
    } else {
      as_.ldr(saved_[i - 2], pop);
    }
    cfa(a64::sp, static_cast<std::uint32_t>(8 * i - 16));
    for (std::size_t j = i - 2; j < saved_.size() && j < i; ++j)
      map_.frame(as_.offset(), FrameStep::Kind::kRestored, saved_[j].id());
  }
}

void Emitter::resume_frame() { map_.frame(as_.offset(), FrameStep::Kind::kResume); }

void Emitter::leave() {
  as_.mov(a64::x0, reg64(isa::kR0));
  restore_frame();
  as_.ret(a64::x30);
  resume_frame();
}

void Emitter::emit(const lower::Return&) {
  check_limits(at_);
  leave();
}

void Emitter::leave_if_trapped() {
  const asmjit::Label go_on = as_.newLabel();
  as_.ldrb(kTemp.w(), a64::ptr(kEnv, offsetof(Env, trap)));
  if (harden_.mask_speculation) {
    as_.cmp(kTemp.w(), 0);
    as_.b_eq(go_on);
  } else {
    as_.cbz(kTemp.w(), go_on);
  }
  as_.b(leave_);  // Reaches farther than cbnz.
  as_.bind(go_on);
  if (harden_.mask_speculation) poison_unless(asmjit::arm::CondCode::kEQ);
  leave_used_ = true;
}

void Emitter::call(std::uint64_t target) {
  constexpr std::int64_t kReach = std::int64_t{1} << 27;
  const auto distance = static_cast<std::int64_t>(target - (base_ + as_.offset()));
  if (distance >= -kReach && distance < kReach) {
    as_.bl(asmjit::Imm(target));
  } else {
    load_immediate(kTemp, target);
    as_.blr(kTemp);
  }
}

void Emitter::emit(const lower::CallHelper& op) {
  guard_arguments();
  as_.mov(a64::x5, kEnv);
  call(bindings_.helpers[op.index]);
  fence();
  as_.mov(reg64(isa::kR0), a64::x0);
  if (may_trap(code_.helpers[op.index])) leave_if_trapped();
}

void Emitter::emit(const lower::CallLocal& op) {
  as_.bl(function_label(op.target));
  as_.mov(reg64(isa::kR0), a64::x0);
  if (plan_.traps) leave_if_trapped();
}

/// Where the program goes on, r1 and the run are the arguments of an EntryFn, and this frame is gone. The slot is read
/// in the one order of all sequentially consistent accesses (vm/tail_targets.h counts on that), which is what ldar
/// does.
void Emitter::emit(const lower::TailCall& op) {
  if (op.map == lower::kUnknownMap || harden_.mask_speculation) return ask_for_tail_call();
  const asmjit::Label none = as_.newLabel();
  const Gp index = kStatus, count = kOld.w(), target = kTemp;
  as_.mov(index.w(), reg32(isa::kR3));
  load_immediate(target, op.entries);
  as_.cmp(index.w(), target.w());
  as_.b_hs(none);
  as_.ldr(count, a64::ptr(kEnv, offsetof(Env, tail_calls)));
  as_.cmp(count, kMaxTailCalls);
  as_.b_hs(none);
  load_immediate(target, bindings_.map_values[op.map]);
  as_.add(target, target, index, a64::lsl(3));
  as_.ldar(target, a64::ptr(target));
  as_.cbz(target, none);
  as_.add(count, count, 1);
  as_.str(count, a64::ptr(kEnv, offsetof(Env, tail_calls)));
  as_.ldr(kNew, a64::ptr(target, offsetof(TailTarget, image)));
  as_.str(kNew, a64::ptr(kEnv, offsetof(Env, image)));
  as_.ldr(target, a64::ptr(target, offsetof(TailTarget, entry)));
  charge(at_);
  as_.mov(a64::x2, kEnv);
  restore_frame();
  as_.br(target);
  resume_frame();
  as_.bind(none);
}

/// Env::tail_call says where to go on. r0 stays what it was if there is nothing.
void Emitter::ask_for_tail_call() {
  const asmjit::Label none = as_.newLabel();
  // Where x25 is r10, the caller's stack pointer is known by it.
  const bool by_sp = !plan_.functions[function_].uses(isa::kR10);
  guard_arguments();
  as_.stp(a64::x0, reg64(isa::kR0), a64::ptr_pre(a64::sp, -16));
  if (by_sp) cfa(a64::sp, saved_bytes() + 16);
  as_.mov(a64::x0, kEnv);
  as_.ldr(kTemp, a64::ptr(kEnv, offsetof(Env, tail_call)));
  as_.blr(kTemp);
  fence();
  as_.mov(kTemp, a64::x0);
  as_.ldp(a64::x0, reg64(isa::kR0), a64::ptr_post(a64::sp, 16));
  if (by_sp) cfa(a64::sp, saved_bytes());
  as_.cbz(kTemp, none);
  charge(at_);
  as_.mov(a64::x2, kEnv);
  restore_frame();
  as_.br(kTemp);
  resume_frame();
  as_.bind(none);
}

void Emitter::emit(const lower::Illegal&) {
  set_trap(Trap::kIllegal);
  leave();
}

/// invoke(env, function, args): x23 is the only register that the called function expects and does not restore.
void Emitter::emit_invoke() {
  map_.invoke(as_.offset());
  map_.row(as_.offset(), kNoOp);
  as_.stp(a64::x29, a64::x30, a64::ptr_pre(a64::sp, -16));
  cfa(a64::sp, 16);
  map_.frame(as_.offset(), FrameStep::Kind::kSaved, a64::x29.id(), 16);
  map_.frame(as_.offset(), FrameStep::Kind::kSaved, a64::x30.id(), 8);
  as_.mov(a64::x29, a64::sp);
  as_.str(kEnv, a64::ptr_pre(a64::sp, -16));
  cfa(a64::sp, 32);
  map_.frame(as_.offset(), FrameStep::Kind::kSaved, kEnv.id(), 32);
  as_.mov(kEnv, a64::x0);
  as_.mov(kTemp, a64::x1);
  as_.mov(kOld, a64::x2);
  as_.ldp(a64::x0, a64::x1, a64::ptr(kOld, 0));
  as_.ldp(a64::x2, a64::x3, a64::ptr(kOld, 16));
  as_.ldr(a64::x4, a64::ptr(kOld, 32));
  clear_state();
  as_.blr(kTemp);
  as_.ldr(kEnv, a64::ptr_post(a64::sp, 16));
  cfa(a64::sp, 16);
  map_.frame(as_.offset(), FrameStep::Kind::kRestored, kEnv.id());
  as_.ldp(a64::x29, a64::x30, a64::ptr_post(a64::sp, 16));
  cfa(a64::sp, 0);
  map_.frame(as_.offset(), FrameStep::Kind::kRestored, a64::x29.id());
  map_.frame(as_.offset(), FrameStep::Kind::kRestored, a64::x30.id());
  as_.ret(a64::x30);
}

std::optional<std::size_t> Emitter::emit_trampolines() {
  if (!plan_.invokes) return std::nullopt;
  const std::size_t invoke = as_.offset();
  emit_invoke();
  return invoke;
}

}  // namespace skep::jit::arm64
