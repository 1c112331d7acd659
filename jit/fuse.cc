// SPDX-License-Identifier: Apache-2.0
#include "jit/fuse.h"

#include "jit/liveness.h"

namespace skep::jit {
namespace {

using isa::AluOp;
using isa::Width;
using lower::Imm;
using lower::Label;
using lower::Reg;

/// Reads ops from a place on, as long as control cannot come in between.
class Window {
 public:
  Window(const lower::Code& code, const Plan& plan, Label at) : code_(code), plan_(plan), at_(at) {}

  template <class T>
  [[nodiscard]] const T* op(std::uint32_t i) const {
    const Label at = at_ + i;
    if (at >= code_.ops.size() || (i != 0 && plan_.marks[at] != Mark::kNone)) return nullptr;
    return std::get_if<T>(&code_.ops[at]);
  }
  /// An ALU op on registers.
  [[nodiscard]] const lower::Alu* by_reg(std::uint32_t i, AluOp what) const {
    const auto* alu = op<lower::Alu>(i);
    return alu != nullptr && alu->op == what && std::holds_alternative<Reg>(alu->src) ? alu : nullptr;
  }
  [[nodiscard]] const lower::Alu* by_imm(std::uint32_t i, AluOp what) const {
    const auto* alu = op<lower::Alu>(i);
    return alu != nullptr && alu->op == what && std::holds_alternative<Imm>(alu->src) ? alu : nullptr;
  }
  [[nodiscard]] bool dead_behind(std::uint32_t ops, Reg reg) const { return is_dead(code_, at_ + ops, reg); }
  [[nodiscard]] Label at() const { return at_; }

