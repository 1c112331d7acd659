// SPDX-License-Identifier: Apache-2.0
// Propagation along control: an operand that is a constant becomes an immediate, a copy its original; what is computed
// from constants is computed now; masks, extensions and divisor tests that change nothing go. Where ways meet that lead
// forwards, what all of them know stays known; at the head of a loop, what is known of registers that the loop does not
// write, and which bits its counters may have.
#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <vector>

#include "base/inline_visit.h"
#include "isa/semantics.h"
#include "lower/optimize/loops.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

constexpr std::uint64_t kAll = ~std::uint64_t{0};
/// All bits below the highest one that is set.
std::uint64_t filled(std::uint64_t ones) { return ones == 0 ? 0 : kAll >> std::countl_zero(ones); }
std::uint64_t low_bits(unsigned count) { return count >= 64 ? kAll : (std::uint64_t{1} << count) - 1; }
std::uint64_t all_of(Width width) { return low_bits(isa::bits(width)); }

/// What is known of one register.
struct Known {
  std::optional<std::uint64_t> constant{};
  Reg copy_of = kNoReg;       ///< All 64 bits are that register's.
  std::uint64_t ones = kAll;  ///< The others are 0.
};
Known constant(std::uint64_t value) { return {.constant = value, .ones = value}; }

/// What is known at one place.
struct State {
  std::array<Known, kRegs> known{};
  RegSet copied = 0;                    // Originals of copies that are known.
  RegSet nonzero = 0, nonzero_low = 0;  // Whole registers, low halves.

  /// Keeps what `other` knows as well.
  void meet(const State& other) {
    nonzero &= other.nonzero;
    nonzero_low &= other.nonzero_low;
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (known[i].constant != other.known[i].constant) known[i].constant = std::nullopt;
      if (!(known[i].copy_of == other.known[i].copy_of)) known[i].copy_of = kNoReg;
      known[i].ones |= other.known[i].ones;
    }
  }
  /// Nothing is known of these any more.
  void forget(RegSet regs) {
    nonzero &= static_cast<RegSet>(~regs);
    nonzero_low &= static_cast<RegSet>(~regs);
    for (std::uint8_t reg = 0; reg < kRegs; ++reg) {
      if (contains(regs, Reg{reg})) {
        known[reg] = {};
      } else if (contains(regs, known[reg].copy_of)) {
        known[reg].copy_of = kNoReg;
      }
    }
  }
};

/// Bits that a counter may have at the head of a loop that is run `trips` times, where it begins with `start`.
std::uint64_t counted(const Known& start, const Stepper& stepper, std::uint64_t trips) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  const std::uint64_t first = start.constant.value_or(filled(start.ones));
  const std::uint64_t way = static_cast<std::uint64_t>(std::abs(stepper.step)) * (trips - 1);
  const bool down = stepper.step < 0;
  if (down ? !start.constant || first < way : first > kMost) return kAll;
  const std::uint64_t most = down ? first : first + way;
  if (most > all_of(stepper.width)) return kAll;
  const auto zeros = static_cast<unsigned>(
      std::min(std::countr_zero(start.ones), std::countr_zero(static_cast<std::uint64_t>(stepper.step))));
  return filled(most) & ~low_bits(zeros);
}

class Propagation {
 public:
  explicit Propagation(Graph& graph) : graph_(graph), loops_(graph) {}

