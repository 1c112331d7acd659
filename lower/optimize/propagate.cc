// SPDX-License-Identifier: Apache-2.0
// Propagation along straight lines: an operand that is a constant becomes an immediate, a copy its original; what is
// computed from constants is computed now; masks, extensions and divisor tests that change nothing go. Registers are
// known from one branch target to the next.
#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "base/inline_visit.h"
#include "isa/semantics.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

bool fits_int32(std::uint64_t value) {
  return value == static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(value)});
}

/// What is known of one register.
struct Known {
  std::optional<std::uint64_t> constant{};
  Reg copy_of = kNoReg;    ///< All 64 bits are that register's.
  std::uint8_t bits = 64;  ///< Bits from this one on are 0.
};
std::uint8_t bits_of(std::uint64_t value) { return static_cast<std::uint8_t>(std::bit_width(value)); }

class Propagation {
 public:
  explicit Propagation(Graph& graph) : graph_(graph) {}

  void run() {
    for (at_ = 0; at_ < graph_.size(); ++at_) {
      if (graph_.is_target(at_)) forget_all();
      Op op = graph_.op(at_);
      inline_visit([this](auto& any) { visit(any); }, op);
    }
  }

 private:
  // Each visit() rewrites the op if it can, then says what is known after it.
  void visit(Alu& op) {
    const Alu before = op;
    if (Reg* src = std::get_if<Reg>(&op.src)) {
      op.src = operand(*src, op);
      if (std::holds_alternative<Reg>(op.src)) note_divisor(op);
    }
    narrow_division(op);
    if (changes_nothing(op)) {
      graph_.replace(at_, Nop{});
      return;
    }
    const auto src = value_of(op.src, op.width);
    const bool long_copy = op.op == AluOp::kMov && std::holds_alternative<Reg>(op.src);
    const auto dst = ignores_dst(op.op) ? std::optional<std::uint64_t>(0) : known_[op.dst.index].constant;
    if (src && dst && !long_copy) {
      const std::uint64_t result = isa::eval(op.op, op.width, *dst, *src);
      op = {.op = AluOp::kMov,
            .width = Width::k64,
            .divisor = {},
            .dst = op.dst,
            .src = Imm{static_cast<std::int64_t>(result)}};
      if (!(before == op)) graph_.replace(at_, op);
      return write(op.dst, {.constant = result, .bits = bits_of(result)});
    }
    if (!(before == op)) graph_.replace(at_, op);
    Known after{.bits = bits_after(op)};
    if (op.op == AluOp::kMov && (op.width == Width::k64 || known_[std::get<Reg>(op.src).index].bits <= 32)) {
      const Reg from = std::get<Reg>(op.src);
      after = known_[from.index];
      if (after.copy_of == kNoReg) after.copy_of = from;
      if (after.copy_of == op.dst) after.copy_of = kNoReg;
    }
    write(op.dst, after);
  }
  void visit(ByteSwap& op) {
    const std::uint8_t bits =
        op.order == isa::ByteOrder::kToLittle ? std::min(op.bits, known_[op.dst.index].bits) : op.bits;
    if (op.order == isa::ByteOrder::kToLittle && known_[op.dst.index].bits <= op.bits)
      return graph_.replace(at_, Nop{});
    if (const auto value = known_[op.dst.index].constant) {
      const std::uint64_t result = isa::swap_bytes(op.order, op.bits, *value);
      graph_.replace(at_, Alu{.op = AluOp::kMov,
                              .width = Width::k64,
                              .divisor = {},
                              .dst = op.dst,
                              .src = Imm{static_cast<std::int64_t>(result)}});
      return write(op.dst, {.constant = result, .bits = bits_of(result)});
    }
    write(op.dst, {.bits = bits});
  }
  void visit(Load& op) {
    if (original(op.base) != op.base) {
      op.base = original(op.base);
      graph_.replace(at_, op);
    }
    const bool sign = op.extend == isa::Extend::kSign && op.size != isa::Size::k64;
    write(op.dst, {.bits = sign ? std::uint8_t{64} : static_cast<std::uint8_t>(8 * isa::bytes(op.size))});
  }
  void visit(Store& op) {
    const Store before = op;
    op.base = original(op.base);
    if (const Reg* src = std::get_if<Reg>(&op.src)) {
      const auto constant = known_[src->index].constant;
      if (constant && !op.swap && op.ordering == Ordering::kRelaxed &&
          (op.size != isa::Size::k64 || fits_int32(*constant))) {
        op.src = Imm{static_cast<std::int32_t>(*constant)};
      } else {
        op.src = original(*src);
      }
    }
    if (!(before.base == op.base) || !(before.src == op.src)) graph_.replace(at_, op);
  }
  void visit(Branch& op) {
    const Branch before = op;
    op.dst = original(op.dst);
    if (const Reg* src = std::get_if<Reg>(&op.src)) {
      const auto constant = known_[src->index].constant;
      const auto imm = constant ? immediate(*constant, op.width) : std::nullopt;
      op.src = imm ? Operand(*imm) : Operand(original(*src));
    }
    const auto dst = known_[op.dst.index].constant, src = value_of(op.src, op.width);
    if (dst && src) {
      if (isa::compare(op.op, op.width, *dst, *src) != op.unless) {
        graph_.replace(at_, Jump{op.target});
      } else {
        graph_.replace(at_, Nop{});
      }
      return;
    }
    if (!(before.dst == op.dst) || !(before.src == op.src)) graph_.replace(at_, op);
    // Behind a test for 0 that was not taken.
    const auto* imm = std::get_if<Imm>(&op.src);
    if (imm != nullptr && imm->value == 0 && op.op == isa::JmpOp::kEq && !op.unless)
      (op.width == Width::k64 ? nonzero_ : nonzero_low_) |= set_of(op.dst);
  }
  template <class Other>
  void visit(const Other& op) {
    const RegSet writes = effects_of(op).writes;
    for (std::uint8_t reg = 0; reg < kRegs; ++reg)
      if (contains(writes, Reg{reg})) write(Reg{reg}, {.bits = bits_after(op)});
  }