 private:
  const lower::Code& code_;
  const Plan& plan_;
  Label at_;
};

Reg src_reg(const lower::Alu& alu) { return std::get<Reg>(alu.src); }
std::uint32_t count_of(const lower::Alu& shift) {
  return static_cast<std::uint32_t>(std::get<Imm>(shift.src).value) & (isa::bits(shift.width) - 1);
}

const lower::Alu* shift_at(const Window& window, std::uint32_t i) {
  const lower::Alu* left = window.by_imm(i, AluOp::kLsh);
  return left != nullptr ? left : window.by_imm(i, AluOp::kRsh);
}

/// t = x; t >>= n; [d = x;] d <<= bits - n; d |= t  (or with the shifts exchanged), where d may be x itself.
Match match_rotate(const Window& window) {
  const lower::Alu *copy = window.by_reg(0, AluOp::kMov), *first = shift_at(window, 1);
  if (copy == nullptr || first == nullptr || first->dst != copy->dst) return {};
  const Width width = first->width;
  const Reg part = copy->dst, value = src_reg(*copy);
  if (part == value || copy->width != width) return {};
  const lower::Alu* second_copy = window.by_reg(2, AluOp::kMov);
  const std::uint32_t at = second_copy == nullptr ? 2 : 3;
  if (second_copy != nullptr && (src_reg(*second_copy) != value || second_copy->width != width)) return {};
  const Reg dst = second_copy == nullptr ? value : second_copy->dst;
  const lower::Alu *second = shift_at(window, at), *either = window.by_reg(at + 1, AluOp::kOr);
  if (second == nullptr || either == nullptr || dst == part) return {};
  if (second->dst != dst || second->width != width || second->op == first->op) return {};
  const std::uint32_t one = count_of(*first), other = count_of(*second);
  if (either->width != width || one == 0 || one + other != isa::bits(width)) return {};
  // The result is in one of the two parts, and the other is a mere intermediate.
  const Reg result = either->dst, spare = src_reg(*either);
  if (!(result == dst && spare == part) && !(result == part && spare == dst)) return {};
  const Rotate rotate{.width = width, .dst = result, .src = value, .count = first->op == AluOp::kLsh ? one : other};
  if (window.dead_behind(at + 2, spare)) return {.ops = at + 2, .fused = rotate};
  if (spare == part) return {.ops = at + 2, .fused = RotateAndShift{.shift = *first, .rotate = rotate}};
  return {};
}

/// d = x; d <<= 32; d >>= 32 and the like: extensions of the low bits.
Match match_extension(const Window& window) {
  const lower::Alu* copy = window.by_reg(0, AluOp::kMov);
  const std::uint32_t at = copy == nullptr ? 0 : 1;
  const lower::Alu* up = window.by_imm(at, AluOp::kLsh);
  if (up == nullptr) return {};
  const lower::Alu *zero = window.by_imm(at + 1, AluOp::kRsh), *sign = window.by_imm(at + 1, AluOp::kArsh);
  const lower::Alu* down = zero != nullptr ? zero : sign;
  if (down == nullptr || down->dst != up->dst || down->width != up->width || count_of(*down) != count_of(*up))
    return {};
  // At most the low half is kept, so that the width of the copy does not matter.
  if (copy != nullptr && copy->dst != up->dst) return {};
  lower::Alu alu{.op = AluOp::kMov,
                 .width = up->width,
                 .divisor = {},
                 .dst = up->dst,
                 .src = copy == nullptr ? up->dst : src_reg(*copy)};
  const std::uint32_t kept = isa::bits(up->width) - count_of(*up);
  if (sign != nullptr) {
    if (kept != 8 && kept != 16 && kept != 32) return {};
    if (kept == isa::bits(up->width)) return {};
    alu.op = kept == 8 ? AluOp::kMovSx8 : kept == 16 ? AluOp::kMovSx16 : AluOp::kMovSx32;
  } else {
    if (kept != 32 || up->width == Width::k32) return {};
    alu.width = Width::k32;
  }
  return {.ops = at + 2, .fused = alu};
}

/// The load at `i`, when it is through the register `address` and nobody else needs that.
const lower::Load* load_through(const Window& window, std::uint32_t i, Reg address) {
  const auto* load = window.op<lower::Load>(i);
  if (load == nullptr || load->base != address || load->ordering != lower::Ordering::kRelaxed) return nullptr;
  return load->dst == address || window.dead_behind(i + 1, address) ? load : nullptr;
}

/// d = x; d += y, and the load behind it where that is all the sum is for.
Match match_sum(const Window& window) {
  const lower::Alu* copy = window.by_reg(0, AluOp::kMov);
  const auto* add = window.op<lower::Alu>(1);
  if (copy == nullptr || add == nullptr || add->op != AluOp::kAdd || add->dst != copy->dst) return {};
  if (copy->width == Width::k32 && add->width == Width::k64) return {};
  const Reg left = src_reg(*copy);
  if (left == copy->dst) return {};
  const auto* right = std::get_if<Reg>(&add->src);
  // After the copy, the register added may be the copy.
  const lower::Operand addend = right != nullptr && *right == copy->dst ? lower::Operand(left) : add->src;
  if (right != nullptr && add->width == Width::k64)
    if (const lower::Load* load = load_through(window, 2, copy->dst)) {
      IndexedLoad indexed{.load = *load, .index = std::get<Reg>(addend), .shift = 0};
      indexed.load.base = left;
      return {.ops = 3, .fused = indexed};
    }
  return {.ops = 2, .fused = Sum{.width = add->width, .dst = copy->dst, .left = left, .right = addend}};
}

/// if c goto out; goto top: which is how LLVM ends loops.
Match match_branch(const Window& window) {
  const auto* branch = window.op<lower::Branch>(0);
  const auto* jump = window.op<lower::Jump>(1);
  if (branch == nullptr || jump == nullptr) return {};
  const bool skips = branch->target == window.at() + 2;
  const bool ends_loop = branch->target > window.at() && jump->target <= window.at();
  if (!skips && !ends_loop) return {};
  return {.ops = 2, .fused = BranchUnless{.branch = *branch, .otherwise = jump->target}};
}

}  // namespace

Match match(const lower::Code& code, const Plan& plan, Label at) {
  const Window window(code, plan, at);
  if (std::holds_alternative<lower::Branch>(code.ops[at])) return match_branch(window);
  if (!std::holds_alternative<lower::Alu>(code.ops[at])) return {};
  for (const auto matcher : {match_rotate, match_extension, match_sum})
    if (Match found = matcher(window); found.ops != 0) return found;
  return {};
}

}  // namespace skep::jit
