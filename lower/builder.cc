// SPDX-License-Identifier: Apache-2.0
#include "lower/builder.h"

#include <algorithm>
#include <utility>

#include "base/overloaded.h"

namespace skep::lower {

Builder::Builder(const Flow& flow) : labels_(flow.reachable.size()) {
  code_.ops.reserve(flow.reachable.size());
  code_.origin.reserve(flow.reachable.size());
}

void Builder::begin_function(InsnIndex entry, std::uint32_t stack_bytes) {
  at_ = entry;
  code_.functions.push_back({.entry = next(), .stack_bytes = stack_bytes, .insn = entry});
}

void Builder::emit_to_slot(const Op& op, InsnIndex slot) {
  fixups_.push_back({.op = next(), .slot = slot});
  emit(op);
}

void Builder::emit_helper(std::int32_t id, KnownMap map) {
  std::uint32_t index = 0;
  while (index < code_.helpers.size() && !(code_.helpers[index] == id && code_.helper_maps[index] == map)) ++index;
  if (index == code_.helpers.size()) {
    code_.helpers.push_back(id);
    code_.helper_maps.push_back(map);
  }
  emit(CallHelper{.index = index});
}

Code Builder::finish() {
  for (const Fixup& fixup : fixups_) {
    const Label label = labels_[fixup.slot];
    // Functions that never run (the verifier's word) have no ops and are not called by any op.
    const auto function = [&] {
      const auto after = std::ranges::upper_bound(code_.functions, label, {}, &Function::entry);
      return (after - 1)->entry;
    };
    std::visit(Overloaded{
                   [&](Branch& op) { op.target = label; },
                   [&](Jump& op) { op.target = label; },
                   [&](CallLocal& op) { op.target = function(); },
                   [&](LoadSymbol& op) { op.index = function(); },
                   [](auto&) {},
               },
               code_.ops[fixup.op]);
  }
  return std::move(code_);
}

}  // namespace skep::lower
