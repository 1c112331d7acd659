// SPDX-License-Identifier: Apache-2.0
// Innermost loops whose number of iterations is known: a short one becomes straight-line code; a longer one with a
// small body does several iterations before it tests for its end, after the iterations that do not fill a group. The
// test is known to go back in between, and what counts the iterations is combined by later passes. Loops that are
// entered in the middle, which is how LLVM lays some of them out, come out in the order in which they run.
#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>

#include "isa/semantics.h"
#include "lower/optimize/invert.h"
#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

constexpr Label kMaxStraight = 80;   // Ops of a loop that is unrolled as a whole; some hardly count (work()).
constexpr Label kMaxAll = 384;       // Ops of all copies, those included.
constexpr Label kMaxBody = 16;       // Ops of a loop body that is repeated,
constexpr Label kMaxGroup = 40;      // and of all its repetitions in the loop,
constexpr Label kMaxRemainder = 40;  // and before it.
constexpr std::uint32_t kMaxTrips = 1u << 16;

/// A branch and what it leads to.
struct Edge {
  Label from = 0, to = 0;
};

/// What a register holds at the end of the last iteration, and at the end of no other.
struct Last {
  Reg counter = kNoReg;
  Width width = Width::k64;
  std::uint64_t value = 0;
};

/// A loop whose ops lie together. Control comes in at `entry` only. Compilers put it at the head, or somewhere behind
/// it: then what lies before the entry runs after the rest, and ends with the test that leaves the loop. Positions
/// count the ops in the order in which they run, from the entry to the test.
struct Loop {
  Label head = 0, entry = 0, latch = 0;  ///< The latch is the last op; it goes to the head.
  Label before = 0;                      ///< Constants on the way in are found before this op.
  std::uint32_t trips = 0;
  std::uint32_t peeled = 0;  ///< Iterations before the loop.
  std::uint32_t group = 0;   ///< Iterations in one round of the loop; 0: all are peeled.
  Last last{};               ///< Of no counter: the loop's own test stays.

  [[nodiscard]] bool rotated() const { return entry != head; }
  [[nodiscard]] bool has(Label at) const { return at >= head && at <= latch; }
  /// Ops without the test.
  [[nodiscard]] Label body() const { return latch - head; }
  [[nodiscard]] Label test() const { return label(body()); }
  [[nodiscard]] Label position(Label at) const { return at >= entry ? at - entry : at + (latch + 1 - entry) - head; }
  [[nodiscard]] Label label(Label position) const {
    return position <= latch - entry ? entry + position : head + (position - (latch + 1 - entry));
  }
};

/// Registers whose values are known.
using Constants = std::array<std::optional<std::uint64_t>, kRegs>;

/// The low `width` bits of what `base` held at the begin of the iteration, and `add`.
struct Stepped {
  Reg base;
  std::uint64_t add = 0;
  Width width = Width::k64;
  friend bool operator==(const Stepped&, const Stepped&) = default;

  /// Whether kMaxTrips such steps never come back to a value.
  [[nodiscard]] bool has_distinct() const {
    return static_cast<unsigned>(std::countr_zero(add)) + std::bit_width(kMaxTrips) <= isa::bits(width);
  }
  [[nodiscard]] std::uint64_t of(std::uint64_t value) const { return isa::eval(AluOp::kAdd, width, value, add); }
};
using Steps = std::array<std::optional<Stepped>, kRegs>;

bool repeatable(const Op& op) {
  return !std::holds_alternative<CallHelper>(op) && !std::holds_alternative<CallLocal>(op) &&
         !std::holds_alternative<TailCall>(op) && !std::holds_alternative<Atomic>(op) &&
         !std::holds_alternative<Return>(op) && !std::holds_alternative<Illegal>(op);
}

class Unrolling {
 public:
  explicit Unrolling(Graph& graph) : graph_(graph) {}

  void run() {
    find_loops();
    if (loops_.empty()) return;
    Rebuild out(graph_);
    auto loop = loops_.begin();
    for (Label at = 0; at < graph_.size(); ++at) {
      if (loop != loops_.end() && loop->head == at) {
        unroll(*loop, out);
        at = loop->latch;
        ++loop;
      } else if (loop != loops_.end() && loop->before == at && loop->head == at + 1 &&
                 graph_.get<Jump>(at) != nullptr) {
        out.place(at);  // The entry follows.
      } else {
        out.keep(at);
      }
    }
    graph_.rebuild(out.finish());
  }

