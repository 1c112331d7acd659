// SPDX-License-Identifier: Apache-2.0
// lower::Code -> slots, one for one.
#include <algorithm>
#include <cassert>

#include "base/address.h"
#include "base/overloaded.h"
#include "base/unreachable.h"
#include "lower/env_field.h"
#include "vm/interpreter/compiled.h"

namespace skep::interpreter {
namespace {

using isa::Width;
using lower::Imm;
using lower::Operand;

const Imm* as_imm(const Operand& operand) { return std::get_if<Imm>(&operand); }
std::uint8_t src_index(const Operand& operand) {
  const auto* reg = std::get_if<lower::Reg>(&operand);
  return reg == nullptr ? std::uint8_t{0} : reg->index;
}
std::uint64_t imm_value(const Operand& operand) {
  const Imm* imm = as_imm(operand);
  return imm == nullptr ? 0 : static_cast<std::uint64_t>(imm->value);
}

/// The forms of one operation lie side by side: 64Imm, 64Reg, 32Imm, 32Reg.
Opcode form(Opcode imm64, Width width, const Operand& src) {
  const unsigned step = (width == Width::k64 ? 0u : 2u) + (as_imm(src) != nullptr ? 0u : 1u);
  return static_cast<Opcode>(static_cast<unsigned>(imm64) + step);
}
Opcode opcode_of(isa::AluOp op) {
  switch (op) {
#define ISA_ALU(name, ...)  \
  case isa::AluOp::k##name: \
    return Opcode::k##name##64Imm;
#include "skep/tables/opcodes.def"
  }
  unreachable();
}
Opcode opcode_of(isa::JmpOp op) {
  switch (op) {
#define ISA_JMP(name, ...)  \
  case isa::JmpOp::k##name: \
    return Opcode::kIf##name##64Imm;
#include "skep/tables/opcodes.def"
  }
  unreachable();
}
Opcode opcode_of(isa::AtomicOp op, isa::Size size) {
  switch (op) {
#define ISA_ATOMIC(name, ...)  \
  case isa::AtomicOp::k##name: \
    return size == isa::Size::k64 ? Opcode::kAtomic##name##64 : Opcode::kAtomic##name##32;
#include "skep/tables/opcodes.def"
  }
  unreachable();
}
template <class Op>
std::uint64_t index_of(const Op& op) {
  if (op.index == lower::kNoReg) return kZeroReg;
  return op.index.index | std::uint64_t{op.shift} << kShiftOfIndex;
}
Opcode load_opcode(const lower::Load& op) {
  const bool indexed = !(op.index == lower::kNoReg);
  const bool acquire = op.ordering == lower::Ordering::kAcquireRelease;
  const bool sign = op.extend == isa::Extend::kSign;
  switch (op.size) {
#define ISA_SIZE(bits, ...)                                                                   \
  case isa::Size::k##bits:                                                                    \
    if (op.swap) return sign ? Opcode::kLoadSwappedSigned##bits : Opcode::kLoadSwapped##bits; \
    if (indexed) return sign ? Opcode::kLoadIndexedSigned##bits : Opcode::kLoadIndexed##bits; \
    return acquire ? Opcode::kLoadAcquire##bits : sign ? Opcode::kLoadSigned##bits : Opcode::kLoad##bits;
#include "skep/tables/opcodes.def"
  }
  unreachable();
}
Opcode store_opcode(const lower::Store& op) {
  const bool release = op.ordering == lower::Ordering::kAcquireRelease;
  const bool imm = as_imm(op.src) != nullptr, indexed = !(op.index == lower::kNoReg);
  switch (op.size) {
#define ISA_SIZE(bits, ...)                                                                        \
  case isa::Size::k##bits:                                                                         \
    if (op.swap) return Opcode::kStoreSwapped##bits;                                               \
    if (indexed) return imm ? Opcode::kStoreIndexed##bits##Imm : Opcode::kStoreIndexed##bits##Reg; \
    return release ? Opcode::kStoreRelease##bits : imm ? Opcode::kStore##bits##Imm : Opcode::kStore##bits##Reg;
#include "skep/tables/opcodes.def"
  }
  unreachable();
}
Opcode swap_opcode(const lower::ByteSwap& op) {
  if (op.order == isa::ByteOrder::kToLittle)
    return op.bits == 16 ? Opcode::kTruncate16 : op.bits == 32 ? Opcode::kTruncate32 : Opcode::kMov64Reg;
  return op.bits == 16 ? Opcode::kSwap16 : op.bits == 32 ? Opcode::kSwap32 : Opcode::kSwap64;
}

class Compiler {
 public:
  Compiler(const lower::Code& code, const lower::Bindings& bindings, Compiled& out)
      : code_(code), bindings_(bindings), out_(out) {}

