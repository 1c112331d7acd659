// SPDX-License-Identifier: Apache-2.0
// Blocks of memory: structures are cleared and copied by series of stores, and of loads and stores. A run of zeros to
// adjacent places becomes one Clear, a run of words from adjacent places to adjacent places one Copy, or, where it is
// no longer than a word, one load and one store.
#include <algorithm>
#include <optional>
#include <vector>

#include "lower/optimize/alias.h"
#include "lower/optimize/passes.h"

namespace skep::lower::passes {
namespace {

constexpr std::uint32_t kWord = 8, kLeast = 16;

class Blocks {
 public:
  explicit Blocks(Graph& graph) : graph_(graph), back_(graph), alias_(graph) {}

  /// Backwards, so that each store is the last of those before it.
  void run() {
    for (Label at = graph_.size(); at-- > 0;) {
      const auto root = graph_.get<Store>(at) != nullptr ? part_of(at) : std::nullopt;
      if (!root) continue;
      collect(*root);
      if (parts_.size() > 1) replace_run(*root);
    }
  }

 private:
  /// A store of zeros, or of what a load brought that nobody else needs.
  struct Part {
    Label store = 0;
    Range to;
    std::optional<Label> load;
    Range from;
  };
  static constexpr std::size_t kMostParts = 64;
  static constexpr std::size_t kMostTries = 64;  // Of the windows of a series.
  static constexpr Label kMostBetween = 8;       // Other ops in a row.

  [[nodiscard]] std::optional<Part> part_of(Label at) {
    const Store& store = *graph_.get<Store>(at);
    const auto to = store.ordering == Ordering::kRelaxed && !store.swap ? alias_.range(store, at) : std::nullopt;
    if (!to) return std::nullopt;
    if (const Imm* imm = std::get_if<Imm>(&store.src)) {
      if (imm->value != 0) return std::nullopt;
      return Part{.store = at, .to = *to, .load = std::nullopt, .from = {}};
    }
    const Reg through = std::get<Reg>(store.src);
    const auto def = back_.def({through, at});
    const Load* load = def ? graph_.get<Load>(*def) : nullptr;
    if (load == nullptr || load->size != store.size || load->ordering != Ordering::kRelaxed || load->swap)
      return std::nullopt;
    if (!back_.unread(through, *def, at) || through == store.base || !graph_.dead_after(at, through))
      return std::nullopt;
    const auto from = alias_.range(*load, *def);
    // What was just written to the stack in other pieces would be slow to load.
    if (!from || from->kind == MemoryKind::kStack) return std::nullopt;
    return Part{.store = at, .to = *to, .load = def, .from = *from};
  }

  /// Whether two parts belong to one series.
  [[nodiscard]] bool alike(const Part& a, const Part& b) const {
    if (a.load.has_value() != b.load.has_value() || !alias_.same_base(a.to, b.to)) return false;
    return !a.load || (a.from.offset - a.to.offset == b.from.offset - b.to.offset && alias_.same_base(a.from, b.from));
  }
  /// Into parts_: the series that `root` ends, by address.
  void collect(const Part& root) {
    parts_ = {root};
    Label between = 0;
    for (Label at = root.store; at > 0 && between < kMostBetween && parts_.size() < kMostParts; --at) {
      if (graph_.is_target(at)) break;
      const Op& op = graph_.op(at - 1);
      ++between;
      if (std::holds_alternative<Store>(op)) {
        const auto part = part_of(at - 1);
        if (!part || !alike(*part, root)) continue;
        if (std::ranges::any_of(parts_, [&](const Part& other) { return !alias_.apart(other.to, part->to); })) break;
        parts_.push_back(*part);
        between = 0;
      } else if (!std::holds_alternative<Alu>(op) && !only_computes(op) && !std::holds_alternative<Nop>(op)) {
        break;
      }
    }
    std::ranges::sort(parts_, {}, [](const Part& part) { return part.to.offset; });
  }