 private:
  void find_loops() {
    for (Label at = 0; at < graph_.size(); ++at)
      if (graph_.branches(at)) edges_.push_back({at, *target_of(graph_.op(at))});
    std::vector<Edge> backward;
    for (const Edge& edge : edges_)
      if (edge.to <= edge.from && edge.from - edge.to <= kMaxStraight) backward.push_back(edge);
    // By head; of the branches to one head, the last comes first.
    std::ranges::sort(backward,
                      [](const Edge& a, const Edge& b) { return a.to != b.to ? a.to < b.to : a.from > b.from; });
    if (backward.empty()) return;
    by_target_ = edges_;
    std::ranges::sort(by_target_, {}, &Edge::to);
    for (const Edge& edge : backward) {
      const bool apart = loops_.empty() || edge.to > loops_.back().latch;
      if (!apart) continue;
      if (auto loop = loop_of(edge.to, edge.from); loop && count(*loop) && plan(*loop)) loops_.push_back(*loop);
    }
  }

  [[nodiscard]] std::optional<Loop> loop_of(Label head, Label latch) {
    if (head == 0) return std::nullopt;
    for (Label at = head; at <= latch; ++at)
      if (!repeatable(graph_.op(at))) return std::nullopt;
    const auto function = std::ranges::lower_bound(graph_.code().functions, head, {}, &Function::entry);
    if (function != graph_.code().functions.end() && function->entry <= latch) return std::nullopt;
    Loop loop{.head = head, .entry = head, .latch = latch, .before = head};
    if (!find_entry(loop)) return std::nullopt;
    const Branch* test = graph_.get<Branch>(loop.test());
    if (test == nullptr || (loop.rotated() && loop.has(test->target))) return std::nullopt;
    // Everything else goes on.
    for (const Edge& edge : edges_from(loop)) {
      const bool back = edge.from == latch && !loop.rotated();
      if (back || !loop.has(edge.to)) continue;
      if (loop.position(edge.to) <= loop.position(edge.from)) return std::nullopt;
    }
    return loop;
  }

  using Edges = std::span<const Edge>;
  static Edges between(const std::vector<Edge>& sorted, Label Edge::*by, const Loop& loop) {
    return {std::ranges::lower_bound(sorted, loop.head, {}, by), std::ranges::upper_bound(sorted, loop.latch, {}, by)};
  }
  [[nodiscard]] Edges edges_from(const Loop& loop) const { return between(edges_, &Edge::from, loop); }
  [[nodiscard]] Edges edges_into(const Loop& loop) const { return between(by_target_, &Edge::to, loop); }

  /// One way in: from the op before the head, or by one branch.
  [[nodiscard]] bool find_entry(Loop& loop) {
    int ways = never_continues(graph_.op(loop.head - 1)) ? 0 : 1;
    for (const Edge& edge : edges_into(loop)) {
      if (loop.has(edge.from)) continue;
      if (++ways > 1) return false;
      loop.entry = edge.to;
      loop.before = edge.from;
    }
    return ways == 1;
  }

  [[nodiscard]] bool count(Loop& loop) {
    auto trips = count_by_counter(loop);
    if (!trips) trips = count_by_running(loop);
    loop.trips = trips.value_or(0);
    return trips.has_value();
  }

  [[nodiscard]] bool plan(Loop& loop) const {
    const Label once = work(loop);
    const std::uint64_t trips = loop.trips;
    if (trips * once <= kMaxStraight && trips * loop.body() <= kMaxAll) {
      loop.peeled = loop.trips;
      return true;
    }
    if (once > kMaxBody) return false;
    std::uint32_t best = 0;
    for (const std::uint32_t group : {2u, 4u, 8u}) {
      const std::uint32_t rest = loop.trips % group;
      if (group * once > kMaxGroup || rest * once > kMaxRemainder || loop.trips / group < 2) continue;
      if ((group + rest) * loop.body() > kMaxAll) continue;
      // Half as many at once are as good as what leaves some over.
      if (rest != 0 && best == 4 && loop.trips % best == 0) continue;
      best = group;
    }
    if (best == 0) return false;
    loop.group = best;
    loop.peeled = loop.trips % best;
    return true;
  }

