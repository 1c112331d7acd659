// SPDX-License-Identifier: Apache-2.0
// The stack holds what eBPF has too few registers for. A load of what a register still holds becomes a move; and where
// nothing but loads and stores at constant places sees a function's stack, stores that nobody loads go.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/overloaded.h"
#include "lower/optimize/dataflow.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

using isa::AluOp;
using isa::Size;
using isa::Width;

/// Bytes of the stack from r10 + offset on.
struct Place {
  std::int32_t offset = 0;
  std::uint32_t bytes = 0;

  [[nodiscard]] bool meets(const Place& other) const {
    return offset < other.offset + static_cast<std::int32_t>(other.bytes) &&
           other.offset < offset + static_cast<std::int32_t>(bytes);
  }
};

/// The bytes are the low ones of what the operand is.
struct Held {
  Place place;
  Operand value;
};

/// One bit for each 8 bytes, the highest address first.
using Slots = std::uint64_t;
constexpr std::int32_t kSlot = 8, kSlots = 64;
Slots touched(const Place& place) {
  const std::int32_t last = place.offset + static_cast<std::int32_t>(place.bytes) - 1;
  Slots slots = 0;
  for (std::int32_t i = (-1 - last) / kSlot; i <= (-1 - place.offset) / kSlot; ++i)
    if (i >= 0 && i < kSlots) slots |= Slots{1} << i;
  return slots;
}
bool covers_one(const Place& place) { return place.bytes == kSlot && place.offset % kSlot == 0; }

class Stack {
 public:
  explicit Stack(Graph& graph) : graph_(graph) {}

  void run() {
    const std::vector<Function>& functions = graph_.code().functions;
    for (std::size_t i = 0; i < functions.size(); ++i) {
      begin_ = functions[i].entry;
      end_ = i + 1 < functions.size() ? functions[i + 1].entry : graph_.size();
      survey();
      if (loads_ == 0 && (stores_ == 0 || leaks_)) continue;
      if (loads_ != 0 && stores_ + loads_ > 1) forward();
      if (stores_ != 0 && !leaks_) drop_stores();
    }
  }

 private:
  /// What the op accesses relative to r10, if that is all that it does with r10.
  [[nodiscard]] static std::optional<Place> place_of(const Op& op) {
    return std::visit(Overloaded{
                          [](const Load& load) { return place_of(load, load.index == kNoReg); },
                          [](const Store& store) {
                            return place_of(store, store.index == kNoReg && !(store.src == Operand(isa::kR10)));
                          },
                          [](const Atomic& atomic) { return place_of(atomic, !(atomic.reg == isa::kR10)); },
                          [](const auto&) { return std::optional<Place>(); },
                      },
                      op);
  }
  template <class Access>
  static std::optional<Place> place_of(const Access& access, bool plain) {
    if (!plain || !(access.base == isa::kR10)) return std::nullopt;
    return Place{.offset = access.offset, .bytes = isa::bytes(access.size)};
  }

  void survey() {
    loads_ = stores_ = 0;
    leaks_ = false;
    for (Label at = begin_; at < end_; ++at) {
      if (!contains(graph_.effects(at).reads, isa::kR10)) continue;
      const Op& op = graph_.op(at);
      if (!place_of(op)) {
        leaks_ = true;
      } else if (std::holds_alternative<Store>(op)) {
        ++stores_;
      } else {
        ++loads_;
      }
    }
  }

  // Loads of what a register holds, from one branch target to the next.

