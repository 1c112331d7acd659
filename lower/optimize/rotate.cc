// SPDX-License-Identifier: Apache-2.0
// eBPF has no rotation, so that compilers spell it out: (x << n) | (x >> (bits - n)). The result is one Rotate in the
// place of the `or`, or, where x is shifted in its own register, in the place of that shift; what then has no reader
// goes with dead code. The same for extensions of a register's low bits, spelled as two shifts.
#include <optional>

#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

bool is_shift(AluOp op) { return op == AluOp::kLsh || op == AluOp::kRsh; }

/// By how much a shift moves; by a register: the value that counts.
struct Count {
  std::optional<std::uint32_t> constant;
  Value value;
};

struct Shift {
  const Alu* op = nullptr;
  Label at = 0;
  Value in;  // What is shifted.
};

class Rotations {
 public:
  explicit Rotations(Graph& graph) : graph_(graph), back_(graph) {}

  void run() {
    for (Label at = 0; at < graph_.size(); ++at) {
      const Alu* alu = graph_.get<Alu>(at);
      const bool shifts = alu != nullptr && is_shift(alu->op);
      const RegSet writes = graph_.effects(at).writes;
      if (alu != nullptr && shifted_.has(alu->dst)) visit(at, *alu);
      shifted_.note(writes, shifts);
    }
  }

 private:
  /// The register that it writes was shifted before.
  void visit(Label at, const Alu& alu) {
    if (alu.op == AluOp::kOr || alu.op == AluOp::kXor || alu.op == AluOp::kAdd) {
      const Reg* other = std::get_if<Reg>(&alu.src);
      if (other != nullptr && shifted_.has(*other)) combine(at, alu);
    } else if (alu.op == AluOp::kRsh || alu.op == AluOp::kArsh) {
      if (std::holds_alternative<Imm>(alu.src)) extend(at, alu);
    }
  }

  [[nodiscard]] std::optional<Shift> shift_of(Value value, Width width) const {
    const auto at = back_.def(value);
    const Alu* alu = at ? graph_.get<Alu>(*at) : nullptr;
    if (alu == nullptr || !is_shift(alu->op) || alu->width != width) return std::nullopt;
    return Shift{.op = alu, .at = *at, .in = back_.origin({alu->dst, *at}, width)};
  }

  static std::uint32_t constant(const Alu& shift) {
    return static_cast<std::uint32_t>(std::get<Imm>(shift.src).value) & (isa::bits(shift.width) - 1);
  }

  /// How far left the two shifts rotate together.
  [[nodiscard]] std::optional<Operand> count_of(const Shift& a, const Shift& b, Label root) const {
    const Shift& left = a.op->op == AluOp::kLsh ? a : b;
    const Shift& right = a.op->op == AluOp::kLsh ? b : a;
    const std::uint32_t bits = isa::bits(left.op->width);
    const bool by_constant = std::holds_alternative<Imm>(left.op->src);
    if (by_constant != std::holds_alternative<Imm>(right.op->src)) return std::nullopt;
    if (by_constant) {
      const std::uint32_t one = constant(*left.op), other = constant(*right.op);
      if (one == 0 || one + other != bits) return std::nullopt;
      return Imm{one};
    }
    const Value by_left{std::get<Reg>(left.op->src), left.at}, by_right{std::get<Reg>(right.op->src), right.at};
    // The count of one is the negative of the other's, modulo the width; the shifts mask both.
    if (const auto from = negated(by_right, bits); from && same_count(*from, by_left, bits))
      return register_count(by_left, root);
    if (const auto from = negated(by_left, bits); from && same_count(*from, by_right, bits))
      return register_count(by_left, root);
    return std::nullopt;
  }
  [[nodiscard]] bool same_count(Value a, Value b, std::uint32_t bits) const {
    return back_.same(unmasked(back_.origin(a, Width::k32), bits), unmasked(back_.origin(b, Width::k32), bits));
  }
  /// The register that holds a count, if it still does where the rotation is to be.
  [[nodiscard]] std::optional<Operand> register_count(Value count, Label root) const {
    if (back_.holds(count, root)) return count.reg;
    const Value from = back_.origin(count, Width::k32);
    if (back_.holds(from, root)) return from.reg;
    return std::nullopt;
  }
  /// Sees through `count &= bits - 1`, which the shift does by itself.
  [[nodiscard]] Value unmasked(Value count, std::uint32_t bits) const {
    const auto at = back_.def(count);
    const Alu* mask = at ? graph_.get<Alu>(*at) : nullptr;
    const Imm* imm = mask != nullptr && mask->op == AluOp::kAnd ? std::get_if<Imm>(&mask->src) : nullptr;
    if (imm == nullptr || (static_cast<std::uint64_t>(imm->value) & (bits - 1)) != bits - 1) return count;
    return back_.origin({mask->dst, *at}, Width::k32);
  }
  /// n where the value is bits - n or -n, possibly masked.
  [[nodiscard]] std::optional<Value> negated(Value count, std::uint32_t bits) const {
    count = unmasked(back_.origin(count, Width::k32), bits);
    const auto at = back_.def(count);
    const Alu* alu = at ? graph_.get<Alu>(*at) : nullptr;
    if (alu == nullptr) return std::nullopt;
    if (alu->op == AluOp::kNeg) return Value{alu->dst, *at};
    if (alu->op == AluOp::kSub && std::holds_alternative<Reg>(alu->src)) {
      const auto start = back_.def({alu->dst, *at});
      const Alu* constant = start ? graph_.get<Alu>(*start) : nullptr;
      const Imm* imm = constant != nullptr && constant->op == AluOp::kMov ? std::get_if<Imm>(&constant->src) : nullptr;
      if (imm != nullptr && imm->value % bits == 0) return Value{std::get<Reg>(alu->src), *at};
    }
    return std::nullopt;
  }

