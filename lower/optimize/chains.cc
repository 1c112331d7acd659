// SPDX-License-Identifier: Apache-2.0
// acc += a; acc += b; where a and b are only for that: b += a first, so that additions to acc, each of which waits for
// the one before, become half as many. Additions wrap, so that their order does not matter. a waits in a register of
// its own.
#include <optional>

#include "lower/optimize/lookback.h"
#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;

bool associates(AluOp op) { return op == AluOp::kAdd || op == AluOp::kXor; }

/// An addition to an accumulator of a term that nobody else reads.
struct Term {
  Label at = 0;   ///< acc += term.
  Label def = 0;  ///< The load that made the term.
};

class Chains {
 public:
  explicit Chains(Graph& graph) : graph_(graph), back_(graph) {}

  void run() {
    LastWritten loaded;
    for (Label at = 0; at < graph_.size(); ++at) {
      const Alu* add = graph_.get<Alu>(at);
      const Reg* term = add != nullptr ? std::get_if<Reg>(&add->src) : nullptr;
      if (term != nullptr && loaded.has(*term))
        if (const auto second = term_at(at)) pair(*second);
      loaded.note(graph_.effects(at).writes, graph_.get<Load>(at) != nullptr);
    }
    insert(graph_, sums_);
  }

 private:
  [[nodiscard]] std::optional<Term> term_at(Label at) const {
    const Alu* add = graph_.get<Alu>(at);
    const Reg* term = add != nullptr && associates(add->op) ? std::get_if<Reg>(&add->src) : nullptr;
    if (term == nullptr || *term == add->dst || !graph_.dead_after(at, *term)) return std::nullopt;
    const auto def = back_.def({*term, at});
    if (!def || graph_.get<Load>(*def) == nullptr || !back_.unread(*term, *def, at)) return std::nullopt;
    return Term{.at = at, .def = *def};
  }

  void pair(const Term& second) {
    const Alu add = std::get<Alu>(graph_.op(second.at));
    const auto before = back_.def({add.dst, second.at});
    if (!before || *before < used_until_ || !back_.unread(add.dst, *before, second.at)) return;
    const auto first = term_at(*before);
    if (!first || first->def < used_until_) return;
    const Alu earlier = std::get<Alu>(graph_.op(first->at));
    if (earlier.op != add.op || earlier.width != add.width || !(earlier.dst == add.dst)) return;
    // The scratch register is free unless lowering uses it here.
    if (!back_.unwritten(kScratch, first->def, second.at) || !back_.unread(kScratch, first->def, second.at)) return;
    if (contains(graph_.live_after(second.at), kScratch)) return;
    for (Label between = first->def; between < second.at; ++between)
      if (target_of(graph_.op(between)) != nullptr || calls(graph_.op(between))) return;
    Load early = std::get<Load>(graph_.op(first->def));
    early.dst = kScratch;
    graph_.replace(first->def, early);
    graph_.replace(first->at, Nop{});
    Alu sum = add;  // Of the two terms.
    sum.dst = std::get<Reg>(add.src);
    sum.src = kScratch;
    sums_.push_back({.before = second.at, .ops = {sum}});
    used_until_ = second.at + 1;
  }
  static bool calls(const Op& op) {
    return std::holds_alternative<CallHelper>(op) || std::holds_alternative<CallLocal>(op) ||
           std::holds_alternative<TailCall>(op);
  }

  Graph& graph_;
  Lookback back_;
  std::vector<Insertion> sums_;
  Label used_until_ = 0;  // Ops before this one belong to pairs.
};

}  // namespace

void chains(Graph& graph) { Chains(graph).run(); }

}  // namespace skep::lower::passes
