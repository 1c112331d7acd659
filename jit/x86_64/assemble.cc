// SPDX-License-Identifier: Apache-2.0
// Bounds of what each op takes, and the run of the emitter over a program.
#include "base/overloaded.h"
#include "jit/listing.h"
#include "jit/translate.h"
#include "jit/x86_64/emitter.h"

namespace skep::jit::x86_64 {
namespace {

/// Limits and masks: what jit/limits.h and jit/harden.h add. The function: alignment, prologue, epilogues for traps.
constexpr Padding kPadding{.function = 15 + 32 + 25 + 20,
                           .loop_head = alignment(Mark::kTightLoop) - 1,
                           .limits = 32,
                           .mask = {.branch = 20, .load = 3, .helper = 36, .fence = 6}};

bool is_byte(std::int64_t value) { return value >= -128 && value <= 127; }
/// REX, two bytes of opcode, ModRM and a displacement.
std::uint32_t access_bound(std::int32_t offset) { return 4 + (is_byte(offset) ? 1u : 4u); }

/// Access: lower::Load, lower::Store or lower::Sum.
template <class Access>
std::uint32_t indexed_bound(const Access& op) {
  // r12 as a base takes the byte of an index, too.
  return access_bound(op.offset) + (op.index == lower::kNoReg && !(op.base == kSpareEnv) ? 0 : 1);
}

/// Whether the code of the op needs kTemp2.
bool uses_temp2(const lower::Op& op) {
  if (const auto* alu = std::get_if<lower::Alu>(&op)) return lower::divides(alu->op);
  if (const auto* rotate = std::get_if<lower::Rotate>(&op)) return std::holds_alternative<lower::Reg>(rotate->count);
  return std::holds_alternative<lower::CountBits>(op) || std::holds_alternative<lower::Atomic>(op);
}

/// The most bytes that an op takes; tight for the frequent ones. An op that a copy was left to may take the three bytes
/// of the copy besides.
struct Bound {
  std::uint32_t operator()(const lower::Alu& op) const {
    using enum isa::AluOp;
    const auto* imm = std::get_if<lower::Imm>(&op.src);
    switch (op.op) {
      case kSub:
        // Of a copy, it adds 128.
        if (imm != nullptr && imm->value == -128) return 7;
        [[fallthrough]];
      case kAdd:
      case kOr:
      case kAnd:
      case kXor:
        return imm == nullptr ? 3 : is_byte(imm->value) ? 4 : 7;
      case kMul:
        return imm == nullptr ? 4 : 9;
      case kDiv:
      case kSDiv:
      case kMod:
      case kSMod:
        return 80;
      case kLsh:
      case kRsh:
      case kArsh:
        // Of a copy, an address without a base: eight bytes.
        return imm == nullptr ? 12 : imm->value == 2 || imm->value == 3 ? 5 : 4;
      case kMov:
        return imm == nullptr ? 3 : imm->value == static_cast<std::int32_t>(imm->value) ? 7 : 10;
      case kNeg:
      case kMovSx8:
      case kMovSx16:
      case kMovSx32:
        return 4;
    }
    return 80;
  }
  std::uint32_t operator()(const lower::ByteSwap&) const { return 9; }
  std::uint32_t operator()(const lower::LoadSymbol&) const { return 10; }
  std::uint32_t operator()(const lower::LoadEnv&) const { return 9; }
  std::uint32_t operator()(const lower::Load& op) const { return indexed_bound(op) + (op.swap ? 9 : 0); }
  std::uint32_t operator()(const lower::Store& op) const {
    return indexed_bound(op) + (std::holds_alternative<lower::Imm>(op.src) ? 4 : 0) + (op.swap ? 8 : 0);
  }
  std::uint32_t operator()(const lower::Atomic& op) const {
    const bool loops =
        op.op == isa::AtomicOp::kFetchAnd || op.op == isa::AtomicOp::kFetchOr || op.op == isa::AtomicOp::kFetchXor;
    return loops ? 52 : 5 + access_bound(op.offset);
  }
  std::uint32_t operator()(const lower::Branch& op) const {
    const auto* imm = std::get_if<lower::Imm>(&op.src);
    // test has no form with a sign-extended byte.
    const bool short_form = imm != nullptr && is_byte(imm->value) && (op.op != isa::JmpOp::kSet || imm->value >= 0);
    return 6 + (imm == nullptr ? 3 : short_form ? 4 : 7);
  }
  std::uint32_t operator()(const lower::Jump&) const { return 5; }
  std::uint32_t operator()(const lower::CallHelper&) const { return 33; }
  std::uint32_t operator()(const lower::CallLocal&) const { return 17; }
  std::uint32_t operator()(const lower::TailCall&) const { return 124; }
  std::uint32_t operator()(const lower::Return&) const { return 20; }
  std::uint32_t operator()(const lower::Illegal&) const { return 28; }
  std::uint32_t operator()(const lower::Nop&) const { return 0; }
  std::uint32_t operator()(const lower::Sum& op) const { return indexed_bound(op); }
  std::uint32_t operator()(const lower::Rotate& op) const {
    return std::holds_alternative<lower::Imm>(op.count) ? 7 : 20;
  }
  std::uint32_t operator()(const lower::CountBits&) const { return 32; }
  std::uint32_t operator()(const lower::AddWithCarry&) const { return 7; }
  std::uint32_t operator()(const lower::AluLoad& op) const { return indexed_bound(op); }
  std::uint32_t operator()(const lower::Update& op) const {
    return indexed_bound(op) + (std::holds_alternative<lower::Imm>(op.src) ? 4 : 0);
  }
  std::uint32_t operator()(const lower::BranchLoad& op) const {
    return 6 + indexed_bound(op) + (std::holds_alternative<lower::Imm>(op.src) ? 4 : 0);
  }
  std::uint32_t operator()(const lower::Clear& op) const { return 8 + (op.bytes / 16 + 2) * 10; }
  std::uint32_t operator()(const lower::Copy& op) const { return 4 + (op.bytes / 16 + 2) * 20; }
};

}  // namespace

lower::Spares spares(const CompileOptions& options) {
  const bool limited = options.limits.budget || options.limits.stop;
  const auto of = [](auto... regs) { return static_cast<lower::RegSet>((lower::set_of(regs) | ...)); };
  return {.regs = static_cast<lower::RegSet>(of(kSpareTemp, kSpareFrame) | (limited ? 0 : of(kSpareEnv))),
          .frame = of(kSpareFrame),
          .saved = of(isa::Reg{6}, isa::Reg{7}, isa::Reg{8}, isa::Reg{9}, kSpareEnv, kSpareFrame),
          .lost = [](const lower::Op& op) { return uses_temp2(op) ? lower::set_of(kSpareTemp) : lower::RegSet{0}; }};
}

Plan plan(const lower::Code& code, const lower::Bindings&, const CompileOptions& options) {
  Plan plan = survey(code, options);
  add_positions(plan, code, kPadding, Bound{});
  return plan;
}

Result<Assembled> assemble(const lower::Code& code, const lower::Bindings& bindings, const Plan& plan,
                           const AssembleOptions& options) {
  asmjit::CodeHolder holder;
  Recorder recorder(holder, asmjit::Environment(asmjit::Arch::kX64), options);
  Emitter emitter(holder, code, bindings, plan, options);
  translate(code, plan, emitter);
  const std::optional<std::size_t> invoke = emitter.emit_trampolines();
  return recorder.finish(invoke, emitter.take_map());
}

}  // namespace skep::jit::x86_64
