// SPDX-License-Identifier: Apache-2.0
// A program is functions; those are blocks of items; a branch skips items of its own block only, or leaves its loop.
#include "tests/differential/random_program.h"

#include <algorithm>
#include <array>
#include <vector>

#include "tests/differential/idioms.h"
#include "tests/differential/writer.h"

namespace skep::differential {
namespace {

using namespace isa;  // NOLINT(google-build-using-namespace): the instruction types, in every line below.

/// Instructions that stay together; a branch over items has the number of the item after those that it skips.
struct Item {
  Insns insns;
  std::size_t target = 0;
  bool branches = false;
};

/// Small functions, which only use r0 to r5.
enum class Leaf : std::uint8_t { kPure, kStack, kContext };

class Generator {
 public:
  Generator(std::uint64_t seed, Safety safety) : w_(seed, safety), r_(w_.random) {}

  Program run() {
    Program program;
    if (w_.verifiable()) describe(program);
    // Near misses read stack that was never written, which a second call of a function would find used.
    if (w_.safety() != Safety::kNearMisses) {
      functions_ = r_.below(3);
      for (std::uint32_t i = r_.below(3); i > 0; --i) leaves_.push_back(static_cast<Leaf>(r_.below(3)));
    }
    called_.assign(1 + functions_ + leaves_.size(), false);
    std::vector<Insns> bodies{body()};
    const std::int16_t slots = w_.slots;
    for (function_ = 1; function_ <= functions_; ++function_) {
      bodies.push_back(body());
      finish(bodies.back());
    }
    for (const Leaf leaf : leaves_) bodies.push_back(small_body(leaf));
    function_ = 0;
    w_.regs = 8;
    w_.slots = slots;
    w_.has_context = true;
    Insns& entry = bodies.front();
    // Linux refuses functions that nobody calls.
    for (std::size_t callee = 1; w_.verifiable() && callee < called_.size(); ++callee)
      if (!called_[callee]) append(entry, call(callee));
    finish(entry);
    link(program, bodies);
    return program;
  }

 private:
  void describe(Program& program) {
    program.name = "random";
    program.type = ProgramType::kXdp;
    program.license = "GPL";
    w_.packet = r_.chance(30);
    if (w_.packet) return;
    static const auto map = [] {
      auto spec = std::make_shared<MapSpec>();
      spec->name = "cells";
      spec->type = MapType::kArray;
      spec->key_size = 4;
      spec->value_size = kContextBytes;
      spec->max_entries = 1;
      return std::shared_ptr<const MapSpec>(spec);
    }();
    program.maps.push_back(map);
  }

  // A call's immediate holds the number of the function until it is known where that begins.
  static void link(Program& program, const std::vector<Insns>& bodies) {
    std::vector<std::int32_t> starts;
    for (const Insns& body : bodies) {
      starts.push_back(static_cast<std::int32_t>(program.insns.size()));
      program.functions.push_back({.first = static_cast<InsnIndex>(program.insns.size()), .name = "f"});
      append(program.insns, body);
    }
    for (std::size_t at = 0; at < program.insns.size(); ++at)
      if (auto* call = std::get_if<Call>(&program.insns[at]); call != nullptr && call->kind == CallKind::kLocal)
        call->imm = starts[static_cast<std::size_t>(call->imm)] - static_cast<std::int32_t>(at) - 1;
  }