  Slot slot(std::uint32_t at) {
    at_ = at;
    return std::visit(*this, code_.ops[at]);
  }

  Slot operator()(const lower::Alu& op) const {
    return {.opcode = form(opcode_of(op.op), op.width, op.src),
            .dst = op.dst.index,
            .src = src_index(op.src),
            .imm = imm_value(op.src)};
  }
  Slot operator()(const lower::Nop&) const { return {.opcode = Opcode::kNop}; }
  Slot operator()(const lower::Sum& op) const {
    return {.opcode = op.width == Width::k64 ? Opcode::kSum64 : Opcode::kSum32,
            .dst = op.dst.index,
            .src = op.base.index,
            .offset = op.offset,
            .imm = index_of(op)};
  }
  Slot operator()(const lower::Rotate& op) const {
    return {.opcode = form(Opcode::kRotate64Imm, op.width, op.count),
            .dst = op.dst.index,
            .src = op.src.index,
            .imm = as_imm(op.count) != nullptr ? imm_value(op.count) : src_index(op.count)};
  }
  Slot operator()(const lower::CountBits& op) const {
    const auto what = static_cast<unsigned>(op.what);
    return {.opcode = static_cast<Opcode>(static_cast<unsigned>(Opcode::kOnes64) + 2 * what +
                                          (op.width == Width::k64 ? 0u : 1u)),
            .dst = op.dst.index,
            .src = op.src.index};
  }
  Slot operator()(const lower::AddWithCarry& op) const {
    return {.opcode = op.width == Width::k64 ? Opcode::kAddWithCarry64 : Opcode::kAddWithCarry32,
            .dst = op.dst.index,
            .src = op.src.index};
  }
  Slot operator()(const lower::AluLoad& op) const { return {.opcode = Opcode::kWide, .imm = wide(op)}; }
  Slot operator()(const lower::Update& op) const { return {.opcode = Opcode::kWide, .imm = wide(op)}; }
  Slot operator()(const lower::BranchLoad& op) const {
    return {.opcode = Opcode::kIfMemory, .offset = distance(op.target), .imm = wide(op)};
  }
  Slot operator()(const lower::Clear& op) const {
    return {.opcode = Opcode::kClear, .dst = op.base.index, .offset = op.offset, .imm = op.bytes};
  }
  Slot operator()(const lower::Copy& op) const {
    return {.opcode = Opcode::kCopy,
            .dst = op.to.index,
            .src = op.from.index,
            .offset = op.to_offset,
            .imm = static_cast<std::uint32_t>(op.from_offset) | std::uint64_t{op.bytes} << kAboveImmediate};
  }
  Slot operator()(const lower::ByteSwap& op) const {
    return {.opcode = swap_opcode(op), .dst = op.dst.index, .src = op.dst.index};
  }
  Slot operator()(const lower::LoadSymbol& op) const {
    return {.opcode = Opcode::kMov64Imm, .dst = op.dst.index, .imm = address(op)};
  }
  Slot operator()(const lower::LoadEnv& op) const {
    const lower::EnvFieldInfo field = lower::info(op.field);
    return {.opcode = field.size == isa::Size::k64 ? Opcode::kLoadEnv64 : Opcode::kLoadEnv32,
            .dst = op.dst.index,
            .offset = field.offset};
  }
  Slot operator()(const lower::Load& op) const {
    return {
        .opcode = load_opcode(op), .dst = op.dst.index, .src = op.base.index, .offset = op.offset, .imm = index_of(op)};
  }
  Slot operator()(const lower::Store& op) const {
    Slot slot{.opcode = store_opcode(op),
              .dst = op.base.index,
              .src = src_index(op.src),
              .offset = op.offset,
              .imm = imm_value(op.src)};
    if (op.index == lower::kNoReg && !op.swap) return slot;
    slot.imm = as_imm(op.src) == nullptr ? index_of(op)
                                         : static_cast<std::uint32_t>(slot.imm) | index_of(op) << kAboveImmediate;
    return slot;
  }
  Slot operator()(const lower::Atomic& op) const {
    return {.opcode = opcode_of(op.op, op.size), .dst = op.base.index, .src = op.reg.index, .offset = op.offset};
  }
  Slot operator()(const lower::Branch& op) const {
    assert(!op.unless || op.op == isa::JmpOp::kSet);
    return {.opcode = form(op.unless ? Opcode::kUnlessSet64Imm : opcode_of(op.op), op.width, op.src),
            .dst = op.dst.index,
            .src = src_index(op.src),
            .offset = distance(op.target),
            .imm = imm_value(op.src)};
  }
  Slot operator()(const lower::Jump& op) const { return {.opcode = Opcode::kGoto, .offset = distance(op.target)}; }
  Slot operator()(const lower::CallHelper& op) const {
    return {.opcode = Opcode::kCallHelper,
            .offset = static_cast<std::int32_t>(op.index),
            .imm = bindings_.helpers[op.index]};
  }
  Slot operator()(const lower::CallLocal& op) const {
    return {.opcode = Opcode::kCallLocal, .offset = distance(op.target), .imm = address_of(&function(op.target))};
  }
  Slot operator()(lower::TailCall) const { return {.opcode = Opcode::kTailCall}; }
  Slot operator()(lower::Return) const { return {.opcode = Opcode::kReturn}; }
  Slot operator()(lower::Illegal) const { return {.opcode = Opcode::kIllegal}; }