  [[nodiscard]] std::uint8_t bits(Reg reg) const { return known_[reg.index].bits; }

  /// Bits of what the op leaves in dst.
  [[nodiscard]] std::uint8_t bits_after(const Alu& op) const {
    const auto word = static_cast<std::uint8_t>(isa::bits(op.width));
    const auto least = [&](unsigned count) { return static_cast<std::uint8_t>(std::min<unsigned>(word, count)); };
    const std::uint8_t dst = least(bits(op.dst));
    const Imm* imm = std::get_if<Imm>(&op.src);
    const auto value = imm == nullptr ? std::uint64_t{0} : *value_of(op.src, op.width);
    const std::uint8_t src = imm == nullptr ? least(bits(std::get<Reg>(op.src))) : bits_of(value);
    const unsigned count = imm == nullptr ? 0u : static_cast<unsigned>(value & (word - 1u));
    switch (op.op) {
      case AluOp::kAdd:
        return least(std::max(dst, src) + 1u);
      case AluOp::kMul:
        return least(unsigned{dst} + src);
      case AluOp::kOr:
      case AluOp::kXor:
        return std::max(dst, src);
      case AluOp::kAnd:
        return std::min(dst, src);
      case AluOp::kLsh:
        return imm == nullptr ? word : least(dst + count);
      case AluOp::kRsh:
        return imm == nullptr ? dst : static_cast<std::uint8_t>(dst > count ? dst - count : 0u);
      case AluOp::kDiv:
      case AluOp::kMod:
        return dst;
      case AluOp::kMov:
        return src;
      case AluOp::kSub:
      case AluOp::kSDiv:
      case AluOp::kSMod:
      case AluOp::kNeg:
      case AluOp::kArsh:
      case AluOp::kMovSx8:
      case AluOp::kMovSx16:
      case AluOp::kMovSx32:
        return word;
    }
    return 64;
  }
  static std::uint8_t bits_after(const Rotate& op) { return static_cast<std::uint8_t>(isa::bits(op.width)); }
  static std::uint8_t bits_after(const Sum& op) { return static_cast<std::uint8_t>(isa::bits(op.width)); }
  static std::uint8_t bits_after(const AddWithCarry& op) { return static_cast<std::uint8_t>(isa::bits(op.width)); }
  static std::uint8_t bits_after(const CountBits&) { return 7; }
  template <class Other>
  static std::uint8_t bits_after(const Other&) {
    return 64;
  }

