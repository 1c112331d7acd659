// SPDX-License-Identifier: Apache-2.0
// Checksums add in ones' complement: sum += word; sum += sum < word. eBPF has no carry, so that the comparison becomes
// a diamond of branches around `carry = 1` and `carry = 0`. Where nothing else leads into it, one AddWithCarry in the
// place of the first addition does all of it.
#include <optional>

#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::JmpOp;
using isa::Width;

/// sum = add; carry = 1; if <sum less than what was added> goto join; carry = 0; join: sum += carry.
struct Diamond {
  Label add = 0, one = 0, branch = 0, zero = 0, join = 0, second = 0;
  Reg sum, carry;
};

class Carries {
 public:
  explicit Carries(Graph& graph) : graph_(graph), back_(graph) {}

  void run() {
    for (Label at = 0; at + 2 < graph_.size(); ++at) {
      const Branch* branch = graph_.get<Branch>(at);
      if (branch == nullptr || branch->unless || !std::holds_alternative<Reg>(branch->src)) continue;
      const Reg src = std::get<Reg>(branch->src);
      if (branch->op == JmpOp::kLt) {
        visit(at, branch->dst, src);
      } else if (branch->op == JmpOp::kGt) {
        visit(at, src, branch->dst);
      }
    }
  }

 private:
  /// `sum` is compared with `part`.
  void visit(Label branch, Reg sum, Reg part) {
    const auto diamond = match(branch, sum, part);
    if (!diamond) return;
    const Alu add = *graph_.get<Alu>(diamond->add);
    graph_.replace(diamond->add, AddWithCarry{.width = add.width, .dst = add.dst, .src = std::get<Reg>(add.src)});
    if (back_.unread(diamond->carry, diamond->one, branch)) graph_.replace(diamond->one, Nop{});
    graph_.replace(diamond->branch, Nop{});
    graph_.replace(diamond->zero, Nop{});
    if (graph_.get<Alu>(diamond->second)->dst == sum) return graph_.replace(diamond->second, Nop{});
    graph_.replace(diamond->second,
                   Alu{.op = AluOp::kMov, .width = Width::k64, .divisor = {}, .dst = diamond->carry, .src = sum});
  }

  std::optional<Diamond> match(Label branch, Reg sum, Reg part) {
    Diamond found{
        .add = 0, .one = 0, .branch = branch, .zero = branch + 1, .join = 0, .second = 0, .sum = sum, .carry = kNoReg};
    const Alu* zero = constant(found.zero, 0);
    if (zero == nullptr || graph_.is_target(found.zero) || zero->dst == sum) return std::nullopt;
    found.carry = zero->dst;
    const auto one = back_.def({found.carry, branch});
    const auto add = back_.def({sum, branch});
    if (!one || !add || constant(*one, 1) == nullptr || !adds(*add, branch, part)) return std::nullopt;
    found.add = *add;
    found.one = *one;
    if (!back_.unread(sum, *add, branch) || !joins(found) || !adds_carry(found)) return std::nullopt;
    return found;
  }
  [[nodiscard]] const Alu* constant(Label at, std::int64_t value) const {
    const Alu* alu = graph_.get<Alu>(at);
    return alu != nullptr && alu->op == AluOp::kMov && alu->src == Operand(Imm{value}) ? alu : nullptr;
  }

  /// Whether the op at `at` adds two things of which one is what `part` holds at the branch, in the width in which it
  /// is compared.
  [[nodiscard]] bool adds(Label at, Label branch, Reg part) const {
    const Alu* add = graph_.get<Alu>(at);
    if (add == nullptr || add->op != AluOp::kAdd || add->width != graph_.get<Branch>(branch)->width) return false;
    const Reg* src = std::get_if<Reg>(&add->src);
    if (src == nullptr || *src == add->dst) return false;
    const Value compared = back_.origin({part, branch}, add->width);
    return back_.same(compared, back_.origin({add->dst, at}, add->width)) ||
           back_.same(compared, back_.origin({*src, at}, add->width));
  }

  /// Whether both sides, and nothing else, lead to found.join.
  bool joins(Diamond& found) {
    found.join = graph_.get<Branch>(found.branch)->target;
    const Label next = found.zero + 1;
    if (next == found.join) return graph_.sources(found.join) == 1;
    const Jump* jump = graph_.get<Jump>(next);
    return jump != nullptr && jump->target == found.join && !graph_.is_target(next) && found.join > 0 &&
           !graph_.continues(found.join - 1) && graph_.sources(found.join) == 2;
  }

  /// Finds the second addition, close behind the join, after which nobody needs the carry.
  bool adds_carry(Diamond& found) {
    constexpr Label kReach = 6;
    const RegSet both = static_cast<RegSet>(set_of(found.sum) | set_of(found.carry));
    for (Label at = found.join; at < graph_.size() && at < found.join + kReach; ++at) {
      const Op& op = graph_.op(at);
      if (at != found.join && graph_.is_target(at)) return false;
      const Effects effects = graph_.effects(at);
      if (((effects.reads | effects.writes) & both) == 0 && !graph_.branches(at) && graph_.continues(at)) continue;
      const Alu* add = std::get_if<Alu>(&op);
      found.second = at;
      // A sum of 32 bits that has carried can be added 1 to without carrying again.
      if (add == nullptr || add->op != AluOp::kAdd || !wide_enough(*add, found)) return false;
      if (add->dst == found.sum) return add->src == Operand(found.carry) && graph_.dead_after(at, found.carry);
      return add->dst == found.carry && add->src == Operand(found.sum) && graph_.dead_after(at, found.sum);
    }
    return false;
  }
  [[nodiscard]] bool wide_enough(const Alu& second, const Diamond& found) const {
    return second.width == Width::k64 || graph_.get<Alu>(found.add)->width == Width::k32;
  }

  Graph& graph_;
  Lookback back_;
};

}  // namespace

void carry(Graph& graph) { Carries(graph).run(); }

}  // namespace skep::lower::passes