 private:
  [[nodiscard]] std::uint64_t wide(const lower::Op& op) const {
    out_.wide.push_back(op);
    return address_of(&out_.wide.back());
  }
  [[nodiscard]] std::int32_t distance(lower::Label target) const {
    return static_cast<std::int32_t>(static_cast<std::int64_t>(target) - at_);
  }
  [[nodiscard]] const Function& function(lower::Label entry) const {
    return *std::ranges::lower_bound(out_.functions, entry, {}, &Function::first);
  }
  [[nodiscard]] std::uint64_t address(const lower::LoadSymbol& op) const {
    switch (op.kind) {
      case lower::SymbolKind::kMap:
        return bindings_.maps[op.index];
      case lower::SymbolKind::kMapValue:
        return bindings_.map_values[op.index] + static_cast<std::uint64_t>(std::int64_t{op.offset});
      case lower::SymbolKind::kFunction:
        return address_of(&function(op.index));
    }
    unreachable();
  }

  const lower::Code& code_;
  const lower::Bindings& bindings_;
  Compiled& out_;
  std::uint32_t at_ = 0;
};

}  // namespace

std::unique_ptr<Compiled> compile(const lower::Code& code, const lower::Bindings& bindings, const Platform& platform,
                                  std::vector<std::shared_ptr<Map>> maps, Counting counting) {
  auto out = std::make_unique<Compiled>();
  out->maps = std::move(maps);
  out->origin = code.origin;
  out->helpers = code.helpers;
  for (const std::int32_t id : code.helpers) out->protos.push_back(platform.helper(id));
  for (const lower::Function& function : code.functions)
    out->functions.push_back({.code = out.get(), .first = function.entry, .stack_bytes = function.stack_bytes});
  // Their addresses must stay.
  const auto is_wide = [](const lower::Op& op) {
    return std::holds_alternative<lower::AluLoad>(op) || std::holds_alternative<lower::Update>(op) ||
           std::holds_alternative<lower::BranchLoad>(op);
  };
  out->wide.reserve(static_cast<std::size_t>(std::ranges::count_if(code.ops, is_wide)));
  Compiler compiler(code, bindings, *out);
  out->slots.reserve(code.ops.size());
  for (std::uint32_t at = 0; at < code.ops.size(); ++at) out->slots.push_back(compiler.slot(at));
  if (counting == Counting::kOn) out->counters = std::make_unique<Counter[]>(out->slots.size());
  return out;
}

}  // namespace skep::interpreter