  void combine(Label at, const Alu& root) {
    const Reg other = std::get<Reg>(root.src);
    if (other == root.dst) return;
    const auto a = shift_of({root.dst, at}, root.width);
    if (!a) return;
    const auto b = shift_of({other, at}, root.width);
    if (!b || a->op->op == b->op->op || !back_.same(a->in, b->in)) return;
    const auto count = count_of(*a, *b, at);
    if (!count) return;
    // With a count from a register that is 0, `add` and `xor` of the two differ from the rotation.
    if (root.op != AluOp::kOr && std::holds_alternative<Reg>(*count)) return;
    const Rotate rotate{.width = root.width, .dst = root.dst, .src = a->in.reg, .count = *count};
    if (back_.holds(a->in, at) && back_.holds(b->in, at)) return graph_.replace(at, rotate);
    for (const Shift& in_place : {*a, *b})
      if (rotate_in_place(in_place, at, root, *count)) return;
  }

  /// The last register that holds the unshifted value is shifted itself: rotate it there instead.
  bool rotate_in_place(const Shift& shift, Label root_at, const Alu& root, const Operand& count) {
    const Reg reg = shift.op->dst;
    if (!(shift.in.reg == reg) || !back_.holds(shift.in, shift.at)) return false;
    if (!back_.unwritten(reg, shift.at, root_at) || !back_.unread(reg, shift.at, root_at)) return false;
    if (const Reg* by = std::get_if<Reg>(&count); by != nullptr && !back_.unwritten(*by, shift.at, root_at))
      return false;
    if (const Reg* by = std::get_if<Reg>(&count); by != nullptr && *by == reg) return false;
    if (!(reg == root.dst) && !graph_.dead_after(root_at, reg)) return false;
    // The other shift may come later and read the same register.
    const Width width = root.width;
    const Reg dst = root.dst;
    graph_.replace(shift.at, Rotate{.width = width, .dst = reg, .src = reg, .count = count});
    if (reg == dst) {
      graph_.replace(root_at, Nop{});
    } else {
      graph_.replace(root_at, Alu{.op = AluOp::kMov, .width = Width::k64, .divisor = {}, .dst = dst, .src = reg});
    }
    return true;
  }

  /// x << n >> n: at most the low half is kept, so that copies of either width may lead here.
  void extend(Label at, const Alu& down) {
    const auto up_at = back_.def({down.dst, at});
    const Alu* up = up_at ? graph_.get<Alu>(*up_at) : nullptr;
    if (up == nullptr || up->op != AluOp::kLsh || up->width != down.width || !std::holds_alternative<Imm>(up->src))
      return;
    if (constant(*up) != constant(down)) return;
    const std::uint32_t kept = isa::bits(down.width) - constant(down);
    Alu result{.op = AluOp::kMov, .width = down.width, .divisor = {}, .dst = down.dst, .src = down.dst};
    if (down.op == AluOp::kArsh) {
      if (kept == isa::bits(down.width) || (kept != 8 && kept != 16 && kept != 32)) return;
      result.op = kept == 8 ? AluOp::kMovSx8 : kept == 16 ? AluOp::kMovSx16 : AluOp::kMovSx32;
    } else {
      if (kept != 32 || down.width == Width::k32) return;
      result.width = Width::k32;
    }
    const Value in = back_.origin({up->dst, *up_at}, Width::k32);
    if (back_.holds(in, at)) {
      result.src = in.reg;
      return graph_.replace(at, result);
    }
    if (!back_.unread(down.dst, *up_at, at)) return;
    graph_.replace(*up_at, result);
    graph_.replace(at, Nop{});
  }

  Graph& graph_;
  Lookback back_;
  LastWritten shifted_;  // By shifts.
};

}  // namespace

void rotate(Graph& graph) { Rotations(graph).run(); }

}  // namespace skep::lower::passes