  /// The longest piece of the series without a gap that `root` belongs to.
  void replace_run(const Part& root) {
    const auto middle = std::ranges::find(parts_, root.store, &Part::store);
    auto begin = middle, end = middle + 1;
    while (begin != parts_.begin() && (begin - 1)->to.end() == begin->to.offset) --begin;
    while (end != parts_.end() && (end - 1)->to.end() == end->to.offset) ++end;
    parts_.assign(begin, end);
    if (!longest(root, [](std::uint32_t bytes) { return bytes >= kLeast && bytes % kWord == 0; }) && root.load)
      longest(root, [](std::uint32_t bytes) { return bytes == 8 || bytes == 4 || bytes == 2; });
  }
  template <class Suits>
  bool longest(const Part& root, Suits suits) {
    std::size_t tries = 0;
    for (std::size_t count = parts_.size(); count > 1; --count) {
      for (std::size_t first = 0; first + count <= parts_.size(); ++first) {
        const Part &low = parts_[first], &high = parts_[first + count - 1];
        const auto bytes = static_cast<std::uint32_t>(high.to.end() - low.to.offset);
        if (root.to.offset < low.to.offset || root.to.offset > high.to.offset || !suits(bytes)) continue;
        if (++tries > kMostTries) return false;
        run_.assign(parts_.begin() + static_cast<std::ptrdiff_t>(first),
                    parts_.begin() + static_cast<std::ptrdiff_t>(first + count));
        if (replace(root, bytes)) return true;
      }
    }
    return false;
  }

  bool replace(const Part& root, std::uint32_t bytes) {
    Range to = run_.front().to, from = run_.front().from;
    to.bytes = from.bytes = bytes;
    if (root.load && !alias_.apart(from, to)) return false;
    if (!clear_between(root, from, to)) return false;
    if (!root.load) {
      drop();
      graph_.replace(root.store, Clear{.base = root.to.base.reg, .offset = displacement(to), .bytes = bytes});
      return true;
    }
    return bytes < kLeast ? copy_word(from, to) : copy(root, from, to);
  }
  /// Whether the run may happen at once: no other op in between touches where it writes, or writes where it reads.
  [[nodiscard]] bool clear_between(const Part& root, const Range& from, const Range& to) const {
    Label first = root.store;
    for (const Part& part : run_) first = std::min(first, part.load.value_or(part.store));
    for (Label at = first; at < root.store; ++at) {
      if (std::ranges::any_of(run_, [&](const Part& part) { return part.store == at || part.load == at; })) continue;
      if (graph_.branches(at) || alias_.may_touch(at, to)) return false;
      if (root.load && alias_.may_write(at, from)) return false;
    }
    return true;
  }
  void drop() {
    for (const Part& part : run_) {
      graph_.replace(part.store, Nop{});
      if (part.load) graph_.replace(*part.load, Nop{});
    }
  }
  /// From any register that holds the base.
  static std::int32_t displacement(const Range& range) { return static_cast<std::int32_t>(range.offset); }

  bool copy(const Part& root, const Range& from, const Range& to) {
    const Part& last = *std::ranges::max_element(run_, {}, [](const Part& part) { return *part.load; });
    // At the last store; or at the last load, which may have overwritten its base.
    std::optional<Label> place;
    if (back_.holds(last.from.base, root.store)) {
      place = root.store;
    } else if (back_.same(root.to.base, {root.to.base.reg, *last.load})) {
      place = last.load;
    }
    if (!place) return false;
    drop();
    graph_.replace(*place, Copy{.to = root.to.base.reg,
                                .from = last.from.base.reg,
                                .to_offset = displacement(to),
                                .from_offset = displacement(from),
                                .bytes = to.bytes});
    return true;
  }

  /// A word at once, through the register of the part that is loaded last.
  bool copy_word(const Range& from, const Range& to) {
    const bool aligned = to.base.reg == isa::kR10;
    if (aligned && to.offset % std::int64_t{to.bytes} != 0) return false;
    const Part part = *std::ranges::max_element(run_, {}, [](const Part& one) { return *one.load; });
    Load load = *graph_.get<Load>(*part.load);
    Store store = *graph_.get<Store>(part.store);
    load.offset = displacement(from);
    load.extend = isa::Extend::kZero;
    store.offset = displacement(to);
    load.size = store.size = isa::size_of(to.bytes);
    drop();
    graph_.replace(*part.load, load);
    graph_.replace(part.store, store);
    return true;
  }

  Graph& graph_;
  Lookback back_;
  Alias alias_;
  std::vector<Part> parts_, run_;
};

}  // namespace

void blocks(Graph& graph) { Blocks(graph).run(); }

}  // namespace skep::lower::passes