  /// Ops of the body but those that mostly go: copies, jumps, steps that addresses take up. At least 1.
  [[nodiscard]] Label work(const Loop& loop) const {
    Label count = 0;
    for (Label position = 0; position < loop.body(); ++position) {
      const Op& op = graph_.op(loop.label(position));
      const Alu* alu = std::get_if<Alu>(&op);
      const bool constant = alu != nullptr && std::holds_alternative<Imm>(alu->src);
      const bool goes = alu != nullptr && (constant ? alu->op == AluOp::kAdd : alu->op == AluOp::kMov);
      if (!goes && !std::holds_alternative<Jump>(op)) ++count;
    }
    return std::max(count, Label{1});
  }

  /// By a register that each iteration steps by the same. Counting is by doing: steps and tests may wrap.
  [[nodiscard]] std::optional<std::uint32_t> count_by_counter(Loop& loop) {
    const Branch& test = *graph_.get<Branch>(loop.test());
    const Imm* limit = std::get_if<Imm>(&test.src);
    if (limit == nullptr || test.unless) return std::nullopt;
    Steps steps;
    for (std::uint8_t reg = 0; reg < kRegs; ++reg) steps[reg] = Stepped{.base = Reg{reg}};
    steps = after_iteration(loop, steps);
    const auto tested = steps[test.dst.index];
    const auto next = tested ? steps[tested->base.index] : std::nullopt;
    if (!next || !(next->base == tested->base)) return std::nullopt;
    const auto start = constants_before(loop)[next->base.index];
    if (!start) return std::nullopt;
    std::uint64_t value = *start;
    for (std::uint32_t trips = 1; trips <= kMaxTrips; ++trips) {
      const bool holds = isa::compare(test.op, test.width, tested->of(value), static_cast<std::uint64_t>(limit->value));
      value = next->of(value);
      if (holds != loop.rotated()) continue;
      if (tested != next && next->has_distinct()) loop.last = Last{next->base, next->width, value};
      return trips;
    }
    return std::nullopt;
  }
  /// What registers hold when the loop is entered, as far as the straight line before it says.
  [[nodiscard]] Constants constants_before(const Loop& loop) {
    constexpr Label kReach = 24;
    Constants known{};
    Label at = loop.before;
    if (!(at == loop.head) && graph_.is_target(at)) return known;
    RegSet decided = 0;
    for (Label i = 0; i < kReach && at > 0; ++i, --at) {
      if (never_continues(graph_.op(at - 1))) break;
      const Alu* alu = graph_.get<Alu>(at - 1);
      const Imm* imm = alu != nullptr && alu->op == AluOp::kMov ? std::get_if<Imm>(&alu->src) : nullptr;
      if (imm != nullptr && !contains(decided, alu->dst))
        known[alu->dst.index] = isa::eval(AluOp::kMov, alu->width, 0, static_cast<std::uint64_t>(imm->value));
      decided |= graph_.effects(at - 1).writes;
      if (graph_.is_target(at - 1)) break;
    }
    return known;
  }

