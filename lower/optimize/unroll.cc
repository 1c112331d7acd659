// SPDX-License-Identifier: Apache-2.0
// Innermost loops whose number of iterations is known: a short one becomes straight-line code; a longer one with a
// small body does several iterations before it tests for its end, after the iterations that do not fill a group. The
// test is known to go back in between, and what counts the iterations is combined by later passes.
#include <algorithm>
#include <limits>
#include <optional>

#include "isa/semantics.h"
#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Width;

constexpr Label kMaxStraight = 64;   // Ops of a loop that is unrolled as a whole.
constexpr Label kMaxBody = 16;       // Ops of a loop body that is repeated,
constexpr Label kMaxGroup = 40;      // and of all its repetitions in the loop,
constexpr Label kMaxRemainder = 40;  // and before it.
constexpr std::uint32_t kMaxTrips = 1u << 16;

/// Where branches to an op come from.
struct Sources {
  Label first = std::numeric_limits<Label>::max(), last = 0;
};

struct Loop {
  Label head = 0, latch = 0;  ///< The branch that goes back.
  std::uint32_t trips = 0;
  std::uint32_t peeled = 0;  ///< Iterations before the loop.
  std::uint32_t group = 0;   ///< Iterations in one round of the loop; 0: all are peeled.
  [[nodiscard]] Label body() const { return latch - head; }
};

