// SPDX-License-Identifier: Apache-2.0
#include "lower/harden/blind.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "lower/effects.h"
#include "lower/optimize/rename.h"

namespace skep::lower {
namespace {

using isa::AluOp;
using isa::Width;

/// Rewriting of contexts may add a little to the 16 bits of an instruction.
constexpr std::int32_t kLargest = 0x8fff;
constexpr auto has_large_offset = [](const auto& op) {
  const auto large = [](std::int32_t offset) { return offset < -kLargest || offset > kLargest; };
  if constexpr (requires { op.from_offset; }) {
    return large(op.from_offset) || large(op.to_offset);
  } else if constexpr (requires {
                         op.base;
                         op.offset;
                       } &&
                       !std::is_same_v<std::decay_t<decltype(op)>, Sum>) {
    return large(op.offset);
  } else {
    return false;
  }
};

/// Writes what stands for an op, op by op.
class Blinder {
 public:
  Blinder(Code& out, const std::function<std::uint64_t()>& random) : out_(out), random_(random) {}

  void rewrite(const Op& op, InsnIndex origin) {
    origin_ = origin;
    // What names kScratch already is lowering's own, and so are its constants.
    bool names_scratch = false;
    Op copy = op;
    for_each_register(copy, [&](const Reg& reg) { names_scratch = names_scratch || reg == kScratch; });
    if (names_scratch) return emit(op);
    std::visit(*this, op);
  }

  void operator()(const Alu& op) {
    const auto* imm = std::get_if<Imm>(&op.src);
    const bool counts_bits = op.op == AluOp::kLsh || op.op == AluOp::kRsh || op.op == AluOp::kArsh;
    if (imm == nullptr || counts_bits || op.op == AluOp::kNeg) return emit(op);
    if (op.op == AluOp::kMov) return build(op.dst, op.width, imm->value);
    build(kScratch, op.width, imm->value);
    Alu blind = op;
    blind.src = kScratch;
    if (op.divisor == Divisor::kConstant) blind.divisor = Divisor::kNonZero;
    emit(blind);
  }
  void operator()(const Sum& op) {
    if (op.offset == 0) return emit(op);
    build(kScratch, Width::k64, op.offset);
    Sum blind = op;
    blind.offset = 0;
    emit(blind);
    emit(Alu{.op = AluOp::kAdd, .width = op.width, .divisor = {}, .dst = op.dst, .src = kScratch});
  }
  /// The number of its map's entries is the author's, too: native code asks instead of comparing with it.
  void operator()(const TailCall&) { emit(TailCall{}); }
  template <class Other>
  void operator()(const Other& op) {
    if constexpr (requires { op.src.index(); }) {
      const auto* imm = std::get_if<Imm>(&op.src);
      if (imm == nullptr) return emit(op);
      build(kScratch, Width::k64, imm->value);
      Other blind = op;
      blind.src = kScratch;
      emit(blind);
    } else {
      emit(op);
    }
  }

 private:
  void emit(const Op& op) {
    out_.ops.push_back(op);
    out_.origin.push_back(origin_);
  }

  /// dst = value, from two halves.
  void build(Reg dst, Width width, std::int64_t value) {
    const bool is_wide = value != static_cast<std::int32_t>(value);
    std::uint64_t key = 0;
    while (key == 0) key = is_wide ? random_() : random_() & 0xffffffff;
    const auto word = static_cast<std::uint64_t>(value) ^ key;
    const auto half = [&](std::uint64_t bits) {
      return Imm{is_wide ? static_cast<std::int64_t>(bits)
                         : static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(bits)))};
    };
    const auto alu = [&](AluOp op, Width of, Reg to, Operand src) {
      emit(Alu{.op = op, .width = of, .divisor = {}, .dst = to, .src = src});
    };
    alu(AluOp::kMov, width, dst, half(word));
    if (!is_wide) return alu(AluOp::kXor, width, dst, half(key));
    // Only moves have operands of 64 bits. dst is not kScratch: no other op has such an operand.
    alu(AluOp::kMov, Width::k64, kScratch, half(key));
    alu(AluOp::kXor, Width::k64, dst, kScratch);
  }

  Code& out_;
  const std::function<std::uint64_t()>& random_;
  InsnIndex origin_ = 0;
};

}  // namespace

Result<Code> blind_constants(const Code& code, const std::function<std::uint64_t()>& random) {
  if (std::ranges::any_of(code.ops, [](const Op& op) { return std::visit(has_large_offset, op); }))
    return Error{Errc::kUnsupported, "a constant in an address cannot be blinded"};
  Code out;
  out.helpers = code.helpers;
  out.helper_maps = code.helper_maps;
  out.functions = code.functions;
  std::vector<Label> moved(code.ops.size());
  Blinder blinder(out, random);
  for (Label at = 0; at < code.ops.size(); ++at) {
    moved[at] = static_cast<Label>(out.ops.size());
    blinder.rewrite(code.ops[at], code.origin[at]);
  }
  for (Function& function : out.functions) function.entry = moved[function.entry];
  for (Op& op : out.ops) {
    if (Label* target = target_of(op)) *target = moved[*target];
    if (auto* call = std::get_if<CallLocal>(&op)) call->target = moved[call->target];
    if (auto* symbol = std::get_if<LoadSymbol>(&op); symbol != nullptr && symbol->kind == SymbolKind::kFunction)
      symbol->index = moved[symbol->index];
  }
  return out;
}

}  // namespace skep::lower
