// SPDX-License-Identifier: Apache-2.0
#include "lower/optimize/slots.h"

#include <algorithm>
#include <functional>
#include <optional>

namespace skep::lower {
namespace {

using isa::Size;

template <class Access>
Bytes bytes_of(const Access& access) {
  return {access.offset, access.offset + static_cast<std::int32_t>(isa::bytes(access.size))};
}
/// Of loads and stores that a move can stand for.
std::optional<Bytes> slot_access(const Op& op) {
  if (const Load* load = std::get_if<Load>(&op)) {
    const bool whole = load->size == Size::k64 || (load->size == Size::k32 && load->extend == isa::Extend::kZero);
    if (load->base == isa::kR10 && load->index == kNoReg && load->ordering == Ordering::kRelaxed && !load->swap &&
        whole)
      return bytes_of(*load);
  } else if (const Store* store = std::get_if<Store>(&op)) {
    const bool whole = store->size == Size::k64 || store->size == Size::k32;
    if (store->base == isa::kR10 && store->index == kNoReg && store->ordering == Ordering::kRelaxed && !store->swap &&
        whole && !(store->src == Operand(isa::kR10)))
      return bytes_of(*store);
  }
  return std::nullopt;
}
/// What else is done with r10 alone.
std::optional<Bytes> exact_place(const Op& op) {
  if (const Load* load = std::get_if<Load>(&op); load != nullptr && load->index == kNoReg) return bytes_of(*load);
  if (const Store* store = std::get_if<Store>(&op);
      store != nullptr && store->index == kNoReg && !(store->src == Operand(isa::kR10)))
    return bytes_of(*store);
  if (const Atomic* atomic = std::get_if<Atomic>(&op); atomic != nullptr && !(atomic->reg == isa::kR10))
    return bytes_of(*atomic);
  if (const Clear* clear = std::get_if<Clear>(&op))
    return Bytes{clear->offset, clear->offset + static_cast<std::int32_t>(clear->bytes)};
  if (const Copy* copy = std::get_if<Copy>(&op); copy != nullptr && !(copy->from == isa::kR10))
    return Bytes{copy->to_offset, copy->to_offset + static_cast<std::int32_t>(copy->bytes)};
  return std::nullopt;
}

}  // namespace

void Slots::find(const std::vector<std::uint32_t>& weights) {
  for (Label at = function_.entry; at < end_; ++at) {
    const bool relative = contains(graph_.effects(at).reads, isa::kR10);
    if (const auto place = relative ? slot_access(graph_.op(at)) : std::nullopt) {
      note(*place, weights[at - function_.entry]);
    } else if (relative) {
      frame_stays_ = true;
      const auto exact = exact_place(graph_.op(at));
      if (exact) taken_.push_back(*exact);
      leaks_ = leaks_ || !exact;
    }
  }
  if (slots_.empty()) return;
  if (leaks_) take_what_pointers_reach();
  choose();
}

Var Slots::var_at(Label at) const {
  if (names_.empty() || !contains(graph_.effects(at).reads, isa::kR10)) return kNoVar;
  const auto place = slot_access(graph_.op(at));
  if (!place) return kNoVar;
  const auto found = std::ranges::find(names_, place->low);
  return found == names_.end() ? kNoVar : kRegs + static_cast<Var>(found - names_.begin());
}

void Slots::note(const Bytes& place, std::uint32_t weight) {
  const auto found = std::ranges::find_if(slots_, [&](const Slot& slot) { return slot.place.low == place.low; });
  if (found == slots_.end()) return slots_.push_back({.place = place, .weight = weight});
  found->place.high = std::max(found->place.high, place.high);
  found->weight += weight;
}

/// Copies of r10 are somewhere: what is not known to be elsewhere takes what it may reach.
void Slots::take_what_pointers_reach() {
  for (Label at = function_.entry; at < end_ && !slots_.empty(); ++at) {
    const Op& op = graph_.op(at);
    const bool at_place = contains(graph_.effects(at).reads, isa::kR10) && (slot_access(op) || exact_place(op));
    if (const Load* load = std::get_if<Load>(&op)) {
      if (!at_place) take(at, isa::bytes(load->size));
    } else if (const Store* store = std::get_if<Store>(&op)) {
      if (!at_place) take(at, isa::bytes(store->size));
    } else if (const Atomic* atomic = std::get_if<Atomic>(&op)) {
      if (!at_place) take(at, isa::bytes(atomic->size));
    } else if (const Clear* clear = std::get_if<Clear>(&op)) {
      if (!at_place) take(at, clear->bytes);
    } else if (std::holds_alternative<Copy>(op) || std::holds_alternative<AluLoad>(op) ||
               std::holds_alternative<Update>(op) || std::holds_alternative<BranchLoad>(op)) {
      slots_.clear();
    }
  }
}

void Slots::take(Label at, std::uint32_t bytes) {
  switch (graph_.memory(at)) {
    case MemoryKind::kContext:
    case MemoryKind::kPacket:
    case MemoryKind::kMapValue:
    case MemoryKind::kKernel:
      return;
    case MemoryKind::kStack:
      break;
    case MemoryKind::kUnknown:
    case MemoryKind::kOther:
      return slots_.clear();
  }
  // An inlined function's facts are about its own frame.
  const StackAccess* access = function_.inlines ? nullptr : graph_.stack_access(at);
  if (access == nullptr || !access->known()) return slots_.clear();
  // A pass may have made one access of several; the instruction is that of one of them.
  const std::int32_t more = static_cast<std::int32_t>(bytes) - access->bytes;
  const std::int32_t around = std::max(more, 0);
  taken_.push_back({access->low - around, access->high + around});
}

void Slots::choose() {
  constexpr std::int32_t kFrame = 4096;
  for (Slot& slot : slots_) {
    for (const Bytes& other : taken_) slot.kept = slot.kept && !slot.place.meets(other);
    for (const Slot& other : slots_) slot.kept = slot.kept && (&other == &slot || !slot.place.meets(other.place));
    slot.kept = slot.kept && slot.place.low >= -kFrame;
    frame_stays_ = frame_stays_ || !slot.kept;
  }
  std::erase_if(slots_, [](const Slot& slot) { return !slot.kept; });
  std::ranges::stable_sort(slots_, std::greater(), &Slot::weight);
  if (slots_.size() > kVars - kRegs) {
    slots_.resize(kVars - kRegs);
    frame_stays_ = true;
  }
  for (const Slot& slot : slots_) names_.push_back(slot.place.low);
}

}  // namespace skep::lower