  /// True of ops that leave every register as it is.
  [[nodiscard]] bool changes_nothing(const Alu& op) const {
    const Imm* imm = std::get_if<Imm>(&op.src);
    if (op.width == Width::k32 && bits(op.dst) > 32) return false;
    if (op.op == AluOp::kMov) return op.src == Operand(op.dst);
    if (imm == nullptr) return false;
    const std::uint64_t value = *value_of(op.src, op.width);
    using enum AluOp;
    if (op.op == kAnd) return std::countr_one(value) >= bits(op.dst);
    if (op.op == kAdd || op.op == kSub || op.op == kOr || op.op == kXor) return value == 0;
    if (op.op == kLsh || op.op == kRsh || op.op == kArsh) return (value & (isa::bits(op.width) - 1u)) == 0;
    return (op.op == kMul || op.op == kDiv) && value == 1;
  }

  void note_divisor(Alu& op) const {
    if (op.op != AluOp::kDiv && op.op != AluOp::kMod) return;
    const Reg src = std::get<Reg>(op.src);
    // A 32-bit division looks at the low half only.
    const bool whole = contains(nonzero_, src), low = contains(nonzero_low_, src) || (whole && bits(src) <= 32);
    if (op.width == Width::k64 ? whole : low) op.divisor = Divisor::kNonZero;
  }

  /// Of small numbers, half the width takes half the time.
  void narrow_division(Alu& op) const {
    const Imm* imm = std::get_if<Imm>(&op.src);
    if ((op.op == AluOp::kDiv || op.op == AluOp::kMod) && imm != nullptr && imm->value > 0 && bits(op.dst) <= 32)
      op.width = Width::k32;
  }

  /// The operand's value as `width` sees it.
  [[nodiscard]] std::optional<std::uint64_t> value_of(const Operand& operand, Width width) const {
    std::optional<std::uint64_t> value;
    if (const Imm* imm = std::get_if<Imm>(&operand)) {
      value = static_cast<std::uint64_t>(imm->value);
    } else {
      value = known_[std::get<Reg>(operand).index].constant;
    }
    if (value && width == Width::k32) *value &= 0xffffffff;
    return value;
  }
  static std::optional<Imm> immediate(std::uint64_t value, Width width) {
    if (width == Width::k32) return Imm{static_cast<std::int32_t>(value)};
    if (fits_int32(value)) return Imm{static_cast<std::int64_t>(value)};
    return std::nullopt;
  }
  /// What an Alu op may take instead of `src`.
  [[nodiscard]] Operand operand(Reg src, const Alu& op) const {
    const bool extends = op.op == AluOp::kMovSx8 || op.op == AluOp::kMovSx16 || op.op == AluOp::kMovSx32;
    if (const auto constant = known_[src.index].constant; constant && !extends) {
      const bool shifts = op.op == AluOp::kLsh || op.op == AluOp::kRsh || op.op == AluOp::kArsh;
      const std::uint64_t value = shifts ? *constant & (isa::bits(op.width) - 1) : *constant;
      if (const auto imm = immediate(value, op.width)) return *imm;
    }
    return original(src);
  }
  [[nodiscard]] Reg original(Reg reg) const {
    const Reg from = known_[reg.index].copy_of;
    return from == kNoReg ? reg : from;
  }

  void write(Reg reg, const Known& known) {
    if (contains(copied_, reg)) {
      for (Known& other : known_)
        if (other.copy_of == reg) other.copy_of = kNoReg;
      copied_ &= static_cast<RegSet>(~set_of(reg));
    }
    known_[reg.index] = known;
    copied_ |= set_of(known.copy_of);
    nonzero_ &= static_cast<RegSet>(~set_of(reg));
    nonzero_low_ &= static_cast<RegSet>(~set_of(reg));
  }
  void forget_all() {
    known_.fill({});
    nonzero_ = nonzero_low_ = copied_ = 0;
  }

  Graph& graph_;
  Label at_ = 0;
  std::array<Known, kRegs> known_{};
  RegSet copied_ = 0;                     // Originals of copies that are known.
  RegSet nonzero_ = 0, nonzero_low_ = 0;  // Whole registers, low halves.
};

}  // namespace

void propagate(Graph& graph) { Propagation(graph).run(); }

}  // namespace skep::lower::passes
