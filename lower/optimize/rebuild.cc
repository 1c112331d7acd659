// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/rebuild.h"

#include <cassert>

#include "lower/effects.h"

namespace skep::lower {

Rebuild::Rebuild(const Code& old) : old_(old), places_(old.ops.size() + 1, kNowhere) {
  const std::size_t likely = old.ops.size() + old.ops.size() / 4;
  code_.ops.reserve(likely);
  code_.origin.reserve(likely);
  is_new_.reserve(likely);
}

void Rebuild::emit(const Op& op, InsnIndex origin) {
  code_.ops.push_back(op);
  code_.origin.push_back(origin);
  is_new_.push_back(0);
}

void Rebuild::emit_to(const Op& op, InsnIndex origin, Label target) {
  emit(op, origin);
  set_target(next() - 1, target);
}

void Rebuild::set_target(Label at, Label target) {
  *target_of(code_.ops[at]) = target;
  is_new_[at] = 1;
}

Code Rebuild::finish() {
  places_.back() = next();
  const auto moved = [this](Label old) {
    assert(places_[old] != kNowhere);
    return places_[old];
  };
  for (Label at = 0; at < next(); ++at) {
    Op& op = code_.ops[at];
    if (Label* target = target_of(op); target != nullptr && is_new_[at] == 0) *target = moved(*target);
    if (auto* call = std::get_if<CallLocal>(&op)) call->target = moved(call->target);
    if (auto* symbol = std::get_if<LoadSymbol>(&op); symbol != nullptr && symbol->kind == SymbolKind::kFunction)
      symbol->index = moved(symbol->index);
  }
  for (const Function& function : old_.functions)
    if (places_[function.entry] != kNowhere)
      code_.functions.push_back(
          {.entry = moved(function.entry), .stack_bytes = function.stack_bytes, .insn = function.insn});
  code_.helpers = old_.helpers;
  code_.helper_maps = old_.helper_maps;
  return std::move(code_);
}

}  // namespace skep::lower
