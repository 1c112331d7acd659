// SPDX-License-Identifier: Apache-2.0
// Bounds of what each op takes, and the run of the emitter over a program.
#include "jit/arm64/emitter.h"
#include "jit/listing.h"
#include "jit/translate.h"

namespace skep::jit::arm64 {
namespace {

/// Limits and masks: what jit/limits.h and jit/harden.h add. The function: prologue and the epilogues for traps.
constexpr Padding kPadding{
    .function = 80 + 20, .loop_head = 0, .limits = 56, .mask = {.branch = 24, .load = 4, .helper = 48, .fence = 0}};

/// The most bytes that an op takes.
struct Bound {
  std::uint32_t operator()(const lower::Alu& op) const {
    if (op.divisor == lower::Divisor::kConstant) return 48;
    return std::holds_alternative<lower::Imm>(op.src) ? 16 : 8;
  }
  std::uint32_t operator()(const lower::ByteSwap&) const { return 8; }
  std::uint32_t operator()(const lower::LoadSymbol&) const { return 16; }
  std::uint32_t operator()(const lower::LoadEnv&) const { return 4; }
  std::uint32_t operator()(const lower::Load&) const { return 24; }
  std::uint32_t operator()(const lower::Store& op) const {
    return 20 + (std::holds_alternative<lower::Imm>(op.src) ? 16 : 0);
  }
  std::uint32_t operator()(const lower::Atomic&) const { return 44; }
  std::uint32_t operator()(const lower::Branch&) const { return 24; }
  std::uint32_t operator()(const lower::Jump&) const { return 4; }
  std::uint32_t operator()(const lower::CallHelper&) const { return 40; }
  std::uint32_t operator()(const lower::CallLocal&) const { return 20; }
  std::uint32_t operator()(const lower::TailCall&) const { return 128; }
  std::uint32_t operator()(const lower::Return&) const { return 32; }
  std::uint32_t operator()(const lower::Illegal&) const { return 40; }
  std::uint32_t operator()(const lower::Nop&) const { return 0; }
  std::uint32_t operator()(const lower::Sum&) const { return 24; }
  std::uint32_t operator()(const lower::Rotate&) const { return 8; }
  std::uint32_t operator()(const lower::CountBits&) const { return 20; }
  std::uint32_t operator()(const lower::AddWithCarry&) const { return 8; }
  std::uint32_t operator()(const lower::AluLoad&) const { return 28; }
  std::uint32_t operator()(const lower::Update&) const { return 48; }
  std::uint32_t operator()(const lower::BranchLoad&) const { return 56; }
  std::uint32_t operator()(const lower::Clear& op) const { return 20 + (op.bytes / 16 + 1) * 4; }
  std::uint32_t operator()(const lower::Copy& op) const { return 40 + (op.bytes / 16 + 1) * 8; }
};

}  // namespace

Plan plan(const lower::Code& code, const lower::Bindings&, const CompileOptions& options) {
  Plan plan = survey(code, options);
  add_positions(plan, code, kPadding, Bound{});
  return plan;
}

Result<Assembled> assemble(const lower::Code& code, const lower::Bindings& bindings, const Plan& plan,
                           const AssembleOptions& options) {
  asmjit::CodeHolder holder;
  Recorder recorder(holder, asmjit::Environment(asmjit::Arch::kAArch64), options);
  Emitter emitter(holder, code, bindings, plan, options);
  translate(code, plan, emitter);
  const std::optional<std::size_t> invoke = emitter.emit_trampolines();
  return recorder.finish(invoke, emitter.take_map());
}

}  // namespace skep::jit::arm64
