// SPDX-License-Identifier: Apache-2.0
// A block that one jump leads to, and nothing else, moves behind that jump, which goes. Compilers that decide the order
// of blocks before the last branches are known leave loops in two halves.
#include <optional>
#include <vector>

#include "lower/optimize/passes.h"
#include "lower/optimize/rebuild.h"

namespace skep::lower::passes {
namespace {

class Straightening {
 public:
  explicit Straightening(Graph& graph) : graph_(graph) {}

  void run() {
    if (!find_blocks()) return;
    Rebuild out(graph_);
    emitted_.assign(graph_.size(), 0);
    const std::vector<Function>& functions = graph_.code().functions;
    for (std::size_t i = 0; i < functions.size(); ++i) {
      const Label begin = functions[i].entry, end = i + 1 < functions.size() ? functions[i + 1].entry : graph_.size();
      for (Label at = begin; at < end; at = next_block(at, end))
        if (follows_[at] == 0) emit(at, out);
      // Blocks that only lead to each other.
      for (Label at = begin; at < end; ++at)
        if (emitted_[at] == 0) emit(at, out);
    }
    graph_.rebuild(out.finish());
  }

 private:
  /// Notes the targets of jumps that nothing else leads to.
  bool find_blocks() {
    bool jumps = false;
    for (Label at = 0; at < graph_.size() && !jumps; ++at) jumps = graph_.get<Jump>(at) != nullptr;
    if (!jumps) return false;
    follows_.assign(graph_.size(), 0);
    bool any = false;
    for (Label at = 0; at < graph_.size(); ++at) {
      const Jump* jump = graph_.get<Jump>(at);
      if (jump == nullptr || graph_.sources(jump->target) != 1 || jump->target == at + 1) continue;
      if (!never_continues(graph_.op(jump->target - 1))) continue;
      follows_[jump->target] = 1;
      any = true;
    }
    return any;
  }
  /// Behind the op that ends the straight line from `at`.
  [[nodiscard]] Label next_block(Label at, Label end) const {
    while (at < end && !never_continues(graph_.op(at))) ++at;
    return at < end ? at + 1 : end;
  }
  /// The line from `at`, and the blocks that follow it.
  void emit(Label at, Rebuild& out) {
    while (emitted_[at] == 0) {
      emitted_[at] = 1;
      const Jump* jump = graph_.get<Jump>(at);
      if (jump != nullptr && follows_[jump->target] != 0 && emitted_[jump->target] == 0) {
        out.place(at);
        at = jump->target;
        continue;
      }
      out.keep(at);
      if (never_continues(graph_.op(at))) return;
      ++at;
    }
  }

  Graph& graph_;
  std::vector<std::uint8_t> follows_, emitted_;  // By label.
};

}  // namespace

void straighten(Graph& graph) { Straightening(graph).run(); }

}  // namespace skep::lower::passes