  void forward() {
    forget_all();
    for (Label at = begin_; at < end_; ++at) {
      if (graph_.is_target(at)) forget_all();
      const Effects effects = graph_.effects(at);
      if (!contains(effects.reads, isa::kR10)) {
        if (leaks_ && may_write(at)) forget_all();
        forget(effects.writes);
        continue;
      }
      const Op op = graph_.op(at);
      const auto place = place_of(op);
      const Load* load = std::get_if<Load>(&op);
      const bool replaced = load != nullptr && place && replace(at, *load, *place);
      if (!place && may_write(at)) forget_all();
      forget(graph_.effects(at).writes);
      if (place && !replaced) note(op, *place);
    }
  }
  /// Whether the op, which is no access relative to r10, may write the stack.
  [[nodiscard]] bool may_write(Label at) const {
    const Op& op = graph_.op(at);
    if (!leaks_ || only_computes(op) || std::holds_alternative<Branch>(op)) return false;
    const bool known = std::holds_alternative<Store>(op) || std::holds_alternative<Atomic>(op);
    const MemoryKind kind = graph_.memory(at);
    return !known || (kind != MemoryKind::kPacket && kind != MemoryKind::kMapValue);
  }
  void forget(RegSet written) {
    if ((written & holders_) == 0) return;
    std::erase_if(held_, [&](const Held& held) { return (set_of(held.value) & written) != 0; });
    holders_ &= static_cast<RegSet>(~written);
  }
  void forget_all() {
    held_.clear();
    holders_ = 0;
  }
  void hold(const Held& held) {
    held_.push_back(held);
    holders_ |= set_of(held.value);
  }
  void note(const Op& op, const Place& place) {
    if (const Load* load = std::get_if<Load>(&op)) {
      const bool whole = load->size == Size::k64 || load->extend == isa::Extend::kZero;
      if (whole && load->ordering == Ordering::kRelaxed && !load->swap) hold({.place = place, .value = load->dst});
      return;
    }
    std::erase_if(held_, [&](const Held& held) { return held.place.meets(place); });
    const Store* store = std::get_if<Store>(&op);
    if (store != nullptr && store->ordering == Ordering::kRelaxed && !store->swap)
      hold({.place = place, .value = store->src});
  }

  bool replace(Label at, const Load& load, const Place& place) {
    if (load.ordering != Ordering::kRelaxed || load.swap) return false;
    for (const Held& held : held_) {
      if (held.place.offset != place.offset || held.place.bytes < place.bytes) continue;
      const auto move = move_of(load, held.value);
      if (!move) continue;
      const bool same = held.value == Operand(load.dst) && load.size == Size::k64;
      graph_.replace(at, same ? Op(Nop{}) : *move);
      return true;
    }
    return false;
  }
  /// The op that makes of `value` what the load would.
  static std::optional<Op> move_of(const Load& load, const Operand& value) {
    const bool sign = load.extend == isa::Extend::kSign && load.size != Size::k64;
    Alu move{.op = AluOp::kMov, .width = Width::k64, .divisor = {}, .dst = load.dst, .src = value};
    if (const Imm* imm = std::get_if<Imm>(&value)) {
      const unsigned spare = 64 - 8 * isa::bytes(load.size);
      const std::uint64_t up = static_cast<std::uint64_t>(imm->value) << spare;
      move.src = Imm{sign ? static_cast<std::int64_t>(up) >> spare : static_cast<std::int64_t>(up >> spare)};
      return move;
    }
    if (sign) {
      move.op = load.size == Size::k8 ? AluOp::kMovSx8 : load.size == Size::k16 ? AluOp::kMovSx16 : AluOp::kMovSx32;
      return move;
    }
    if (load.size == Size::k8 || load.size == Size::k16) return std::nullopt;
    if (load.size == Size::k32) move.width = Width::k32;
    return move;
  }

  // Stores that nobody loads, in functions whose stack nobody else sees.

  /// The slots that are read before they are written.
  [[nodiscard]] Slots live_before(Label at, Slots live) const {
    if (!contains(graph_.effects(at).reads, isa::kR10)) return live;
    const Op& op = graph_.op(at);
    const auto place = place_of(op);
    if (!place) return live;
    if (!std::holds_alternative<Store>(op)) return live | touched(*place);
    return covers_one(*place) ? live & ~touched(*place) : live;
  }
  void drop_stores() {
    const Region region{.code = graph_.code(), .outlines = graph_.outlines(), .begin = begin_, .end = end_};
    const auto before = solve_backwards<Slots>(region, [&](Label at, Slots live) { return live_before(at, live); });
    for (Label at = begin_; at < end_; ++at) {
      const Store* store = graph_.get<Store>(at);
      const auto place =
          store != nullptr && store->ordering == Ordering::kRelaxed ? place_of(graph_.op(at)) : std::nullopt;
      // The slot of may_goto lies below the others.
      if (place && place->offset >= -kSlot * kSlots && (touched(*place) & region.after(before, at)) == 0)
        graph_.replace(at, Nop{});
    }
  }

  Graph& graph_;
  Label begin_ = 0, end_ = 0;  // Of the function at hand.
  std::uint32_t loads_ = 0, stores_ = 0;
  bool leaks_ = false;  // Something else is done with r10.
  std::vector<Held> held_;
  RegSet holders_ = 0;  // The registers that it names, and perhaps others.
};

}  // namespace

void stack(Graph& graph) { Stack(graph).run(); }

}  // namespace skep::lower::passes