  /// All of a function but its end.
  Insns body() {
    w_.regs = 8;
    w_.has_context = true;
    // Frames of a chain of calls share 512 bytes.
    w_.slots = r_.chance(80) ? std::int16_t{6} : static_cast<std::int16_t>(1 + r_.below(w_.verifiable() ? 18 : 60));
    Insns out;
    find_context(out);
    for (std::uint8_t reg = 0; reg < 8; ++reg) w_.set_value(out, Reg{reg});
    w_.set_constant(out, kCounter);
    fill_stack(out);
    append(out, block(3 + r_.below(w_.verifiable() ? 14 : 24), 2));
    return out;
  }
  void fill_stack(Insns& out) {
    for (std::int16_t slot = 1; slot <= w_.slots; ++slot)
      out.emplace_back(Store{.size = Size::k64, .base = kR10, .offset = stack_slot(slot), .src = w_.any_reg()});
  }
  /// Most registers, and what is on the stack, count as results.
  void finish(Insns& out) {
    for (std::uint8_t reg = 1; reg < 8; ++reg) {
      if (r_.chance(40)) continue;
      out.emplace_back(Alu{r_.chance(50) ? AluOp::kXor : AluOp::kAdd, Width::k64, kR0, Reg{reg}});
      if (r_.chance(30)) out.emplace_back(alu(AluOp::kMul, Width::k64, kR0, imm(31)));
    }
    for (std::int16_t slot = 1; slot <= w_.slots; ++slot) {
      out.emplace_back(Load{.size = Size::k64, .dst = kR1, .base = kR10, .offset = stack_slot(slot)});
      out.emplace_back(alu(slot % 2 == 0 ? AluOp::kXor : AluOp::kAdd, Width::k64, kR0, kR1));
    }
    if (w_.verifiable() && function_ == 0) {
      out.emplace_back(Store{.size = Size::k64, .base = kContext, .offset = 0, .src = kR0});
      append(out, {mov(kR1, kR0), alu(AluOp::kRsh, Width::k64, kR1, imm(32)), alu(AluOp::kXor, Width::k64, kR0, kR1)});
    }
    out.emplace_back(Exit{});
  }
  Insns small_body(Leaf leaf) {
    w_.regs = 6;
    w_.slots = leaf == Leaf::kPure ? std::int16_t{0} : static_cast<std::int16_t>(1 + r_.below(4));
    w_.has_context = leaf == Leaf::kContext;
    Insns out;
    w_.set_constant(out, kR0);
    if (w_.has_context) {
      out.emplace_back(mov(kContext, kR1));
      w_.set_constant(out, kR1);
      out.emplace_back(mov(kCounter, imm(r_.below(9))));
    }
    fill_stack(out);
    for (std::uint32_t i = r_.below(8); i > 0; --i) {
      if (leaf == Leaf::kPure) {
        out.push_back(w_.arithmetic());
      } else if (r_.chance(30)) {
        append(out, random_idiom(w_));
      } else {
        out.push_back(r_.chance(60) ? w_.arithmetic() : w_.memory());
      }
    }
    for (std::int16_t slot = 1; slot <= w_.slots; ++slot) {
      out.emplace_back(Load{.size = Size::k64, .dst = kR1, .base = kR10, .offset = stack_slot(slot)});
      out.emplace_back(alu(AluOp::kXor, Width::k64, kR0, kR1));
    }
    out.emplace_back(Exit{});
    return out;
  }
  /// r9 = what the function works on.
  void find_context(Insns& out) {
    if (function_ != 0 || !w_.verifiable()) return out.push_back(mov(kContext, kR1));
    if (!w_.packet) {
      out.emplace_back(LoadImm64{.kind = Imm64Kind::kMapValueIndex, .dst = kContext});
      out.emplace_back(Continuation{});
      return;
    }
    out.emplace_back(Load{.size = Size::k32, .dst = kContext, .base = kR1, .offset = 0});  // xdp_md: data
    out.emplace_back(Load{.size = Size::k32, .dst = kR2, .base = kR1, .offset = 4});       // data_end
    append(out, {mov(kR3, kContext), alu(AluOp::kAdd, Width::k64, kR3, imm(kContextBytes)),
                 Branch{.op = JmpOp::kLe, .width = Width::k64, .dst = kR3, .src = kR2, .offset = 2}, mov(kR0, imm(0)),
                 Exit{}});
  }