/// How the loop's counter begins and moves, and when it goes back.
struct Counter {
  std::uint64_t start = 0;
  const Alu* step = nullptr;
  const Branch* back = nullptr;
  bool tests_old = false;  ///< The test is of a copy that was made before the step.
};

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
    Rebuild out(graph_.code());
    auto loop = loops_.begin();
    for (Label at = 0; at < graph_.size(); ++at) {
      if (loop != loops_.end() && loop->head == at) {
        unroll(*loop, out);
        at = loop->latch;
        ++loop;
      } else {
        out.keep(at);
      }
    }
    graph_.rebuild(out.finish());
  }

 private:
  void find_loops() {
    Label previous_back = 0;  // The last branch backwards before the one at hand.
    bool any_back = false;
    for (Label at = 0; at < graph_.size(); ++at) {
      if (!graph_.branches(at)) continue;
      const Label* target = target_of(graph_.op(at));
      if (*target > at) continue;
      const bool innermost = !any_back || previous_back < *target;
      if (innermost && graph_.get<Branch>(at) != nullptr && at - *target <= kMaxStraight) consider(*target, at);
      previous_back = at;
      any_back = true;
    }
  }

  void consider(Label head, Label latch) {
    if (sources_.empty()) find_sources();
    // Entered from the op before it only, left from anywhere.
    if (head == 0 || never_continues(graph_.op(head - 1)) || sources_[head].first != latch ||
        sources_[head].last != latch)
      return;
    for (Label at = head; at < latch; ++at) {
      if (!repeatable(graph_.op(at))) return;
      if (at != head && entered(at, head, latch)) return;
    }
    if (entered(latch, head, latch)) return;
    const auto counter = find_counter(head, latch);
    if (!counter) return;
    const auto trips = count_trips(*counter);
    if (!trips) return;
    Loop loop{.head = head, .latch = latch, .trips = *trips, .peeled = 0, .group = 0};
    if (!plan(loop)) return;
    loops_.push_back(loop);
  }

  [[nodiscard]] bool entered(Label at, Label head, Label latch) const {
    const Sources& sources = sources_[at];
    const bool none = sources.first > sources.last;
    return !none && (sources.first < head || sources.last > latch);
  }

  static bool plan(Loop& loop) {
    const std::uint64_t all = std::uint64_t{loop.trips} * loop.body();
    if (all <= kMaxStraight) {
      loop.peeled = loop.trips;
      return true;
    }
    if (loop.body() > kMaxBody) return false;
    for (const std::uint32_t group : {8u, 4u, 2u}) {
      const std::uint32_t rest = loop.trips % group;
      if (group * loop.body() > kMaxGroup || rest * loop.body() > kMaxRemainder || loop.trips / group < 2) continue;
      loop.group = group;
      loop.peeled = rest;
      return true;
    }
    return false;
  }

  void find_sources() {
    sources_.resize(graph_.size());
    for (Label at = 0; at < graph_.size(); ++at) {
      if (!graph_.branches(at)) continue;
      const Label* target = target_of(graph_.op(at));
      Sources& sources = sources_[*target];
      sources.first = std::min(sources.first, at);
      sources.last = std::max(sources.last, at);
    }
  }

  [[nodiscard]] std::optional<Counter> find_counter(Label head, Label latch) {
    const Branch* back = graph_.get<Branch>(latch);
    if (!std::holds_alternative<Imm>(back->src) || back->unless) return std::nullopt;
    const auto tested = only_write(head, latch, back->dst);
    if (!tested) return std::nullopt;
    const Alu* alu = graph_.get<Alu>(*tested);
    bool tests_old = false;
    if (alu != nullptr && alu->op == AluOp::kMov && alu->width == Width::k64 && std::holds_alternative<Reg>(alu->src)) {
      const auto step = only_write(head, latch, std::get<Reg>(alu->src));
      if (!step) return std::nullopt;
      tests_old = *tested < *step;
      alu = graph_.get<Alu>(*step);
    }
    const bool steps =
        alu != nullptr && (alu->op == AluOp::kAdd || alu->op == AluOp::kSub) && std::holds_alternative<Imm>(alu->src);
    if (!steps) return std::nullopt;
    const auto start = constant_before(head, alu->dst);
    if (!start) return std::nullopt;
    return Counter{.start = *start, .step = alu, .back = back, .tests_old = tests_old};
  }
  /// The op of the loop that writes the register, if there is one only, which runs once an iteration.
  [[nodiscard]] std::optional<Label> only_write(Label head, Label latch, Reg reg) const {
    std::optional<Label> found;
    for (Label at = head; at < latch; ++at) {
      if (!contains(graph_.effects(at).writes, reg)) continue;
      if (found || skipped(head, at, latch)) return std::nullopt;
      found = at;
    }
    return found;
  }
  /// Whether a branch of the loop leads past `at` within it.
  [[nodiscard]] bool skipped(Label head, Label at, Label latch) const {
    for (Label from = head; from < at; ++from) {
      const Label* target = target_of(graph_.op(from));
      if (target != nullptr && *target > at && *target <= latch) return true;
    }
    return false;
  }
  /// The register's value where control reaches `at` from the op before it.
  [[nodiscard]] std::optional<std::uint64_t> constant_before(Label at, Reg reg) {
    constexpr Label kReach = 24;
    for (Label i = 0; i < kReach && at > 0; ++i, --at) {
      const Op& op = graph_.op(at - 1);
      if (never_continues(op)) return std::nullopt;
      if (contains(graph_.effects(at - 1).writes, reg)) {
        const Alu* alu = std::get_if<Alu>(&op);
        const Imm* imm = alu != nullptr && alu->op == AluOp::kMov ? std::get_if<Imm>(&alu->src) : nullptr;
        if (imm == nullptr) return std::nullopt;
        return isa::eval(AluOp::kMov, alu->width, 0, static_cast<std::uint64_t>(imm->value));
      }
      if (graph_.is_target(at - 1)) return std::nullopt;
    }
    return std::nullopt;
  }

  /// How often the body runs. Counting is by doing: steps and tests may wrap.
  static std::optional<std::uint32_t> count_trips(const Counter& counter) {
    const auto by = static_cast<std::uint64_t>(std::get<Imm>(counter.step->src).value);
    const auto limit = static_cast<std::uint64_t>(std::get<Imm>(counter.back->src).value);
    std::uint64_t value = counter.start;
    for (std::uint32_t trips = 1; trips <= kMaxTrips; ++trips) {
      const std::uint64_t next = isa::eval(counter.step->op, counter.step->width, value, by);
      const std::uint64_t tested = counter.tests_old ? value : next;
      value = next;
      if (!isa::compare(counter.back->op, counter.back->width, tested, limit)) return trips;
    }
    return std::nullopt;
  }

  void unroll(const Loop& loop, Rebuild& out) const {
    out.place(loop.head);
    for (std::uint32_t i = 0; i < loop.peeled; ++i) copy(loop, out);
    if (loop.group == 0) return;
    const Label again = out.next();
    for (std::uint32_t i = 0; i < loop.group; ++i) copy(loop, out);
    out.emit_to(graph_.op(loop.latch), graph_.code().origin[loop.latch], again);
  }

  /// One iteration without its last branch.
  void copy(const Loop& loop, Rebuild& out) const {
    const Label begin = out.next();
    for (Label at = loop.head; at < loop.latch; ++at) {
      const Op& op = graph_.op(at);
      const Label* target = target_of(op);
      const bool inside = target != nullptr && *target > loop.head && *target <= loop.latch;
      if (inside) {
        out.emit_to(op, graph_.code().origin[at], begin + (*target - loop.head));
      } else {
        out.emit(op, graph_.code().origin[at]);
      }
    }
  }

  Graph& graph_;
  std::vector<Sources> sources_;  // By label.
  std::vector<Loop> loops_;       // In order.
};

}  // namespace

void unroll(Graph& graph) { Unrolling(graph).run(); }

}  // namespace skep::lower::passes