  /// For loops of few ops in all whose counter moves otherwise: computes what does not depend on the program's input.
  [[nodiscard]] std::optional<std::uint32_t> count_by_running(const Loop& loop) {
    Constants known = constants_before(loop);
    if (std::ranges::none_of(known, [](const auto& value) { return value.has_value(); })) return std::nullopt;
    const Branch& test = *graph_.get<Branch>(loop.test());
    const Label once = work(loop);
    for (std::uint32_t trips = 1; trips * once <= kMaxStraight && trips <= kMaxStraight; ++trips) {
      known = after_iteration(loop, known);
      const auto left = value_of(test.dst, known), right = value_of(test.src, known);
      if (!left || !right) return std::nullopt;
      if ((isa::compare(test.op, test.width, *left, *right) != test.unless) == loop.rotated()) return trips;
    }
    return std::nullopt;
  }
  /// Branches may go either way: what is known where ways meet is what all of them know. State: by register.
  template <class State>
  [[nodiscard]] State after_iteration(const Loop& loop, const State& before) const {
    std::vector<std::optional<State>> arriving(loop.body() + 1);
    arriving[0] = before;
    for (Label position = 0; position < loop.body(); ++position) {
      if (!arriving[position]) continue;
      State known = *arriving[position];
      const Label at = loop.label(position);
      const auto result = result_of(graph_.get<Alu>(at), known);
      for (std::uint8_t reg = 0; reg < kRegs; ++reg)
        if (contains(graph_.effects(at).writes, Reg{reg})) known[reg] = result;
      const Label* target = target_of(graph_.op(at));
      if (target != nullptr && loop.has(*target)) arrive(arriving[loop.position(*target)], known);
      if (graph_.continues(at)) arrive(arriving[position + 1], known);
    }
    return arriving.back().value_or(State{});
  }
  template <class State>
  static void arrive(std::optional<State>& there, const State& known) {
    if (!there) {
      there = known;
      return;
    }
    for (std::size_t i = 0; i < known.size(); ++i)
      if ((*there)[i] != known[i]) (*there)[i] = std::nullopt;
  }
  static std::optional<std::uint64_t> result_of(const Alu* alu, const Constants& known) {
    if (alu == nullptr) return std::nullopt;
    const auto dst = ignores_dst(alu->op) ? std::optional<std::uint64_t>(0) : known[alu->dst.index];
    const auto src = value_of(alu->src, known);
    return dst && src ? std::optional(isa::eval(alu->op, alu->width, *dst, *src)) : std::nullopt;
  }
  static std::optional<Stepped> result_of(const Alu* alu, const Steps& known) {
    if (alu == nullptr) return std::nullopt;
    const Imm* imm = std::get_if<Imm>(&alu->src);
    std::optional<Stepped> result;
    if (alu->op == AluOp::kMov && imm == nullptr) result = known[std::get<Reg>(alu->src).index];
    if ((alu->op == AluOp::kAdd || alu->op == AluOp::kSub) && imm != nullptr) {
      result = known[alu->dst.index];
      // Of the sum, the upper half would be needed that is gone.
      if (result && result->width == Width::k32 && alu->width == Width::k64) return std::nullopt;
      const auto by = static_cast<std::uint64_t>(imm->value);
      if (result) result->add += alu->op == AluOp::kAdd ? by : 0 - by;
    }
    if (result && alu->width == Width::k32) result->width = Width::k32;
    return result;
  }
  static std::optional<std::uint64_t> value_of(const Operand& operand, const Constants& known) {
    if (const Imm* imm = std::get_if<Imm>(&operand)) return static_cast<std::uint64_t>(imm->value);
    return known[std::get<Reg>(operand).index];
  }

  void unroll(const Loop& loop, Rebuild& out) const {
    const Branch& test = *graph_.get<Branch>(loop.test());
    const InsnIndex origin = graph_.code().origin[loop.test()];
    out.place(loop.entry);
    for (std::uint32_t i = 0; i < loop.peeled; ++i) copy(loop, out);
    if (loop.group != 0) {
      const Label again = out.next();
      for (std::uint32_t i = 0; i < loop.group; ++i) copy(loop, out);
      out.emit_to(back_to(again, loop, test), origin, again);
    }
    if (loop.rotated() && test.target != loop.latch + 1) out.emit(Jump{test.target}, origin);
  }

  [[nodiscard]] static Op back_to(Label again, const Loop& loop, const Branch& test) {
    const auto& [counter, width, value] = loop.last;
    const auto word = static_cast<std::int64_t>(
        width == Width::k64 ? value : static_cast<std::uint64_t>(static_cast<std::int32_t>(value)));
    if (!(counter == kNoReg) && fits_int32(word))
      return Branch{.op = isa::JmpOp::kNe, .width = width, .dst = counter, .src = Imm{word}, .target = again};
    return loop.rotated() ? inverted(test, again) : test;
  }

  /// One iteration without its test.
  void copy(const Loop& loop, Rebuild& out) const {
    const Label begin = out.next();
    // The jump from the latch to the head goes nowhere now.
    const bool jumps = loop.rotated() && graph_.get<Jump>(loop.latch) != nullptr;
    const Label left_out = jumps ? loop.position(loop.latch) : loop.body();
    for (Label position = 0; position < loop.body(); ++position) {
      if (position == left_out) continue;
      const Label at = loop.label(position);
      const Op& op = graph_.op(at);
      const InsnIndex origin = graph_.code().origin[at];
      const Label* target = target_of(op);
      if (loop.rotated() && at == loop.latch) {
        out.emit(inverted(std::get<Branch>(op), loop.latch + 1), origin);
      } else if (target != nullptr && loop.has(*target)) {
        const Label to = loop.position(*target);
        out.emit_to(op, origin, begin + to - (to > left_out ? 1 : 0));
      } else {
        out.emit(op, origin);
      }
    }
  }

  Graph& graph_;
  std::vector<Edge> edges_, by_target_;  // In order of their branches; of their targets.
  std::vector<Loop> loops_;              // In order.
};

}  // namespace

void unroll(Graph& graph) { Unrolling(graph).run(); }

}  // namespace skep::lower::passes