  Insns block(std::uint32_t count, std::uint32_t loops) {
    std::vector<Item> items;
    for (std::uint32_t i = 0; i < count; ++i) items.push_back(item(i, count, loops));
    std::vector<std::size_t> starts{0};
    for (const Item& one : items) starts.push_back(starts.back() + one.insns.size());
    Insns out;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].branches) set_offset(items[i].insns.back(), starts[items[i].target] - starts[i + 1]);
      append(out, items[i].insns);
    }
    return out;
  }
  static void set_offset(Insn& insn, std::size_t offset) {
    if (auto* branch = std::get_if<Branch>(&insn)) branch->offset = static_cast<std::int16_t>(offset);
    if (auto* jump = std::get_if<Jump>(&insn)) jump->offset = static_cast<std::int32_t>(offset);
    if (auto* may_goto = std::get_if<MayGoto>(&insn)) may_goto->offset = static_cast<std::int16_t>(offset);
  }

  /// `loops`: how deep loops may be nested in it.
  Item item(std::uint32_t at, std::uint32_t count, std::uint32_t loops) {
    Item out;
    const auto branches_ahead = [&] {
      out.branches = true;
      out.target = at + 1 + r_.below(std::min(count - at, 6u));
    };
    const std::uint32_t kind = r_.below(100);
    if (kind < 24) {
      out.insns.push_back(w_.arithmetic());
    } else if (kind < 48) {
      out.insns = random_idiom(w_);
    } else if (kind < 51) {
      // As LLVM ends loops: the branch skips the jump.
      out.insns = {w_.branch(), Jump{}};
      set_offset(out.insns.front(), 1);
      branches_ahead();
    } else if (kind < 65) {
      out.insns.push_back(w_.memory());
    } else if (kind < 69) {
      out.insns.push_back(w_.atomic());
    } else if (kind < 72) {
      out.insns.push_back(w_.byte_swap());
    } else if (kind < 75) {
      w_.set_value(out.insns, w_.any_reg());
    } else if (kind < 86) {
      out.insns.push_back(w_.branch());
      branches_ahead();
    } else if (kind < 88) {
      out.insns = exchanged_halves();
    } else if (kind < 94 && loops > 0) {
      out.insns = r_.chance(30) ? loop_entered_in_the_middle(loops) : loop(loops);
    } else {
      out.insns = any_call();
    }
    return out;
  }

  /// The second half lies before the first; jumps put that right.
  Insns exchanged_halves() {
    const Insns first = block(1 + r_.below(3), 0), second = block(1 + r_.below(3), 0);
    const auto one = static_cast<std::int32_t>(first.size()), two = static_cast<std::int32_t>(second.size());
    Insns out{Jump{JumpForm::kShort, two + 1}};
    append(out, second);
    out.emplace_back(Jump{JumpForm::kShort, one + 1});
    append(out, first);
    out.emplace_back(Jump{JumpForm::kShort, -(one + two + 2)});
    return out;
  }

  /// How often a loop goes round; at least `least`.
  std::int32_t trips(std::int32_t least) {
    static constexpr std::int32_t kMany[] = {16, 17, 31, 32, 33, 64, 100};
    std::int32_t count = static_cast<std::int32_t>(r_.below(10));
    if (!w_.verifiable() && inside_ == 0 && r_.chance(15)) count = r_.of(kMany);
    if (inside_ > 0) count %= 5;
    return std::max(count, least);
  }

  /// As LLVM lays out loops whose test it has moved: `goto enter; top: step; if done goto out; enter: ...; goto top`.
  /// Counts down by subtraction, or by halving.
  Insns loop_entered_in_the_middle(std::uint32_t loops) {
    const Reg counter = w_.regs > 7 && inside_ == 0 ? kCounter : Reg{7};
    const std::uint8_t regs = w_.regs;
    const std::int32_t outer_max = w_.counter_max;
    if (counter.index < w_.regs) w_.regs = counter.index;
    const bool halves = r_.chance(40);
    const std::int32_t count = trips(1), start = halves ? 1 << std::min(count - 1, 20) : count;
    const Width width = w_.any_width();
    if (counter == kCounter) w_.counter_max = start;
    ++inside_;
    if (count > 6) ++heavy_;
    const Insns inner = block(1 + r_.below(3), loops - 1), rest = r_.chance(60) ? block(1 + r_.below(2), 0) : Insns{};
    --inside_;
    if (count > 6) --heavy_;
    w_.regs = regs;
    w_.counter_max = outer_max;

    const bool again = r_.chance(50), leaves = r_.chance(30);
    const Insns top{alu(halves ? AluOp::kRsh : AluOp::kSub, width, counter, imm(1)),
                    Branch{JmpOp::kEq, width, counter, imm(0), 0}};
    Insns out{mov(counter, imm(start)), Jump{JumpForm::kShort, static_cast<std::int32_t>(top.size())}};
    const std::size_t head = out.size(), length = top.size() + inner.size() + (again ? 1 : 0) + rest.size() + 1;
    const auto to_head = [&] { return static_cast<std::int16_t>(head) - static_cast<std::int32_t>(out.size()) - 1; };
    const auto any_branch = [&] {
      return Branch{r_.of(kJmpTable).op, w_.any_width(), w_.any_reg(), w_.any_operand(),
                    static_cast<std::int16_t>(to_head())};
    };
    append(out, top);
    std::get<Branch>(out.back()).offset = static_cast<std::int16_t>(length - top.size());
    append(out, inner);
    if (again) out.emplace_back(any_branch());
    append(out, rest);
    if (leaves) {
      out.emplace_back(any_branch());
    } else {
      out.emplace_back(Jump{JumpForm::kShort, to_head()});
    }
    return out;
  }

  /// A loop with a constant trip count, which it may leave early.
  Insns loop(std::uint32_t loops) {
    // An inner loop counts in r7.
    const Reg counter = w_.regs > 7 && inside_ == 0 ? kCounter : Reg{7};
    const std::uint8_t regs = w_.regs;
    const std::int32_t outer_max = w_.counter_max;
    if (counter.index < w_.regs) w_.regs = counter.index;
    const bool up = r_.chance(70), tests_first = up && r_.chance(40);
    const std::int32_t count = trips(tests_first ? 0 : 1);
    const std::int32_t step = up && r_.chance(20) ? 2 + static_cast<std::int32_t>(r_.below(7)) : 1;
    const std::int32_t start = up && r_.chance(20) ? static_cast<std::int32_t>(r_.below(5)) : 0,
                       end = start + count * step;
    const Width width = w_.any_width();
    if (counter == kCounter) w_.counter_max = up ? std::max(start, end - step) : count;
    ++inside_;
    if (count > 6) ++heavy_;

    const bool walks = w_.regs > 6 && r_.chance(25);
    Insns before{alu(AluOp::kMov, w_.any_width(), counter, imm(up ? start : count))}, walk, after;
    if (walks) pointer_walk(before, walk, after, count);
    if (r_.chance(30)) step_along(before, walk);
    Insns inner = block(1 + r_.below(4), loops - 1);
    append(inner, walk);
    Insns rest;
    const bool leaves_early = r_.chance(30);
    if (leaves_early) rest = block(r_.below(3), 0);

    Insns out = before;
    const std::size_t head = out.size();
    const std::size_t length = (tests_first ? 1 : 0) + inner.size() + (leaves_early ? 1 : 0) + rest.size() + 2;
    const auto to_end = [&] { return static_cast<std::int16_t>(head + length - out.size() - 1); };
    const auto to_head = [&] { return static_cast<std::int16_t>(head) - static_cast<std::int32_t>(out.size()) - 1; };
    if (tests_first) {
      static constexpr JmpOp kOver[] = {JmpOp::kGe, JmpOp::kSGe, JmpOp::kEq};
      out.emplace_back(Branch{r_.of(kOver), width, counter, imm(end), to_end()});
    }
    append(out, inner);
    if (leaves_early)
      out.emplace_back(Branch{r_.of(kJmpTable).op, w_.any_width(), w_.any_reg(), w_.any_operand(), to_end()});
    append(out, rest);
    out.emplace_back(Alu{up || r_.chance(50) ? AluOp::kAdd : AluOp::kSub, width, counter, imm(0)});
    auto& stepping = std::get<Alu>(out.back());
    stepping.src = imm(up ? step : stepping.op == AluOp::kAdd ? -1 : 1);
    if (tests_first) {
      out.emplace_back(Jump{JumpForm::kShort, to_head()});
    } else {
      static constexpr JmpOp kUp[] = {JmpOp::kNe, JmpOp::kLt, JmpOp::kSLt},
                             kDown[] = {JmpOp::kNe, JmpOp::kSGt, JmpOp::kGt};
      const JmpOp op = up ? r_.of(kUp) : r_.of(kDown);
      out.emplace_back(Branch{op, width, counter, imm(up ? end : 0), static_cast<std::int16_t>(to_head())});
    }
    append(out, after);
    --inside_;
    if (count > 6) --heavy_;
    w_.regs = regs;
    w_.counter_max = outer_max;
    return out;
  }

  /// Another register that each round steps by the same, unless something else writes it.
  void step_along(Insns& before, Insns& walk) {
    const Reg reg = w_.any_reg();
    before.emplace_back(alu(AluOp::kMov, w_.any_width(), reg, imm(r_.below(200))));
    walk.emplace_back(alu(AluOp::kAdd, w_.any_width(), reg, imm(static_cast<std::int64_t>(r_.below(40)) - 12)));
  }

  /// r6 goes through memory, one element a round.
  void pointer_walk(Insns& before, Insns& walk, Insns& after, std::int32_t count) {
    const Size size = w_.any_size();
    const auto step = static_cast<std::int32_t>(bytes(size));
    const Writer::Area where = w_.area();
    const std::int32_t spare = where.bytes - std::max(count, 1) * step;
    if (spare < 0) return;
    const Reg pointer = kR6;
    w_.regs = 6;
    auto first = where.start + static_cast<std::int32_t>(r_.below(static_cast<std::uint32_t>(spare) + 1));
    if (w_.must_align(where)) first -= (first - where.start) % step;
    const std::int32_t displacement = r_.chance(50) ? 0 : static_cast<std::int32_t>(r_.below(64)) - 32;
    before.emplace_back(mov(pointer, where.base));
    before.emplace_back(alu(AluOp::kAdd, Width::k64, pointer, imm(first - displacement)));
    const auto offset = static_cast<std::int16_t>(displacement);
    const Reg value = w_.any_reg();
    if (r_.chance(70)) {
      walk.emplace_back(Load{size, Extend::kZero, value, pointer, offset});
      walk.emplace_back(Alu{r_.chance(50) ? AluOp::kAdd : AluOp::kXor, Width::k64, w_.any_reg(), value});
    }
    if (r_.chance(50)) walk.emplace_back(Store{size, pointer, offset, w_.any_operand()});
    walk.emplace_back(alu(AluOp::kAdd, Width::k64, pointer, imm(step)));
    w_.set_constant(after, pointer);
  }

  Insns any_call() {
    std::vector<std::size_t> callees;
    if (heavy_ == 0)
      for (std::uint32_t i = function_ + 1; i <= functions_; ++i) callees.push_back(i);
    for (std::size_t i = 0; i < leaves_.size(); ++i) callees.push_back(1 + functions_ + i);
    if (!callees.empty() && (w_.verifiable() || r_.chance(70))) return call(r_.of(callees));
    if (w_.verifiable()) return random_idiom(w_);
    return with_registers_after({Call{.kind = CallKind::kHelper, .imm = kMixHelper}});
  }
  Insns call(std::size_t callee) {
    called_[callee] = true;
    Insns out;
    if (callee <= functions_ || leaves_[callee - 1 - functions_] == Leaf::kContext)
      out.emplace_back(mov(kR1, kContext));
    out.emplace_back(Call{.kind = CallKind::kLocal, .imm = static_cast<std::int32_t>(callee)});
    return with_registers_after(std::move(out));
  }
  /// The registers that a call leaves undefined are set again.
  Insns with_registers_after(Insns out) {
    for (std::uint8_t reg = 1; reg <= 5; ++reg) w_.set_value(out, Reg{reg});
    return out;
  }

  static std::int16_t stack_slot(std::int16_t slot) { return static_cast<std::int16_t>(-8 * slot); }

  Writer w_;
  Random& r_;
  std::uint32_t function_ = 0, functions_ = 0;
  std::vector<Leaf> leaves_;
  std::vector<bool> called_;
  std::uint32_t inside_ = 0, heavy_ = 0;  // Loops around what is being written; those that go round often.
};

}  // namespace

Program random_program(std::uint64_t seed, Safety safety) { return Generator(seed, safety).run(); }

}  // namespace skep::differential
