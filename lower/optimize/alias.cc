// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/alias.h"

#include "base/overloaded.h"

namespace skep::lower {
namespace {

/// Neither the packet nor a map's values lie on a stack. Contexts and other objects may be anything.
bool never_on_stack(MemoryKind kind) { return kind == MemoryKind::kPacket || kind == MemoryKind::kMapValue; }

}  // namespace

Range Alias::range(Reg base, std::int64_t offset, std::uint32_t bytes, Label at) const {
  const MemoryKind kind = base == isa::kR10 ? MemoryKind::kStack : graph_.memory(at);
  return {.base = {base, at}, .offset = offset, .bytes = bytes, .kind = kind};
}

bool Alias::same_base(const Range& a, const Range& b) const {
  return back_.same(a.base, b.base) || back_.same(back_.origin(a.base), back_.origin(b.base));
}

bool Alias::apart(const Range& a, const Range& b) const {
  if (same_base(a, b)) return a.end() <= b.offset || b.end() <= a.offset;
  return (a.kind == MemoryKind::kStack && never_on_stack(b.kind)) ||
         (b.kind == MemoryKind::kStack && never_on_stack(a.kind));
}

bool Alias::may_write(Label at, const Range& range) const {
  const Op& op = graph_.op(at);
  if (std::holds_alternative<Alu>(op)) return false;
  if (const Load* load = std::get_if<Load>(&op)) return load->ordering != Ordering::kRelaxed;
  return may_touch(at, range);
}

bool Alias::may_touch(Label at, const Range& range) const {
  if (graph_.get<Alu>(at) != nullptr) return false;
  const auto meets = [&](const auto& access) {
    if (access.ordering != Ordering::kRelaxed) return true;
    const auto other = this->range(access, at);
    return !other || !apart(*other, range);
  };
  return std::visit(Overloaded{
                        [&](const Load& load) { return meets(load); },
                        [&](const Store& store) { return meets(store); },
                        [](const Branch&) { return false; },
                        [](const Nop&) { return false; },
                        [&](const auto&) { return !only_computes(graph_.op(at)); },
                    },
                    graph_.op(at));
}

}  // namespace skep::lower
