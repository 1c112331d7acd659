// SPDX-License-Identifier: Apache-2.0
// Code written anew, for passes that insert or duplicate ops. Ops are emitted in order with the labels of the old code;
// where the old code's ops now begin is said by place(), and finish() puts the new labels in.
#pragma once
#include <span>
#include <vector>

#include "lower/optimize/graph.h"

namespace skep::lower {

class Rebuild {
 public:
  explicit Rebuild(const Graph& old);

  /// The old op begins at the next op emitted.
  void place(Label old) { places_[old] = next(); }
  /// Label of the next op emitted, in the new code.
  [[nodiscard]] Label next() const { return static_cast<Label>(code_.ops.size()); }
  /// Branches and calls name labels of the old code.
  void emit(const Op& op, InsnIndex origin) { push(op, outline_of(op), origin); }
  /// As emit, but the target of the branch is a label of the new code; later set_target() may change it.
  void emit_to(const Op& op, InsnIndex origin, Label target);
  void set_target(Label at, Label target);
  /// place(at) and emit the old op as it is.
  void keep(Label at) {
    place(at);
    push(old_.op(at), old_.outlines()[at], old_.code().origin[at]);
  }

  /// The same of each in [from, to).
  void keep(Label from, Label to);

  /// Functions whose first op was not placed are gone.
  Rebuilt finish();

 private:
  static constexpr Label kNowhere = ~Label{0};

  void push(const Op& op, const Outline& outline, InsnIndex origin) {
    code_.ops.push_back(op);
    outlines_.push_back(outline);
    code_.origin.push_back(origin);
    is_new_.push_back(0);
  }

  const Graph& old_;
  Code code_;
  std::vector<Outline> outlines_;
  std::vector<Label> places_;         // By old label.
  std::vector<std::uint8_t> is_new_;  // By new op: its target is a new label already.
};

/// Ops to be done before another one; branches that lead there do them too.
struct Insertion {
  Label before = 0;
  std::vector<Op> ops;
};
/// In the order of their places. Nothing to insert costs nothing.
void insert(Graph& graph, std::span<const Insertion> insertions);

}  // namespace skep::lower
