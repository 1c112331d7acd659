// SPDX-License-Identifier: Apache-2.0
// Collects the ops of one program. Rewritings emit ops for the slot that is being lowered; what refers to another slot
// is patched at the end, when every slot has its label.
#pragma once
#include <vector>

#include "lower/code.h"
#include "lower/flow.h"

namespace skep::lower {

class Builder {
 public:
  explicit Builder(const Flow& flow);

  /// Ops that follow come from `at`. A function's entry is the op before its prologue, a jump to its first slot goes
  /// behind it: call begin_function, emit the prologue, then begin_slot.
  void begin_slot(InsnIndex at) {
    at_ = at;
    labels_[at] = next();
  }
  void begin_function(InsnIndex entry, std::uint32_t stack_bytes);

  template <class T>
  void emit(const T& op) {
    code_.ops.emplace_back(op);
    code_.origin.push_back(at_);
  }
  /// Branch, Jump: to the label of `slot`. CallLocal, LoadSymbol: of the function that begins there.
  void emit_to_slot(const Op& op, InsnIndex slot);
  /// CallHelper of `id`, which is passed `map`.
  void emit_helper(std::int32_t id, KnownMap map = {});
  /// Label of the next op to be emitted.
  [[nodiscard]] Label next() const { return static_cast<Label>(code_.ops.size()); }

  Code finish();

 private:
  struct Fixup {
    Label op = 0;
    InsnIndex slot = 0;
  };
  Code code_;
  InsnIndex at_ = 0;
  std::vector<Label> labels_;  // By slot.
  std::vector<Fixup> fixups_;
};

}  // namespace skep::lower