  void run() {
    find_meetings();
    for (at_ = 0; at_ < graph_.size(); ++at_) {
      if (graph_.is_target(at_)) arrive();
      Op op = graph_.op(at_);
      inline_visit([this](auto& any) { visit(any); }, op);
      if (!graph_.continues(at_)) reached_ = false;
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
    add_up(op);
    if (changes_nothing(op)) {
      graph_.replace(at_, Nop{});
      return;
    }
    if (masks_count(op)) return graph_.replace(at_, Nop{});
    const auto src = value_of(op.src, op.width);
    const bool long_copy = op.op == AluOp::kMov && std::holds_alternative<Reg>(op.src);
    const auto dst = ignores_dst(op.op) ? std::optional<std::uint64_t>(0) : now_.known[op.dst.index].constant;
    if (src && dst && !long_copy) {
      const std::uint64_t result = isa::eval(op.op, op.width, *dst, *src);
      op = {.op = AluOp::kMov,
            .width = Width::k64,
            .divisor = {},
            .dst = op.dst,
            .src = Imm{static_cast<std::int64_t>(result)}};
      if (!(before == op)) graph_.replace(at_, op);
      return write(op.dst, constant(result));
    }
    Known after{.ones = ones_after(op)};
    if (op.op == AluOp::kAdd && dst && (op.width == Width::k32 || fits_int32(static_cast<std::int64_t>(*dst)))) {
      graph_.replace(at_, Sum{.width = op.width,
                              .dst = op.dst,
                              .base = std::get<Reg>(op.src),
                              .offset = static_cast<std::int32_t>(*dst)});
      return write(op.dst, after);
    }
    if (!(before == op)) graph_.replace(at_, op);
    // Of masks and factors: bits asks for these.
    if (src && std::holds_alternative<Reg>(op.src) && (op.op == AluOp::kAnd || op.op == AluOp::kMul))
      graph_.note_wide_constant(at_, *src);
    if (op.op == AluOp::kMov && (op.width == Width::k64 || bits(std::get<Reg>(op.src)) <= 32)) {
      const Reg from = std::get<Reg>(op.src);
      after = now_.known[from.index];
      if (after.copy_of == kNoReg) after.copy_of = from;
      if (after.copy_of == op.dst) after.copy_of = kNoReg;
    }
    write(op.dst, after);
  }
  void visit(ByteSwap& op) {
    const bool truncates = op.order == isa::ByteOrder::kToLittle;
    if (truncates && bits(op.dst) <= op.bits) return graph_.replace(at_, Nop{});
    if (const auto value = now_.known[op.dst.index].constant) {
      const std::uint64_t result = isa::swap_bytes(op.order, op.bits, *value);
      graph_.replace(at_, Alu{.op = AluOp::kMov,
                              .width = Width::k64,
                              .divisor = {},
                              .dst = op.dst,
                              .src = Imm{static_cast<std::int64_t>(result)}});
      return write(op.dst, constant(result));
    }
    write(op.dst, {.ones = low_bits(op.bits) & (truncates ? now_.known[op.dst.index].ones : kAll)});
  }
  void visit(Load& op) {
    if (original(op.base) != op.base) {
      op.base = original(op.base);
      graph_.replace(at_, op);
    }
    const bool sign = op.extend == isa::Extend::kSign && op.size != isa::Size::k64;
    write(op.dst, {.ones = sign ? kAll : low_bits(8 * isa::bytes(op.size))});
  }
  void visit(Store& op) {
    const Store before = op;
    op.base = original(op.base);
    if (const Reg* src = std::get_if<Reg>(&op.src)) {
      const auto constant = now_.known[src->index].constant;
      if (constant && !op.swap && op.ordering == Ordering::kRelaxed &&
          (op.size != isa::Size::k64 || fits_int32(static_cast<std::int64_t>(*constant)))) {
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
      const auto constant = now_.known[src->index].constant;
      const auto imm = constant ? immediate(*constant, op.width) : std::nullopt;
      op.src = imm ? Operand(*imm) : Operand(original(*src));
    }
    const auto dst = now_.known[op.dst.index].constant, src = value_of(op.src, op.width);
    if (dst && src) {
      if (isa::compare(op.op, op.width, *dst, *src) == op.unless) return graph_.replace(at_, Nop{});
      leave_for(op.target);
      reached_ = false;
      return graph_.replace(at_, Jump{op.target});
    }
    leave_for(op.target);
    if (!(before.dst == op.dst) || !(before.src == op.src)) graph_.replace(at_, op);
    // Behind a test for 0 that was not taken.
    const auto* imm = std::get_if<Imm>(&op.src);
    if (imm != nullptr && imm->value == 0 && op.op == isa::JmpOp::kEq && !op.unless)
      (op.width == Width::k64 ? now_.nonzero : now_.nonzero_low) |= set_of(op.dst);
  }
  template <class Other>
  void visit(const Other& op) {
    if (graph_.branches(at_)) leave_for(*target_of(graph_.op(at_)));
    const RegSet writes = effects_of(op).writes;
    for (std::uint8_t reg = 0; reg < kRegs; ++reg)
      if (contains(writes, Reg{reg})) write(Reg{reg}, {.ones = ones_after(op)});
  }

  /// Bits from this one on are 0.
  [[nodiscard]] unsigned bits(Reg reg) const {
    return static_cast<unsigned>(std::bit_width(now_.known[reg.index].ones));
  }

  /// Bits that may be set in what the op leaves in dst.
  [[nodiscard]] std::uint64_t ones_after(const Alu& op) const {
    const std::uint64_t word = all_of(op.width);
    const Imm* imm = std::get_if<Imm>(&op.src);
    const std::uint64_t dst = now_.known[op.dst.index].ones & word;
    const std::uint64_t src =
        imm == nullptr ? now_.known[std::get<Reg>(op.src).index].ones & word : *value_of(op.src, op.width);
    const unsigned count = imm == nullptr ? 0u : static_cast<unsigned>(src & (isa::bits(op.width) - 1u));
    const auto width = [](std::uint64_t ones) { return static_cast<unsigned>(std::bit_width(ones)); };
    const auto zeros = [](std::uint64_t ones) { return static_cast<unsigned>(std::countr_zero(ones)); };
    const auto between = [&](unsigned low, unsigned high) { return word & low_bits(high) & ~low_bits(low); };
    switch (op.op) {
      case AluOp::kAdd:
        if ((dst & src) == 0) return dst | src;  // Nothing carries.
        return between(std::min(zeros(dst), zeros(src)), std::max(width(dst), width(src)) + 1);
      case AluOp::kMul:
        return between(zeros(dst) + zeros(src), width(dst) + width(src));
      case AluOp::kOr:
      case AluOp::kXor:
        return dst | src;
      case AluOp::kAnd:
        return dst & src;
      case AluOp::kLsh:
        return imm == nullptr ? word : dst << count & word;
      case AluOp::kRsh:
        return imm == nullptr ? filled(dst) : dst >> count;
      case AluOp::kDiv:
      case AluOp::kMod:
        return filled(dst);
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
    return kAll;
  }
  static std::uint64_t ones_after(const Rotate& op) { return all_of(op.width); }
  static std::uint64_t ones_after(const Sum& op) { return all_of(op.width); }
  static std::uint64_t ones_after(const AddWithCarry& op) { return all_of(op.width); }
  static std::uint64_t ones_after(const CountBits&) { return low_bits(7); }
  template <class Other>
  static std::uint64_t ones_after(const Other&) {
    return kAll;
  }

  /// Shifts look at the low bits of their count only.
  [[nodiscard]] bool masks_count(const Alu& op) {
    constexpr Label kReach = 4;
    const Imm* imm = std::get_if<Imm>(&op.src);
    if (op.op != AluOp::kAnd || imm == nullptr) return false;
    for (Label at = at_ + 1; at < graph_.size() && at <= at_ + kReach && !graph_.is_target(at); ++at) {
      const Effects effects = graph_.effects(at);
      if (contains(effects.reads, op.dst)) {
        const Alu* shift = graph_.get<Alu>(at);
        if (shift == nullptr || !shifts(shift->op) || !(shift->src == Operand(op.dst)) || shift->dst == op.dst)
          return false;
        const std::uint64_t counts = isa::bits(shift->width) - 1;
        return (static_cast<std::uint64_t>(imm->value) & counts) == counts && graph_.dead_after(at, op.dst);
      }
      if (contains(effects.writes, op.dst) || graph_.branches(at) || !graph_.continues(at)) return false;
    }
    return false;
  }
  static bool shifts(AluOp op) { return op == AluOp::kLsh || op == AluOp::kRsh || op == AluOp::kArsh; }

  /// True of ops that leave every register as it is.
  [[nodiscard]] bool changes_nothing(const Alu& op) const {
    const Imm* imm = std::get_if<Imm>(&op.src);
    if (op.width == Width::k32 && bits(op.dst) > 32) return false;
    if (op.op == AluOp::kMov) return op.src == Operand(op.dst);
    using enum AluOp;
    const auto constant = value_of(op.src, op.width);
    if (op.op == kAnd && constant) return (now_.known[op.dst.index].ones & ~*constant) == 0;
    if (imm == nullptr) return false;
    const std::uint64_t value = *constant;
    if (op.op == kAdd || op.op == kSub || op.op == kOr || op.op == kXor) return value == 0;
    if (shifts(op.op)) return (value & (isa::bits(op.width) - 1u)) == 0;
    return (op.op == kMul || op.op == kDiv) && value == 1;
  }

  void note_divisor(Alu& op) const {
    if (op.op != AluOp::kDiv && op.op != AluOp::kMod) return;
    const Reg src = std::get<Reg>(op.src);
    // A 32-bit division looks at the low half only.
    const bool whole = contains(now_.nonzero, src), low = contains(now_.nonzero_low, src) || (whole && bits(src) <= 32);
    if (op.width == Width::k64 ? whole : low) op.divisor = Divisor::kNonZero;
  }

  /// Of small numbers, half the width takes half the time.
  void narrow_division(Alu& op) const {
    const Imm* imm = std::get_if<Imm>(&op.src);
    if ((op.op == AluOp::kDiv || op.op == AluOp::kMod) && imm != nullptr && imm->value > 0 && bits(op.dst) <= 32)
      op.width = Width::k32;
  }

  /// Small numbers without a bit in common are added, so that an address can take them up.
  void add_up(Alu& op) const {
    if (op.op != AluOp::kOr && op.op != AluOp::kXor) return;
    constexpr std::uint64_t kSmall = 0x7fffffff;
    const auto constant = value_of(op.src, op.width);
    const std::uint64_t dst = now_.known[op.dst.index].ones,
                        src = constant ? *constant : now_.known[std::get<Reg>(op.src).index].ones;
    if ((dst & src) != 0 || (dst | src) > kSmall) return;
    op.op = AluOp::kAdd;
  }

  /// The operand's value as `width` sees it.
  [[nodiscard]] std::optional<std::uint64_t> value_of(const Operand& operand, Width width) const {
    std::optional<std::uint64_t> value;
    if (const Imm* imm = std::get_if<Imm>(&operand)) {
      value = static_cast<std::uint64_t>(imm->value);
    } else {
      value = now_.known[std::get<Reg>(operand).index].constant;
    }
    if (value && width == Width::k32) *value &= 0xffffffff;
    return value;
  }
  static std::optional<Imm> immediate(std::uint64_t value, Width width) {
    if (width == Width::k32) return Imm{static_cast<std::int32_t>(value)};
    if (fits_int32(static_cast<std::int64_t>(value))) return Imm{static_cast<std::int64_t>(value)};
    return std::nullopt;
  }
  /// What an Alu op may take instead of `src`.
  [[nodiscard]] Operand operand(Reg src, const Alu& op) const {
    const bool extends = op.op == AluOp::kMovSx8 || op.op == AluOp::kMovSx16 || op.op == AluOp::kMovSx32;
    if (const auto constant = now_.known[src.index].constant; constant && !extends) {
      const std::uint64_t value = shifts(op.op) ? *constant & (isa::bits(op.width) - 1) : *constant;
      if (const auto imm = immediate(value, op.width)) return *imm;
    }
    return original(src);
  }
  [[nodiscard]] Reg original(Reg reg) const {
    const Reg from = now_.known[reg.index].copy_of;
    return from == kNoReg ? reg : from;
  }

  void write(Reg reg, const Known& known) {
    if (contains(now_.copied, reg)) {
      for (Known& other : now_.known)
        if (other.copy_of == reg) other.copy_of = kNoReg;
      now_.copied &= static_cast<RegSet>(~set_of(reg));
    }
    now_.known[reg.index] = known;
    now_.copied |= set_of(known.copy_of);
    now_.nonzero &= static_cast<RegSet>(~set_of(reg));
    now_.nonzero_low &= static_cast<RegSet>(~set_of(reg));
  }

  /// Functions know nothing when they begin.
  void find_meetings() {
    meetings_.assign(graph_.size(), 0);
    for (const Function& function : graph_.code().functions) meetings_[function.entry] = kUnknown;
  }
  /// What is known now is known at `target`, too, if all other ways there know it. Ways back have no say (arrive()).
  void leave_for(Label target) {
    std::uint32_t& meeting = meetings_[target];
    if (!reached_ || meeting == kUnknown || target <= at_) return;
    if (meeting == 0) {
      states_.push_back(now_);
      meeting = static_cast<std::uint32_t>(states_.size());
    } else {
      states_[meeting - 1].meet(now_);
    }
  }
  void arrive() {
    if (meetings_[at_] == kUnknown) {
      now_ = {};
    } else if (loops_.begins(at_)) {
      enter_loop();
    } else {
      meet(at_);
      if (!reached_) now_ = {};
    }
    now_.copied = 0;
    for (const Known& known : now_.known) now_.copied |= set_of(known.copy_of);
    reached_ = true;
  }
  /// With what is known on the other ways to `at`, so far. False: there are none.
  bool meet(Label at) {
    if (meetings_[at] == 0 || meetings_[at] == kUnknown) return false;
    const State& there = states_[meetings_[at] - 1];
    if (reached_) {
      now_.meet(there);
    } else {
      now_ = there;
    }
    reached_ = true;
    return true;
  }
  /// Whoever comes to its head has come into the loop in one of the ways from before it, and has not left it since.
  void enter_loop() {
    const auto loop = loops_.extent(at_);
    if (!loop) {
      now_ = {};
      return;
    }
    meet(at_);
    bool ways_behind = false;
    for (Label at = loop->head + 1; at <= loop->last; ++at) ways_behind = meet(at) || ways_behind;
    if (!reached_) now_ = {};
    const State before = now_;
    now_.forget(loop->written);
    if (!ways_behind) count(*loop, before);
  }
  void count(const Extent& loop, const State& before) {
    const auto count = loops_.count(loop);
    const auto start = count ? before.known[count->tested.index].constant : std::nullopt;
    const auto trips = start ? count->trips(*start) : std::nullopt;
    if (!trips) return;
    for (std::uint8_t reg = 0; reg < kRegs; ++reg)
      if (const Stepper& stepper = count->steppers[reg]; stepper.step != 0)
        now_.known[reg].ones = counted(before.known[reg], stepper, *trips);
  }

  static constexpr std::uint32_t kUnknown = ~0u;

  Graph& graph_;
  Loops loops_;
  Label at_ = 0;
  State now_;
  bool reached_ = true;                  // Something leads to the op.
  std::vector<std::uint32_t> meetings_;  // By label: 1 + its place in states_; 0: nothing led there so far.
  std::vector<State> states_;
};

}  // namespace

void propagate(Graph& graph) { Propagation(graph).run(); }

}  // namespace skep::lower::passes
